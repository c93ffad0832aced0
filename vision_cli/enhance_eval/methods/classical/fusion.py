"""Methods that fuse exposures: BIMEF with one that a camera model makes, Mertens with several made by gains."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.methods.classical.exposure_fusion import exposure_fusion
from vision_cli.enhance_eval.methods.classical.illumination import refined_illumination
from vision_cli.enhance_eval.methods.classical.values import finished, value
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.srgb import decode_srgb, encode_srgb

_CAMERA_A, _CAMERA_B = -0.3293, 1.1258
_RATIOS = (1.0, 7.0)
_SAMPLE = 50


def bimef(picture: Picture, *, mu: float = 0.5, alpha: float = 0.5, sigma: float = 5.0) -> Picture:
    """Fuse the picture with a brighter one that a camera model makes of it (Ying, Li and Gao 2017).

    The illumination weighs the two (eq. 9); the exposure ratio is the one in [1, 7] whose underexposed pixels have
    the highest entropy (eq. 18); the camera's response is the beta-gamma model with a = -0.3293, b = 1.1258 (Sec. 3.3).

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    mu
        Exponent of the illumination in the weights.
    alpha, sigma
        Of the illumination's smoothing, which is solved at half the size as in the authors' program.
    """
    import cv2

    height, width = picture.shape[:2]
    brightness = value(picture)
    half = (max(1, (width + 1) // 2), max(1, (height + 1) // 2))
    small = cv2.resize(brightness, half, interpolation=cv2.INTER_AREA)
    refined = refined_illumination(np.asarray(small).reshape(half[::-1]), alpha, sigma)
    illumination = np.clip(cv2.resize(refined, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
    illumination = np.asarray(illumination, dtype=np.float64).reshape(height, width)
    brighter = _exposed(picture, _best_ratio(picture, illumination))
    weight = (illumination**mu)[..., None]
    return finished(picture * weight + np.clip(brighter, 0, 1) * (1 - weight))


def mertens(picture: Picture, *, stops: int = 4) -> Picture:
    """Fuse the picture with copies whose light is doubled again and again (Mertens et al. 2007, OpenCV's).

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    stops
        Doublings of the brightest copy.
    """
    light = decode_srgb(picture)
    return exposure_fusion([encode_srgb(light * 2.0**stop) for stop in range(stops + 1)])


def _best_ratio(picture: Picture, illumination: NDArray[np.floating]) -> float:
    """Exposure ratio at which the underexposed pixels hold the most information."""
    import cv2
    from scipy.optimize import minimize_scalar

    size = (_SAMPLE, _SAMPLE)
    sampled = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.float64)
    is_dark = np.asarray(cv2.resize(illumination.astype(np.float64), size, interpolation=cv2.INTER_AREA)) < 0.5
    brightness = np.cbrt(np.maximum(sampled, 0).prod(axis=2))[is_dark]
    if brightness.size == 0:
        return 1.0
    found = minimize_scalar(lambda ratio: -_entropy(_exposed(brightness, ratio)), bounds=_RATIOS, method="bounded")
    return float(found.x)


def _exposed(values: NDArray[np.floating], ratio: float) -> NDArray[np.float64]:
    exponent = ratio**_CAMERA_A
    return np.asarray(math.exp(_CAMERA_B * (1 - exponent)) * values**exponent, dtype=np.float64)


def _entropy(values: NDArray[np.floating]) -> float:
    counts = np.bincount(np.rint(255 * np.clip(values, 0, 1)).astype(np.int64))
    shares = counts[counts > 0] / values.size
    return float(-(shares * np.log2(shares)).sum())
