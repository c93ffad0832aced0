"""How like a picture is to its reference: PSNR and SSIM."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_WINDOW, _SIGMA = 11, 1.5
_K1, _K2 = 0.01, 0.03

Channels = NDArray[np.floating]


def psnr(picture: Channels, reference: Channels) -> float:
    """Return the peak signal-to-noise ratio over all pixels and channels, dB; infinity for equal pictures.

    Parameters
    ----------
    picture, reference
        Of one shape, values in [0, 1].
    """
    error = float(np.mean(np.square(picture.astype(np.float64) - reference)))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(picture: Channels, reference: Channels) -> float:
    """Return the mean structural similarity (Wang et al. 2004).

    A Gaussian window of 11 x 11 with a standard deviation of 1.5 px, population covariance, K1 = 0.01, K2 = 0.03; the
    mean is over all pixels whose window lies inside, and over the channels. It is the value of the authors' program
    and of scikit-image with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1``.

    Parameters
    ----------
    picture, reference
        ``(H, W)`` or ``(H, W, C)``, values in [0, 1].

    Returns
    -------
    float
        At most 1; NaN if height or width is below 11 px.
    """
    import cv2

    if min(picture.shape[:2]) < _WINDOW:
        return math.nan
    kernel = cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F)
    margin = _WINDOW // 2

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        blurred = np.asarray(cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel), dtype=np.float64)
        return blurred[margin:-margin, margin:-margin]

    one, other = picture.astype(np.float64), reference.astype(np.float64)
    mean_one, mean_other = mean(one), mean(other)
    product = mean_one * mean_other
    squares = mean_one**2 + mean_other**2
    covariance = mean(one * other) - product
    variances = mean(one * one + other * other) - squares
    similarity = (2 * product + _K1**2) * (2 * covariance + _K2**2)
    similarity /= (squares + _K1**2) * (variances + _K2**2)
    return float(similarity.mean())
