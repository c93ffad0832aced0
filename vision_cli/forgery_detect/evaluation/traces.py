"""Traces of a picture's past in its pixels: periods of a resize or of JPEG blocks, former encodings, fixed overlays."""

from __future__ import annotations

from math import gcd

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.values import Picture
from vision_cli.io.pictures.encodings import through_jpeg

Floats = NDArray[np.float64]

PERIODS = tuple(
    (number, period) for period in range(2, 13) for number in range(1, period // 2 + 1) if gcd(number, period) == 1
)
"""Frequencies ``number / period`` in cycles a pixel: a picture reduced to 3/4 repeats itself every 3 pixels."""

PERIOD_NAMES = tuple(f"{number}/{period} cycles per pixel" for number, period in PERIODS)

QUALITIES = tuple(range(50, 96, 5))
QUALITY_NAMES = tuple(f"change by JPEG of quality {quality} relative to its neighbours" for quality in QUALITIES[1:-1])

PLACES = ("top left", "top", "top right", "left", "right", "bottom left", "bottom", "bottom right")

_DETREND = 9
_LEAST = 1e-2
_LEAST_SIDE = 48
_BLOCK = 16
_TEST_SIDE = 256
_LARGEST_WINDOW = 160
_WINDOWS_A_SIDE = 4
_STRONG_EDGE = 8.0
"""Difference of neighbours in grey levels that counts half as much as any stronger one: an overlay has such edges."""

_SCALE = 127


def period_traces(grey: Floats) -> Floats:
    """Return how strongly each of `PERIODS` stands in the differences of neighbours, as logarithms, ``(F,)``.

    Interpolation makes the strength of edges repeat with the period of its ratio (Gallagher 2005). Differences are
    averaged across rows or columns, slow changes removed, and the coefficient at the frequency is divided by the
    deviation of the whole; the stronger one of both axes counts.
    """
    if min(grey.shape) < _LEAST_SIDE:
        return np.zeros(len(PERIODS))
    profiles = (np.abs(np.diff(grey, axis=1)).mean(axis=0), np.abs(np.diff(grey, axis=0)).mean(axis=1))
    found = np.zeros((2, len(PERIODS)))
    for axis, profile in enumerate(profiles):
        smooth = np.convolve(np.pad(profile, _DETREND // 2, mode="reflect"), np.ones(_DETREND) / _DETREND, "valid")
        residual = profile - smooth
        for place, (number, period) in enumerate(PERIODS):
            part = residual[: len(residual) // period * period]
            waves = np.exp(-2j * np.pi * number / period * np.arange(len(part)))
            found[axis, place] = np.abs(waves @ part) / (np.sqrt(len(part)) * max(part.std(), 1e-9))
    return np.asarray(np.log(found.max(axis=0) + _LEAST), np.float64)


def encoding_traces(picture: Picture) -> Floats:
    """Return how much less JPEG changes a picture at each quality than at its neighbours, as logarithms, ``(F,)``.

    A picture that was encoded at a quality on the same grid changes little when that is done again. The centre is
    taken, on the grid of its blocks.
    """
    part = _centre(picture)
    if min(part.shape[:2]) < _BLOCK:
        return np.zeros(len(QUALITIES) - 2)
    changes = [np.abs(through_jpeg(part, quality).astype(np.int16) - part).mean() for quality in QUALITIES]
    logs = np.log(np.asarray(changes) + _LEAST)
    return np.asarray(logs[1:-1] - (logs[:-2] + logs[2:]) / 2, np.float64)


def window_side(height: int, width: int) -> int:
    """Return the side of the windows of `border_patterns` in a picture."""
    return min(min(height, width) // _WINDOWS_A_SIDE, _LARGEST_WINDOW)


def border_patterns(grey: Floats, side: int) -> NDArray[np.int8]:
    """Return the edges in eight windows along the border, ``(8, 2 * side * side)``.

    A caption or logo has the same edges at the same place in every file, counted from a corner or the middle of a side.
    Differences are squashed, so that strong edges of a photograph do not outweigh those of a caption.
    """
    height, width = grey.shape
    tops, lefts = (0, (height - side) // 2, height - side), (0, (width - side) // 2, width - side)
    down = np.zeros_like(grey)
    across = np.zeros_like(grey)
    down[:-1] = np.diff(grey, axis=0)
    across[:, :-1] = np.diff(grey, axis=1)
    edges = np.stack([down, across])
    squashed = np.rint(_SCALE * edges / (np.abs(edges) + _STRONG_EDGE)).astype(np.int8)
    windows = [
        squashed[:, top : top + side, left : left + side].reshape(-1)
        for row, top in enumerate(tops)
        for column, left in enumerate(lefts)
        if (row, column) != (1, 1)
    ]
    return np.stack(windows)


def _centre(picture: Picture) -> Picture:
    starts, sides = [], []
    for side in picture.shape[:2]:
        length = min(side, _TEST_SIDE) // _BLOCK * _BLOCK
        starts.append((side - length) // 2 // _BLOCK * _BLOCK)
        sides.append(length)
    return picture[starts[0] : starts[0] + sides[0], starts[1] : starts[1] + sides[1]]
