"""Histogram equalisation of the brightness: global, local, and with the mean brightness kept."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.methods.classical.values import (
    LEVELS,
    grey_levels,
    through_curve,
    value,
    with_value,
)
from vision_cli.enhance_eval.values import Picture


def equalise(picture: Picture) -> Picture:
    """Equalise the histogram of V (OpenCV's ``equalizeHist`` on 8-bit levels)."""
    import cv2

    return with_value(picture, cv2.equalizeHist(grey_levels(value(picture))) / np.float32(255))


def clahe(picture: Picture, *, clip: float = 2.0, tiles: int = 8) -> Picture:
    """Equalise V in tiles with limited contrast (Zuiderveld 1994; OpenCV's CLAHE on 8-bit levels).

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    clip
        Limit of a histogram bin, as a multiple of a flat histogram's.
    tiles
        Tiles along each side.
    """
    import cv2

    channel = grey_levels(value(picture))
    # A tile needs at least a pixel.
    grid = (min(tiles, channel.shape[1]), min(tiles, channel.shape[0]))
    equalised = cv2.createCLAHE(clipLimit=clip, tileGridSize=grid).apply(channel)
    return with_value(picture, equalised / np.float32(255))


def bpdhe(picture: Picture, *, sigma: float = 1.0) -> Picture:
    """Equalise parts of the histogram apart and keep the mean brightness (Ibrahim and Kong 2007).

    The smoothed histogram is cut at its local maxima; each part gets a range of grey levels in proportion to its span
    times the logarithm of its pixels, and is equalised in it (eqs. 5 to 9); the result is scaled to the mean of the
    input (eq. 10). It preserves brightness, so it raises the contrast of a dark picture and not its level.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    sigma
        Standard deviation of the histogram's smoothing, levels.
    """
    from scipy.ndimage import gaussian_filter1d

    channel = value(picture)
    counts = np.bincount(grey_levels(channel).ravel(), minlength=LEVELS).astype(np.float64)
    curve = _equalised_parts(counts, _maxima(gaussian_filter1d(counts, sigma, mode="constant")))
    brighter = through_curve(channel, curve)
    mean = float(brighter.mean())
    return with_value(picture, brighter * (float(channel.mean()) / mean) if mean > 0 else channel)


def _maxima(smoothed: NDArray[np.float64]) -> list[int]:
    rises = np.diff(smoothed)
    return [level for level in range(1, LEVELS - 1) if rises[level - 1] > 0 and rises[level] <= 0]


def _equalised_parts(counts: NDArray[np.float64], maxima: list[int]) -> NDArray[np.float64]:
    """Curve of 256 values in [0, 1]."""
    present = np.flatnonzero(counts)
    first, last = int(present[0]), int(present[-1])
    edges = [first, *(level for level in maxima if first < level < last), last + 1]
    parts = list(pairwise(edges))
    factors = [(high - low) * np.log10(max(counts[low:high].sum(), 1)) for low, high in parts]
    total = sum(factors)
    if total == 0:
        return np.linspace(0, 1, LEVELS)
    curve = np.zeros(LEVELS)
    start = 0.0
    for (low, high), factor in zip(parts, factors, strict=True):
        span = (LEVELS - 1) * factor / total
        part = counts[low:high]
        curve[low:high] = start + span * part.cumsum() / max(part.sum(), 1)
        start += span
    curve[last + 1 :] = start
    return curve / (LEVELS - 1)
