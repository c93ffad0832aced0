"""By what images are divided: how dark they are, and how noisy."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

DARKNESS = ("<16", "16-32", "32-64", ">=64")
"""Names of the bins by mean luma, 0 to 255."""

NOISE = ("low", "middle", "high")

_EDGES = (16.0, 32.0, 64.0)
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)


def mean_luma(picture: Picture) -> float:
    """Return the mean luma of a picture, 0 to 255 (ITU-R BT.601)."""
    return 255 * float((picture @ _LUMA).mean())


def noise_level(picture: Picture) -> float:
    """Estimate the standard deviation of the noise of a picture's luma, 0 to 255.

    The mean size of a mask that sees neither planes nor edges (Immerkær, Computer Vision and Image Understanding 64,
    1996, equation 3). NaN for a picture of fewer than 3 x 3 pixels.
    """
    luma = (picture @ _LUMA).astype(np.float64) * 255
    if min(luma.shape) < 3:
        return math.nan
    rows = luma[:-2] - 2 * luma[1:-1] + luma[2:]
    seen = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(math.sqrt(math.pi / 2) / 6 * np.abs(seen).mean())


def darkness_bins(lumas: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position in `DARKNESS` of each mean luma, ``(I,)``."""
    return np.digitize(lumas, _EDGES).astype(np.int64)


def noise_tertiles(levels: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the position in `NOISE` of each noise level, ``(I,)``: thirds of these images; -1 for NaN."""
    known = np.isfinite(levels)
    if not known.any():
        return np.full(len(levels), -1, dtype=np.int64)
    edges = np.quantile(levels[known], [1 / 3, 2 / 3])
    return np.where(known, np.digitize(np.where(known, levels, 0), edges), -1).astype(np.int64)
