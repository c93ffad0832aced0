"""Run lengths of masks as COCO stores them, and masks of polygons as COCO rasterises them.

A mask is read column by column; runs of 0 and of 1 take turns, the first is of 0 and may be empty. The compressed form
is text: each length, from the fourth on less the one two places before, in groups of five bits, low ones first, with a
sixth bit for "more follows", 48 added to make a printable character (COCO API, ``maskApi``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]

_DELTA_FROM = 3
_GROUP, _MORE, _SIGN, _BASE = 5, 0x20, 0x10, 48
_MOST_GROUPS = 13
_FINE = 5
"""Points of the grid on which polygons are traced, a pixel."""

_FAR = 4096.0
"""Pixels outside a picture up to which corners of a polygon stay where they are."""


def mask_counts(mask: Mask) -> Counts:
    """Return the lengths of the runs of a mask, ``(H, W)``."""
    flat = np.asarray(mask, dtype=bool).ravel(order="F")
    if not len(flat):
        return np.zeros(1, dtype=np.int64)
    changes = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    starts = np.concatenate(([0], changes, [len(flat)]))
    counts = np.diff(starts)
    return np.concatenate(([0], counts)) if flat[0] else counts


def counts_mask(counts: Sequence[int] | Counts, height: int, width: int) -> Mask:
    """Return the mask of run lengths, ``(H, W)``.

    Raises
    ------
    ValueError
        If the lengths are negative or do not fill the mask.
    """
    lengths = np.asarray(counts, dtype=np.int64).reshape(-1)
    # A length of more than the whole is refused before lengths are added: their sum may overflow.
    if (lengths < 0).any() or (lengths > height * width).any() or int(lengths.sum()) != height * width:
        raise ValueError(f"run lengths that do not fill {height} x {width} pixels")
    values = (np.arange(len(lengths)) % 2).astype(bool)
    return np.repeat(values, lengths).reshape((height, width), order="F")


def compress_counts(counts: Sequence[int] | Counts) -> str:
    """Return run lengths as COCO's text."""
    letters = []
    values = [int(count) for count in counts]
    for place, value in enumerate(values):
        rest = value - values[place - 2] if place >= _DELTA_FROM else value
        while True:
            group, rest = rest & (_MORE - 1), rest >> _GROUP
            # Done when what is left repeats the sign of this group.
            is_last = rest == (-1 if group & _SIGN else 0)
            letters.append(chr(_BASE + (group if is_last else group | _MORE)))
            if is_last:
                break
    return "".join(letters)


def expand_counts(text: str) -> Counts:
    """Return the run lengths of COCO's text.

    Raises
    ------
    ValueError
        If the text ends within a number, or holds other characters.
    """
    counts: list[int] = []
    value = shift = 0
    for letter in text:
        code = ord(letter) - _BASE
        if not 0 <= code < 2 * _MORE or shift >= _GROUP * _MOST_GROUPS:
            raise ValueError("text that is no run lengths")
        value |= (code & (_MORE - 1)) << shift
        shift += _GROUP
        if not code & _MORE:
            if code & _SIGN:
                value -= 1 << shift
            counts.append(value + counts[-2] if len(counts) >= _DELTA_FROM else value)
            value = shift = 0
    if shift:
        raise ValueError("text that ends within a run length")
    if any(abs(count) >= 1 << 62 for count in counts):
        raise ValueError("a run length beyond any picture")
    return np.asarray(counts, dtype=np.int64)


def polygon_mask(corners: NDArray[np.floating], height: int, width: int) -> Mask:
    """Return the inside of a polygon as COCO's own masks have it, even-odd where it crosses itself.

    The outline is traced on a grid five times as fine as the pixels. Where it passes the middle of a column, the
    pixels from there downwards change sides.

    Parameters
    ----------
    corners
        ``(N, 2)``, x and y in pixels from the outer edge of the first pixel.
    height, width
        Of the mask.

    Raises
    ------
    ValueError
        If a corner is not finite.
    """
    points = np.asarray(corners, dtype=np.float64).reshape(-1, 2)
    if not np.isfinite(points).all():
        raise ValueError("a corner that is no number")
    # Corners far outside would be traced for as long as they are away; no annotation has them.
    margin = _FAR + max(height, width)
    points = np.clip(points, -margin, np.array([width, height]) + margin)
    fine = np.trunc(_FINE * points + 0.5).astype(np.int64)
    traced = [_line(*edge) for edge in zip(fine, np.roll(fine, -1, axis=0), strict=True)]
    if not traced:
        return np.zeros((height, width), dtype=bool)
    x, y = np.concatenate(traced).T
    moves = np.flatnonzero(x[1:] != x[:-1])
    left = np.minimum(x[moves], x[moves + 1])
    top = np.minimum(y[moves], y[moves + 1])
    columns = (left + 0.5) / _FINE - 0.5
    used = (columns == np.floor(columns)) & (columns >= 0) & (columns <= width - 1)
    rows = np.ceil(np.clip((top[used] + 0.5) / _FINE - 0.5, 0, height)).astype(np.int64)
    # A crossing below the last row changes the column after it in the run lengths, which is the next one's first row.
    places = columns[used].astype(np.int64) * height + rows
    crossings = np.bincount(places, minlength=height * width + 1)[: height * width]
    return (np.cumsum(crossings) % 2).astype(bool).reshape((height, width), order="F")


def _line(start: NDArray[np.int64], end: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the points of the fine grid from start to end, ``(n, 2)``, one a step of the longer axis."""
    way = np.abs(end - start)
    axis = 0 if way[0] >= way[1] else 1
    steps = int(way[axis])
    if steps == 0:
        return start[None]
    # Always counted from the lower end, so that an edge that two polygons share is traced once.
    low, high = (start, end) if start[axis] <= end[axis] else (end, start)
    along = np.arange(steps + 1)
    slope = (high[1 - axis] - low[1 - axis]) / steps
    points = np.empty((steps + 1, 2), dtype=np.int64)
    points[:, axis] = low[axis] + along
    points[:, 1 - axis] = np.trunc(low[1 - axis] + slope * along + 0.5)
    return points if low is start else points[::-1]
