"""By what images are divided: how dark they are, and how noisy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DARKNESS = ("<16", "16-32", "32-64", ">=64")
"""Names of the bins by mean luma, 0 to 255."""

NOISE = ("low", "middle", "high")

_EDGES = (16.0, 32.0, 64.0)


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
