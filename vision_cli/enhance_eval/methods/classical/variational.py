"""Retinex by optimisation: SRIE's weighted variational model, and JED's decomposition with noise removal.

Both energies have terms that are no squares, or weights that depend on the solution. They are minimised here by
reweighting: each step solves the least-squares problem whose weights come from the last one (`smoothing.smooth`).
"""

from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.methods.classical.smoothing import Field, smooth
from vision_cli.enhance_eval.methods.classical.values import value, with_value
from vision_cli.enhance_eval.values import Picture

_LEAST = 1 / 255
_FLAT = 1e-3
_START_SIGMA = 5.0


def srie(
    picture: Picture, *, reflectance: float = 0.01, illumination: float = 0.1, gamma: float = 2.2, steps: int = 4
) -> Picture:
    """Estimate reflectance and illumination together and raise the illumination to ``1 / gamma`` (Fu et al. CVPR 2016).

    Minimises ``(r + l - s)**2 + c1 |R grad r| + c2 (L grad l)**2`` of the logarithms of grey levels in turn (eq. 6),
    with ``R`` and ``L`` of the last step; the absolute value by reweighted squares, where the paper has split Bregman
    iterations.

    Parameters
    ----------
    picture
        ``(H, W, 3)``; V is decomposed.
    reflectance, illumination
        The weights c1 and c2.
    gamma
        Of the correction of the illumination.
    steps
        Rounds of the alternation.
    """
    import cv2

    levels = np.maximum(255 * value(picture).astype(np.float64), 1)
    signal = np.log(levels)
    white = np.log(255.0)
    # As in the paper, the illumination starts as the blurred signal; no surface reflects more light than falls on it.
    blurred = np.asarray(cv2.GaussianBlur(levels, (0, 0), _START_SIGMA)).reshape(levels.shape)
    light = np.clip(np.log(blurred), signal, white)
    for _ in range(steps):
        share = _between(reflectance * np.exp(signal - light) / 2)
        slopes = np.diff(signal - light, axis=1), np.diff(signal - light, axis=0)
        across, down = (weight / (np.abs(slope) + _FLAT) for weight, slope in zip(share, slopes, strict=True))
        surface = np.minimum(smooth(signal - light, across, down), 0)
        light = np.clip(smooth(signal - surface, *_between(illumination * np.exp(2 * light))), signal, white)
    light -= white
    return with_value(picture, np.exp(surface + light / gamma))


def jed(
    picture: Picture,
    *,
    alpha: float = 0.007,
    beta: float = 0.001,
    omega: float = 0.016,
    gamma: float = 2.2,
    amplify: float = 6.0,
    sigma: float = 10.0,
) -> Picture:
    """Decompose step by step: a smooth illumination, then a reflectance without noise (Ren et al. ISCAS 2018).

    The illumination is smoothed where the picture has no strong gradients (eqs. 3 to 5). The reflectance minimises
    ``(R - S / L)**2 + beta W (grad R)**2 + omega (grad R - G)**2`` (eq. 7): ``W`` smooths where the light is weak,
    and ``G`` is the picture's gradient, small ones amplified and those of noise left out.

    Parameters
    ----------
    picture
        ``(H, W, 3)``; V is decomposed.
    alpha
        Smoothness of the illumination.
    beta, omega
        Weights of the noise removal and of the gradients.
    gamma
        Of the correction of the illumination.
    amplify, sigma
        How much small gradients are amplified, and what is small, grey levels.
    """
    signal = value(picture).astype(np.float64)
    slopes = np.diff(signal, axis=1), np.diff(signal, axis=0)
    across, down = (alpha / (np.abs(slope) + _FLAT) for slope in slopes)
    light = np.maximum(smooth(signal, across, down), np.maximum(signal, _LEAST))
    weights, wanted = [], []
    for slope, weak in zip(slopes, _between(light), strict=True):
        weights.append(beta / (np.abs(slope) * weak + _FLAT))
        # A gradient below a grey level is noise, or cannot be told from it.
        strong = np.where(np.abs(slope) < _LEAST, 0, slope)
        wanted.append((1 + amplify * np.exp(-255 * np.abs(strong) / sigma)) * strong)
    right = signal / light - omega * _divergence(*wanted)
    reflectance = np.clip(smooth(right, weights[0] + omega, weights[1] + omega), 0, 1)
    return with_value(picture, reflectance * light ** (1 / gamma))


def _between(field: Field) -> tuple[Field, Field]:
    """Means of neighbours, in rows and in columns."""
    return (field[:, :-1] + field[:, 1:]) / 2, (field[:-1] + field[1:]) / 2


def _divergence(across: Field, down: Field) -> Field:
    """Transpose of the gradient, with its sign changed."""
    total = np.zeros((across.shape[0], down.shape[1]))
    total[:, :-1] += across
    total[:, 1:] -= across
    total[:-1] += down
    total[1:] -= down
    return total
