"""One-level wavelet transforms of images and coefficients: the DWT and IDWT of WiNet (section 2, figure 1).

They have no parameters. The signal is extended periodically, because only then every band has half of the samples
whatever the filter, which the strides of the network require; for Haar and even lengths all extensions are the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pywt
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.register.wavelets import apply_per_axis

_MODE = "periodization"


@lru_cache(maxsize=128)
def periodic_analysis(length: int, wavelet: str) -> NDArray[np.float64]:
    """Return the one-level DWT of ``length`` samples as a matrix ``(2 ceil(length / 2), length)``.

    The rows of the approximation come first, then those of the detail coefficients.
    """
    bands = [pywt.dwt(row, wavelet, _MODE) for row in np.eye(length)]
    return np.asarray([np.concatenate(pair) for pair in bands], dtype=np.float64).T


@lru_cache(maxsize=128)
def periodic_synthesis(length: int, wavelet: str) -> NDArray[np.float64]:
    """Return the inverse of `periodic_analysis`, ``(length, 2 ceil(length / 2))``."""
    n = -(-length // 2)
    unit, zero = np.eye(n), np.zeros(n)
    low = [pywt.idwt(row, zero, wavelet, _MODE)[:length] for row in unit]
    high = [pywt.idwt(zero, row, wavelet, _MODE)[:length] for row in unit]
    return np.asarray(low + high, dtype=np.float64).T


class DWT(nn.Module):
    """One-level discrete wavelet transform of every channel.

    Parameters
    ----------
    wavelet
        PyWavelets name.
    """

    def __init__(self, wavelet: str) -> None:
        super().__init__()
        self.wavelet = wavelet

    def forward(self, image: Tensor) -> Tensor:
        """Return the bands of an image ``(B, C, *S)``, ``(B, C 2^D, *ceil(S / 2))``.

        The bands of a channel follow each other as LLL, LLH, LHL, ..., HHH, the first letter for the first axis.
        """
        dim = image.ndim - 2
        matrices = [_tensor(periodic_analysis(n, self.wavelet), image) for n in image.shape[2:]]
        both = _apply(image, matrices)
        halves = [n // 2 for n in both.shape[2:]]
        split = both.reshape(*image.shape[:2], *itertools.chain(*((2, n) for n in halves)))
        order = [0, 1, *(2 + 2 * axis for axis in range(dim)), *(3 + 2 * axis for axis in range(dim))]
        return split.permute(order).reshape(image.shape[0], -1, *halves)


class IDWT(nn.Module):
    """Inverse of :class:`DWT`.

    Parameters
    ----------
    wavelet
        PyWavelets name.
    """

    def __init__(self, wavelet: str) -> None:
        super().__init__()
        self.wavelet = wavelet

    def forward(self, bands: Tensor, shape: Sequence[int] | None = None) -> Tensor:
        """Return the image ``(B, C, *shape)`` of bands ``(B, C 2^D, *S)`` in the order of `DWT`.

        ``shape`` is twice ``S`` if None.
        """
        dim = bands.ndim - 2
        halves = bands.shape[2:]
        split = bands.reshape(bands.shape[0], -1, *[2] * dim, *halves)
        order = [0, 1, *itertools.chain(*((2 + axis, 2 + dim + axis) for axis in range(dim)))]
        both = split.permute(order).reshape(*split.shape[:2], *(2 * n for n in halves))
        target = [2 * n for n in halves] if shape is None else list(shape)
        return _apply(both, [_tensor(periodic_synthesis(n, self.wavelet), bands) for n in target])


def _apply(image: Tensor, matrices: Sequence[Tensor]) -> Tensor:
    flat = apply_per_axis(tuple(matrices), image.reshape(-1, *image.shape[2:]))
    return flat.reshape(*image.shape[:2], *flat.shape[1:])


def _tensor(matrix: NDArray[np.float64], like: Tensor) -> Tensor:
    return torch.as_tensor(matrix, dtype=like.dtype, device=like.device)
