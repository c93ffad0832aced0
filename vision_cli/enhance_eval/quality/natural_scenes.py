"""Statistics of natural scenes: normalised coefficients and the distributions that are fitted to them.

Mittal, Moorthy and Bovik, "No-reference image quality assessment in the spatial domain", TIP 2012, and "Making a
completely blind image quality analyzer", SPL 2013; constants and grids are those of the authors' programs.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float64]

SHIFTS = ((0, 1), (1, 0), (1, 1), (-1, 1))
"""Down and right of the neighbour that a coefficient is multiplied by."""

_WINDOW, _SIGMA = 7, 7 / 6
_LEAST = 1e-12


def normalised(levels: Field) -> tuple[Field, Field]:
    """Return mean-subtracted, contrast-normalised coefficients and the local standard deviation, ``(H, W)`` each.

    Parameters
    ----------
    levels
        Grey levels, 0 to 255.
    """
    import cv2

    kernel = cv2.getGaussianKernel(_WINDOW, _SIGMA, cv2.CV_64F)

    def mean(values: Field) -> Field:
        blurred = cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel, borderType=cv2.BORDER_REPLICATE)
        return np.asarray(blurred, dtype=np.float64).reshape(values.shape)

    centre = mean(levels)
    deviation = np.sqrt(np.abs(mean(levels * levels) - centre**2))
    return (levels - centre) / (deviation + 1), deviation


def halved(levels: Field) -> Field:
    """Return the picture at half the size, as MATLAB's ``imresize(..., 0.5)``: bicubic, widened against aliasing.

    Parameters
    ----------
    levels
        ``(H, W)``; an odd side is rounded up.
    """
    import cv2

    distances = np.abs(np.arange(-3.5, 4)) / 2
    near = 1.5 * distances**3 - 2.5 * distances**2 + 1
    far = -0.5 * distances**3 + 2.5 * distances**2 - 4 * distances + 2
    kernel = np.where(distances <= 1, near, far)
    kernel /= kernel.sum()
    # Eight taps lie evenly around the border between two pixels.
    filtered = cv2.sepFilter2D(levels, cv2.CV_64F, kernel, kernel, anchor=(3, 3), borderType=cv2.BORDER_REFLECT)
    return np.asarray(filtered, dtype=np.float64).reshape(levels.shape)[::2, ::2]


def asymmetric_fits(samples: Field) -> tuple[Field, Field, Field]:
    """Fit an asymmetric generalised Gaussian to each row by moments (SPL 2013, eqs. 5 to 8).

    Parameters
    ----------
    samples
        ``(N, M)``.

    Returns
    -------
    tuple of ndarray
        Shape, and the root mean squares of the negative and of the positive samples, ``(N,)`` each.
    """
    squares = samples * samples
    is_left, is_right = samples < 0, samples > 0
    left = np.sqrt((squares * is_left).sum(axis=1) / np.maximum(is_left.sum(axis=1), 1))
    right = np.sqrt((squares * is_right).sum(axis=1) / np.maximum(is_right.sum(axis=1), 1))
    ratio = left / np.maximum(right, _LEAST)
    moment = np.abs(samples).mean(axis=1) ** 2 / np.maximum(squares.mean(axis=1), _LEAST)
    wanted = moment * (ratio**3 + 1) * (ratio + 1) / (ratio**2 + 1) ** 2
    return _shapes(wanted), left, right


def symmetric_fits(samples: Field) -> tuple[Field, Field]:
    """Fit a generalised Gaussian of mean 0 to each row by moments; shape and standard deviation, ``(N,)`` each."""
    second = (samples * samples).mean(axis=1)
    first = np.abs(samples).mean(axis=1)
    ratios, shapes = _grid()
    # The ratio of the moments is the inverse of the one that the asymmetric fit looks up.
    return shapes[_nearest(ratios, first**2 / np.maximum(second, _LEAST))], np.sqrt(second)


def scale_factor(shapes: Field) -> Field:
    """Return ``sqrt(gamma(1 / a) / gamma(3 / a))``, from standard deviations to scales."""
    from scipy.special import gammaln

    return np.asarray(np.exp((gammaln(1 / shapes) - gammaln(3 / shapes)) / 2))


def mean_factor(shapes: Field) -> Field:
    """Return ``gamma(2 / a) / gamma(1 / a)``, from a difference of scales to the mean."""
    from scipy.special import gammaln

    return np.asarray(np.exp(gammaln(2 / shapes) - gammaln(1 / shapes)))


def _shapes(wanted: Field) -> Field:
    ratios, shapes = _grid()
    return shapes[_nearest(ratios, wanted)]


@cache
def _grid() -> tuple[Field, Field]:
    """Ratios of moments, rising, of the shapes 0.2 to 10 in steps of 0.001."""
    from scipy.special import gammaln

    shapes = 0.2 + 0.001 * np.arange(9801)
    ratios = np.exp(2 * gammaln(2 / shapes) - gammaln(1 / shapes) - gammaln(3 / shapes))
    return np.asarray(ratios, dtype=np.float64), np.asarray(shapes, dtype=np.float64)


def _nearest(grid: Field, values: Field) -> NDArray[np.intp]:
    after = np.clip(np.searchsorted(grid, values), 1, len(grid) - 1)
    return np.asarray(after - (values - grid[after - 1] < grid[after] - values))
