"""Tables of time and mean red, green and blue, as recorded by finger cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.rppg_adapt.faces.extraction import LEAST_SECONDS, FaceClip
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, heart_rate_band

SUFFIXES = frozenset({".csv", ".tsv"})

_NAMES = {"time": ("time", "t", "timestamp"), "red": ("r", "red"), "green": ("g", "green"), "blue": ("b", "blue")}
_DARK = 1e-3
_BAND = (0.5, 8.0)


def read_traces(path: Path) -> FaceClip:
    """Read a table of mean colours as a `FaceClip` without pictures.

    Times may be irregular, in seconds or milliseconds; a median step above 1 means milliseconds. A finger on a lamp
    shows the pulse in one channel only: if a channel is black or much darker than another, the channel with the
    clearest pulse replaces all three.

    Raises
    ------
    InputError
        If columns are missing, cells are not numbers, or the table is shorter than five seconds.
    """
    rows = read_csv_table(path, ())
    columns = {name.lower(): name for name in rows[0]}
    picked = {}
    for role, names in _NAMES.items():
        found = next((columns[name] for name in names if name in columns), None)
        if found is None:
            raise InputError(
                f"{path}: columns {', '.join(rows[0])} found; one for {role} ({' or '.join(names)}) expected too.",
                hint="A table of traces has columns time, R, G and B.",
            )
        picked[role] = found
    try:
        table = np.array([[float(row[picked[role]]) for role in _NAMES] for row in rows])
    except ValueError as error:
        raise InputError(f"{path}: {error}; numbers expected in columns time, R, G and B.") from error
    times, first = np.unique(table[:, 0], return_index=True)
    colours = table[first, 1:]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    # A step above 1 cannot be in seconds.
    if step > 1:
        times = times / 1000
        step /= 1000
    times = times - times[0]
    if not len(times) or times[-1] < LEAST_SECONDS:
        raise InputError(
            f"{path}: {times[-1] if len(times) else 0:.1f} s of traces found; {LEAST_SECONDS:g} s or more expected."
        )
    count = len(times)
    clearest, is_gray = _clearest_channel(times, colours, 1 / step)
    notes = () if not is_gray else (f"the {('red', 'green', 'blue')[clearest]} channel alone was read",)
    if is_gray:
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
        notes,
    )


def _clearest_channel(times: Wave, colours: Wave, fps: float) -> tuple[int, bool]:
    """Return the channel with the clearest pulse, and whether it should replace the others.

    It should if a channel is black, or if the brightest channel is more than three times as bright as the darkest.
    """
    even = np.arange(times[0], times[-1], 1 / fps)
    shares = []
    for column in colours.T:
        if column.mean() < _DARK or np.ptp(column) == 0:
            shares.append(-1.0)
            continue
        relative = np.interp(even, times, column / column.mean())
        smooth = bandpassed(detrended(relative), fps, (_BAND[0], min(_BAND[1], 0.45 * fps)))
        shares.append(heart_rate(smooth, fps, heart_rate_band(fps)).peak_share)
    return int(np.argmax(shares)), min(shares) < 0 or colours.mean(axis=0).max() > 3 * colours.mean(axis=0).min()
