"""The grey picture that the measures work on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

_WEIGHTS = np.array([0.299, 0.587, 0.114])
"""Of BT.601, as MATLAB's ``rgb2gray`` and OpenCV have them."""


def luma(picture: Picture) -> NDArray[np.float64]:
    """Return the luma ``(H, W)`` in [0, 1]."""
    return np.asarray(picture @ _WEIGHTS, dtype=np.float64)


def grey_levels(picture: Picture) -> NDArray[np.float64]:
    """Return the luma in whole grey levels, 0 to 255: what the published programs see, as they read 8-bit files."""
    return np.rint(255 * luma(picture))
