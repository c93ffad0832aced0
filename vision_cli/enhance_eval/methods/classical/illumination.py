"""Methods that divide by an estimated illumination: LIME, its fast form, and DUAL."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.methods.classical.exposure_fusion import exposure_fusion
from vision_cli.enhance_eval.methods.classical.smoothing import Field, guided, smooth
from vision_cli.enhance_eval.methods.classical.values import finished, value
from vision_cli.enhance_eval.values import Picture

_EPSILON = 1e-3
"""Keeps the weights of flat parts finite, and the illumination above 0."""


def structure_weights(channel: Field, sigma: float) -> tuple[Field, Field]:
    """Return how strongly neighbours are held together: weakly at edges of structure, strongly in texture.

    Weight strategy III of LIME (eq. 19) with the linearised norm of its fast solver (eq. 18): the inverse of the
    windowed gradient times the inverse of the gradient, which is relative total variation (Xu et al. 2012).

    Parameters
    ----------
    channel
        ``(H, W)``.
    sigma
        Standard deviation of the window, pixels.

    Returns
    -------
    tuple of ndarray
        Weights of neighbours in rows ``(H, W - 1)`` and in columns ``(H - 1, W)``.
    """
    return _inverse(np.diff(channel, axis=1), sigma), _inverse(np.diff(channel, axis=0), sigma)


def refined_illumination(channel: NDArray[np.floating], alpha: float, sigma: float) -> Field:
    """Return an illumination ``(H, W)`` without its texture: the exact minimiser of LIME's eq. 18."""
    initial = np.asarray(channel, dtype=np.float64)
    across, down = structure_weights(initial, sigma)
    return smooth(initial, alpha * across, alpha * down)


def lime(picture: Picture, *, alpha: float = 0.15, gamma: float = 0.8, sigma: float = 2.0) -> Picture:
    """Divide by the refined illumination raised to gamma (Guo, Li and Ling, TIP 2017).

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    alpha
        Weight of the smoothness (eq. 18).
    gamma
        Exponent of the illumination; smaller is darker.
    sigma
        Standard deviation of the window of weight strategy III, pixels.
    """
    return _divided(picture, refined_illumination(value(picture), alpha, sigma), gamma)


def lime_fast(picture: Picture, *, gamma: float = 0.8, radius: int = 15, epsilon: float = 0.01) -> Picture:
    """Divide by an illumination that a guided filter refined, in place of LIME's linear system.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    gamma
        Exponent of the illumination.
    radius
        Of the filter's windows, pixels.
    epsilon
        Variance below which a window is smoothed.
    """
    initial = value(picture).astype(np.float64)
    return _divided(picture, guided(initial, initial, radius, epsilon), gamma)


def dual(picture: Picture, *, alpha: float = 0.15, gamma: float = 0.6, sigma: float = 3.0) -> Picture:
    """Correct under- and overexposure apart and fuse both with the picture (Zhang, Nie and Zheng, CGF 2019).

    The picture and its negative are both enhanced as low-light pictures (Sec. 3.2); the results and the picture are
    fused by exposure fusion (Sec. 3.3). Parameters are those of `lime`.
    """
    brighter = _divided(picture, refined_illumination(value(picture), alpha, sigma), gamma)
    negative = finished(1 - picture)
    darker = 1 - _divided(negative, refined_illumination(value(negative), alpha, sigma), gamma)
    return exposure_fusion([picture, brighter, darker.astype(np.float32)])


def _divided(picture: Picture, illumination: Field, gamma: float) -> Picture:
    return finished(picture / np.maximum(illumination, _EPSILON)[..., None] ** gamma)


def _inverse(gradient: Field, sigma: float) -> Field:
    import cv2

    if gradient.size == 0:
        return gradient
    size = 2 * int(np.ceil(2.5 * sigma)) + 1
    windowed = np.asarray(cv2.GaussianBlur(gradient, (size, size), sigma)).reshape(gradient.shape)
    return 1 / ((np.abs(windowed) + _EPSILON) * (np.abs(gradient) + _EPSILON))
