"""Retinex by Gaussian surrounds: multi-scale, and with colour restoration.

Jobson, Rahman and Woodell, "A multiscale retinex for bridging the gap between color images and the human observation
of scenes", 1997; the final gain and offset are the clipping of both ends of the histogram of Petro, Sbert and Morel,
"Multiscale Retinex", Image Processing On Line 2014, because the paper's constants suit its own camera alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.methods.classical.values import finished
from vision_cli.enhance_eval.values import Picture

_SCALES = (15.0, 80.0, 250.0)
_STRENGTH = 125.0


def msr(picture: Picture, *, clip: float = 1.0) -> Picture:
    """Subtract the logarithms of three surrounds of 15, 80 and 250 px, in equal parts.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    clip
        Percent of the values that are clipped at each end, a channel.
    """
    return _stretched(_reflectance(_levels(picture)), clip)


def msrcr(picture: Picture, *, clip: float = 1.0) -> Picture:
    """Weigh the retinex of each channel by its share in the pixel's colour (eqs. 8 and 9), then stretch.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    clip
        Percent of the values that are clipped at each end, a channel.
    """
    levels = _levels(picture)
    restoration = np.log(_STRENGTH * levels) - np.log(levels.sum(axis=2, keepdims=True))
    return _stretched(restoration * _reflectance(levels), clip)


def _levels(picture: Picture) -> NDArray[np.float32]:
    """Grey levels plus one, so that each has a logarithm."""
    return np.asarray(255 * picture + 1, dtype=np.float32)


def _reflectance(levels: NDArray[np.float32]) -> NDArray[np.float32]:
    logarithm = np.log(levels)
    surrounds = sum(np.log(_blurred(levels, sigma)) for sigma in _SCALES)
    return np.asarray(logarithm - surrounds / np.float32(len(_SCALES)), dtype=np.float32)


def _blurred(levels: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur; wide ones on a reduced picture, where four pixels still make a standard deviation."""
    import cv2

    height, width = levels.shape[:2]
    factor = max(1, int(sigma / 4))
    reduced = (max(1, width // factor), max(1, height // factor))
    small = cv2.resize(levels, reduced, interpolation=cv2.INTER_AREA)
    across, down = sigma * reduced[0] / width, sigma * reduced[1] / height
    blurred = cv2.GaussianBlur(small, (0, 0), sigmaX=max(across, 0.01), sigmaY=max(down, 0.01))
    restored = cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.maximum(restored, 1), dtype=np.float32)


def _stretched(values: NDArray[np.float32], clip: float) -> Picture:
    low, high = np.percentile(values, [clip, 100 - clip], axis=(0, 1))
    # A channel of one value has nothing to stretch; it is put in the middle.
    span = np.where(high > low, high - low, 1)
    return finished(np.where(high > low, (values - low) / span, 0.5))
