"""Luma: the grey of RGB pixels by the weights of ITU-R BT.601, as MATLAB's ``rgb2gray`` and OpenCV have them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = (0.299, 0.587, 0.114)
"""ITU-R BT.601-7, section 2.5.1: shares of red, green and blue."""


def luma(pixels: NDArray[Any]) -> NDArray[np.float64]:
    """Return the luma ``(H, W)`` of RGB pixels ``(H, W, 3)``, in their unit."""
    return np.asarray(pixels @ np.array(LUMA), np.float64)


def luma32(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `luma` in float32, as it is calculated many times a picture."""
    return np.asarray(pixels @ np.array(LUMA, np.float32), np.float32)
