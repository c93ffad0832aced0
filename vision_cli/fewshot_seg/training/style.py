"""Style perturbation: the same class in the style of another picture, for the contrastive losses.

A picture takes the low frequencies' amplitudes of another one (Yang and Soatto, FDA, CVPR 2020) and the means and
standard deviations of its colours, these with noise.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

_NOISE = 0.1
_LEAST_BAND, _MOST_BAND = 0.01, 0.08


def in_style_of(picture: Floats, donor: Floats, rng: np.random.Generator) -> Floats:
    """Return a picture in the style of another.

    Parameters
    ----------
    picture, donor
        ``(side, side, 3)`` within 0 to 255, of one size.
    rng
        Of the width of the band and of the noise.
    """
    band = rng.uniform(_LEAST_BAND, _MOST_BAND)
    swapped = _swap_amplitudes(picture, donor, band)
    mean, deviation = (statistic(donor, axis=(0, 1)) for statistic in (np.mean, np.std))
    mean = mean + 255 * rng.normal(0, _NOISE / 4, 3)
    deviation = deviation * np.exp(rng.normal(0, _NOISE, 3))
    own_mean, own_deviation = swapped.mean((0, 1)), swapped.std((0, 1))
    styled = (swapped - own_mean) / (own_deviation + 1) * (deviation + 1) + mean
    return np.asarray(np.clip(styled, 0, 255), np.float32)


def _swap_amplitudes(picture: Floats, donor: Floats, band: float) -> Floats:
    """Return a picture whose amplitudes below a frequency, in cycles a pixel, are those of another."""
    height, width = picture.shape[:2]
    own, other = (np.fft.rfft2(one, axes=(0, 1)) for one in (picture, donor))
    low = (np.abs(np.fft.fftfreq(height))[:, None] <= band) & (np.fft.rfftfreq(width)[None] <= band)
    amplitude = np.where(low[..., None], np.abs(other), np.abs(own))
    return np.fft.irfft2(amplitude * np.exp(1j * np.angle(own)), s=(height, width), axes=(0, 1)).astype(np.float32)
