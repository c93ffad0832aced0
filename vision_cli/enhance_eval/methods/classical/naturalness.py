"""NPE: enhancement that keeps the naturalness of the light (Wang, Zheng, Hu and Li, TIP 2013).

The lightness is the largest colour. Its illumination is a mean over the neighbours that are no darker, weighed by how
often the two grey levels lie side by side anywhere in the picture (bright-pass filter, eqs. 5 to 9), so it never is
below the lightness. Its histogram, weighed by logarithms, is then given the shape of a logarithm (bi-log
transformation, eqs. 11 to 16), and the reflectance is put under it again.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.methods.classical.values import LEVELS, finished, grey_levels, value
from vision_cli.enhance_eval.values import Picture

_ROWS = 64
"""Rows of a picture that are filtered at once: what belongs to them stays in the processor's cache."""


def npe(picture: Picture, *, radius: int = 7) -> Picture:
    """Enhance with the lightness order kept.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    radius
        Of the bright-pass filter's window, pixels; 7 is the window of 15 x 15 of the paper.
    """
    lightness = grey_levels(value(picture))
    illumination = _bright_pass(lightness, _side_by_side(lightness), radius)
    mapped = _bilog(illumination)
    ratio = mapped / np.maximum(illumination, 1)
    # The reflectance of a rounded lightness may pass 1 by half a level.
    return finished(picture * ratio[..., None].astype(np.float32))


def _side_by_side(lightness: NDArray[np.uint8]) -> NDArray[np.float32]:
    """How often level ``l`` is beside level ``k`` (eq. 5), smoothed over ``l``; 0 where ``l < k``: ``(k, l)``."""
    import cv2

    levels = lightness.astype(np.int64)
    counts = np.zeros((LEVELS, LEVELS))
    for one, other in ((levels[:, :-1], levels[:, 1:]), (levels[:-1], levels[1:])):
        pairs = np.bincount((one * LEVELS + other).ravel(), minlength=LEVELS**2).reshape(LEVELS, LEVELS)
        counts += pairs + pairs.T
    # A pixel always counts itself, so no weight of a window adds up to 0.
    counts += np.diag(np.bincount(levels.ravel(), minlength=LEVELS))
    smoothed = cv2.blur(counts, (5, 1), borderType=cv2.BORDER_REPLICATE)
    return np.triu(smoothed).astype(np.float32)


def _bright_pass(lightness: NDArray[np.uint8], weights: NDArray[np.float32], radius: int) -> NDArray[np.float64]:
    """Weighed mean over the neighbours that are no darker (eq. 7), grey levels."""
    height, width = lightness.shape
    padded = np.pad(lightness.astype(np.intp), radius, mode="edge")
    table = weights.ravel()
    bright = np.empty((height, width))
    for top in range(0, height, _ROWS):
        rows = slice(top, min(top + _ROWS, height))
        own = lightness[rows].astype(np.intp) * LEVELS
        total, mass = np.zeros(own.shape), np.zeros(own.shape)
        for down in range(2 * radius + 1):
            for right in range(2 * radius + 1):
                beside = padded[rows.start + down : rows.stop + down, right : right + width]
                weight = table[own + beside]
                mass += weight
                total += weight * beside
        bright[rows] = total / mass
    return bright


def _bilog(illumination: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the illumination the histogram of a logarithm; grey levels."""
    levels = np.rint(illumination).astype(np.int64)
    weighed = np.bincount(levels.ravel(), np.log1p(illumination).ravel(), minlength=LEVELS)
    if weighed.sum() == 0:
        return illumination
    shares = weighed.cumsum() / weighed.sum()
    wanted = np.log1p(np.arange(LEVELS))
    curve = np.interp(shares, wanted.cumsum() / wanted.sum(), np.arange(LEVELS))
    return np.asarray(np.interp(illumination, np.arange(LEVELS), curve), dtype=np.float64)
