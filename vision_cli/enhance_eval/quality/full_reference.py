"""Measures against a well-exposed reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.luma import luma
from vision_cli.metrics.image_quality import psnr, ssim

MOST_DB = 100.0
"""PSNR of equal pictures: with infinity no mean could be taken."""

_GMSD_CONSTANT = 170.0 / 255**2


def psnr_rgb(picture: Picture, reference: Picture) -> float:
    """Return the PSNR over all channels, at most 100 dB."""
    return min(psnr(picture, reference), MOST_DB)


def psnr_gtmean(picture: Picture, reference: Picture) -> float:
    """Return the PSNR after the picture's mean luma was made the reference's and the result clipped, at most 100 dB.

    Many papers report it as PSNR; it hides errors of exposure, so it stands beside the plain one and never for it.
    """
    mean = float(luma(picture).mean())
    if mean <= 0:
        return psnr_rgb(picture, reference)
    scaled = np.clip(picture * (float(luma(reference).mean()) / mean), 0, 1).astype(np.float32)
    return psnr_rgb(scaled, reference)


def ssim_y(picture: Picture, reference: Picture) -> float:
    """Return the SSIM of the luma."""
    return ssim(luma(picture), luma(reference))


def ssim_rgb(picture: Picture, reference: Picture) -> float:
    """Return the mean SSIM of the three channels."""
    return ssim(picture, reference)


def mae(picture: Picture, reference: Picture) -> float:
    """Return the mean absolute difference of all channels."""
    return float(np.abs(picture.astype(np.float64) - reference).mean())


def ciede2000(picture: Picture, reference: Picture) -> float:
    """Return the mean colour difference (CIE 142-2001; scikit-image)."""
    from skimage.color import deltaE_ciede2000

    return float(np.mean(deltaE_ciede2000(_lab(picture), _lab(reference))))


def lightness_error(picture: Picture, reference: Picture) -> float:
    """Return the mean absolute difference of CIE lightness, 0 to 100."""
    return float(np.abs(_lab(picture)[..., 0] - _lab(reference)[..., 0]).mean())


def gmsd(picture: Picture, reference: Picture) -> float:
    """Return the deviation of the gradient magnitude similarity (Xue et al. 2014, eqs. 4 to 7).

    Prewitt gradients of the luma after a mean over 2 x 2 pixels and halving, as in the authors' program; c = 170 on
    grey levels. 0 for equal pictures; NaN below 6 px.
    """
    if min(picture.shape[:2]) < 6:
        return float("nan")
    one, other = _prewitt(_halved(luma(picture))), _prewitt(_halved(luma(reference)))
    similarity = (2 * one * other + _GMSD_CONSTANT) / (one**2 + other**2 + _GMSD_CONSTANT)
    return float(similarity.std())


def _lab(picture: Picture) -> NDArray[np.float64]:
    from skimage.color import rgb2lab

    return np.asarray(rgb2lab(picture.astype(np.float64)))


def _halved(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    height, width = (size // 2 * 2 for size in channel.shape)
    pairs = channel[:height, :width].reshape(height // 2, 2, width // 2, 2)
    return np.asarray(pairs.mean(axis=(1, 3)), dtype=np.float64)


def _prewitt(channel: NDArray[np.float64]) -> NDArray[np.float64]:
    """Magnitude of the gradient where the 3 x 3 window lies inside."""
    rows = channel[:-2] + channel[1:-1] + channel[2:]
    columns = channel[:, :-2] + channel[:, 1:-1] + channel[:, 2:]
    return np.asarray(np.hypot(rows[:, 2:] - rows[:, :-2], columns[2:] - columns[:-2]) / 3)
