"""Tables of time and mean red, green and blue, as recorded by finger cameras."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.videos.clock import GrowingClock
from vision_cli.rppg_adapt.faces.extraction import LEAST_SECONDS, SLOWEST_FPS, FaceClip
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, heart_rate_band

SUFFIXES = frozenset({".csv", ".tsv"})

_COLUMNS = {"red": ("r", "red"), "green": ("g", "green"), "blue": ("b", "blue")}
_TIME = re.compile(r"(?:time|t|timestamp)[ _]*[(\[]?(?P<unit>s|ms|us|µs|ns|)[)\]]?")
_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_MOST_OF_UNIT = 1000.0
_MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "inf", "-inf", "+inf"})
_FEWEST_ROWS = 0.5
_MOST_RESTARTS = 0.01
_DARK = 1e-3
_BAND = (0.5, 8.0)
_COPIES_APART = 0.01


def read_traces(path: Path) -> FaceClip:
    """Read a table of mean colours as a `FaceClip` without pictures.

    Times may be irregular, in seconds, milliseconds, microseconds or nanoseconds: the unit in the name of the column
    (``time_ms``) or else the one with a median step of at most a second. Rows with a missing cell (empty, NaN,
    infinite) are left out with a note; so many in a row that a beat is missing make a pause. A clock that starts again
    is another recording. A finger on a lamp shows the pulse in one channel only: if a channel is black or much darker
    than another, or all three are copies of one, the channel with the clearest pulse replaces all three.

    Raises
    ------
    InputError
        If columns are missing, cells are not numbers, most rows have missing cells, or the table is shorter than
        five seconds.
    """
    rows = read_csv_table(path, ())
    picked, unit = _pick_columns(path, list(rows[0]))
    table = _numbers(path, rows, picked)
    whole = np.isfinite(table).all(axis=1)
    if whole.mean() < _FEWEST_ROWS:
        raise InputError(
            f"{path}: {np.sum(~whole)} of {len(table)} rows without a number in columns {', '.join(picked)} found; "
            "half of the rows or more expected with numbers.",
            hint="A table of traces has columns time, R, G and B.",
        )
    notes = []
    if not whole.all():
        notes.append(f"{np.sum(~whole)} of {len(table)} rows without a number left out")
    table = table[whole]
    if np.mean(np.diff(table[:, 0]) < 0) > _MOST_RESTARTS:
        # Rows that are not in order: a clock does not start again so often.
        table = table[np.argsort(table[:, 0], kind="stable")]
    clock: GrowingClock[int] = GrowingClock()
    kept = list(clock(zip(_seconds(table[:, 0], unit).tolist(), range(len(table)), strict=True)))
    times, colours = np.array([time for time, _ in kept]), table[[k for _, k in kept], 1:]
    notes += [note.replace("frame", "row") for note in clock.notes]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    if not len(times) or times[-1] < LEAST_SECONDS:
        raise InputError(
            f"{path}: {times[-1] if len(times) else 0:.1f} s of traces found; {LEAST_SECONDS:g} s or more expected."
        )
    count = len(times)
    clearest, is_gray = _clearest_channel(times, colours, 1 / step, str(path))
    if is_gray:
        notes.append(f"the {tuple(_COLUMNS)[clearest]} channel alone was read")
        colours = np.repeat(colours[:, clearest : clearest + 1], 3, axis=1)
    dropped = int(np.sum(np.maximum(np.rint(np.diff(times) / step) - 1, 0)))
    return FaceClip(
        0,
        times,
        np.zeros((count, 1, 1, 3), np.uint8),
        colours,
        np.zeros((count, 4)),
        np.ones(count, bool),
        np.ones((1, 1), np.float32),
        1 / step,
        dropped,
        is_gray,
        tuple(notes),
    )


def _pick_columns(path: Path, header: Sequence[str]) -> tuple[list[str], float | None]:
    """Return the columns of time, red, green and blue, and the unit of time in seconds if its name says one."""
    columns = {name.lower(): name for name in header}
    timed = [(name, match["unit"]) for low, name in columns.items() if (match := _TIME.fullmatch(low))]
    picked = [name for name, _ in timed[:1]]
    expected = {"time": ("time", "t", "timestamp"), **_COLUMNS}
    for role, names in _COLUMNS.items() if picked else expected.items():
        found = next((columns[name] for name in names if name in columns), None)
        if found is None:
            raise InputError(
                f"{path}: columns {', '.join(header)} found; one for {role} ({' or '.join(names)}) expected too.",
                hint="A table of traces has columns time, R, G and B.",
            )
        picked.append(found)
    return picked, _UNITS.get(timed[0][1])


def _numbers(path: Path, rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> Wave:
    """Return the cells of columns, ``(N, 4)``, with NaN for missing ones."""
    try:
        return np.array(
            [[np.nan if row[c].lower() in _MISSING else float(row[c]) for c in columns] for row in rows], np.float64
        )
    except ValueError as error:
        raise InputError(f"{path}: {error}; numbers expected in columns time, R, G and B.") from error


def _seconds(stamps: Wave, unit: float | None) -> Wave:
    """Return time stamps in seconds since the first, by their unit in seconds or their median step."""
    since = stamps - stamps[:1]
    if unit is not None or len(since) < 2:
        return since * (unit or 1.0)
    steps = np.abs(np.diff(since))
    step = float(np.median(steps[steps > 0])) if (steps > 0).any() else 1.0
    # Two samples a second are too few for a pulse, so that a step above 1 is not in seconds.
    exponent = max(0, int(np.ceil(np.log(step) / np.log(_MOST_OF_UNIT) - 1e-9)))
    return np.asarray(since / _MOST_OF_UNIT ** min(exponent, 3))


def _clearest_channel(times: Wave, colours: Wave, fps: float, name: str) -> tuple[int, bool]:
    """Return the channel with the clearest pulse, and whether it should replace the others.

    It should if a channel is black, if the brightest channel is more than three times as bright as the darkest, or if
    all have the same relative changes: they are copies of one.
    """
    if fps < SLOWEST_FPS:
        raise InputError(f"{name}: {fps:.2g} samples a second found; {SLOWEST_FPS:g} or more expected.")
    even = np.arange(times[0], times[-1], 1 / fps)
    shares, waves = [], []
    for column in colours.T:
        if column.mean() < _DARK or np.ptp(column) == 0:
            shares.append(-1.0)
            continue
        relative = np.interp(even, times, column / column.mean())
        smooth = bandpassed(detrended(relative), fps, (_BAND[0], min(_BAND[1], 0.45 * fps)))
        shares.append(heart_rate(smooth, fps, heart_rate_band(fps)).peak_share)
        waves.append(smooth)
    if min(shares) < 0 or colours.mean(axis=0).max() > 3 * colours.mean(axis=0).min():
        return int(np.argmax(shares)), True
    apart = np.std(waves - np.mean(waves, axis=0)) / np.std(waves)
    return int(np.argmax(shares)), bool(apart < _COPIES_APART)
