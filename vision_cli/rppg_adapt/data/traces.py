"""Mean colours that somebody else has measured: tables of time, red, green and blue, as finger cameras give them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.rppg_adapt.faces.extraction import LEAST_SECONDS, FaceClip
from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate, rate_band

SUFFIXES = frozenset({".csv", ".tsv"})

_NAMES = {"time": ("time", "t", "timestamp"), "red": ("r", "red"), "green": ("g", "green"), "blue": ("b", "blue")}
_DARK = 1e-3
_BAND = (0.5, 8.0)


def read_traces(path: Path) -> FaceClip:
    """Read a table of mean colours as the clip of a face without pictures.

    Times may jitter; in milliseconds or seconds, told by their step. Of a finger on a lamp one channel alone carries
    the pulse: where channels are black or without a peak, the clearest is taken for all.

    Raises
    ------
    InputError
        If columns are missing, cells are no numbers, or there are less than five seconds.
    """
    rows = read_csv_table(path, ())
    columns = {name.lower(): name for name in rows[0]}
    picked = {}
    for role, names in _NAMES.items():
        found = next((columns[name] for name in names if name in columns), None)
        if found is None:
            raise InputError(
                f"{path}: columns {', '.join(rows[0])}; one for {role} ({' or '.join(names)}) expected too.",
                hint="A table of traces has time, R, G and B.",
            )
        picked[role] = found
    try:
        table = np.array([[float(row[picked[role]]) for role in _NAMES] for row in rows])
    except ValueError as error:
        raise InputError(f"{path}: {error}; numbers expected.") from error
    times, first = np.unique(table[:, 0], return_index=True)
    colours = table[first, 1:]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    # Nobody films with a second between frames.
    if step > 1:
        times = times / 1000
        step /= 1000
    times = times - times[0]
    if not len(times) or times[-1] < LEAST_SECONDS:
        raise InputError(f"{path}: {times[-1] if len(times) else 0:.1f} s of traces; {LEAST_SECONDS:g} s expected.")
    count = len(times)
    clearest, gray = _clearest(times, colours, 1 / step)
    notes = () if not gray else (f"the {('red', 'green', 'blue')[clearest]} channel alone was read",)
    if gray:
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
        gray,
        notes,
    )


def _clearest(times: Wave, colours: Wave, fps: float) -> tuple[int, bool]:
    """Give the channel with the clearest pulse, and whether the others are black."""
    even = np.arange(times[0], times[-1], 1 / fps)
    shares = []
    for column in colours.T:
        if column.mean() < _DARK or np.ptp(column) == 0:
            shares.append(-1.0)
            continue
        relative = np.interp(even, times, column / column.mean())
        smooth = bandpassed(detrended(relative), fps, (_BAND[0], min(_BAND[1], 0.45 * fps)))
        shares.append(heart_rate(smooth, fps, rate_band(fps)).peak_share)
    return int(np.argmax(shares)), min(shares) < 0 or colours.mean(axis=0).max() > 3 * colours.mean(axis=0).min()
