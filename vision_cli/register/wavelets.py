"""Multi-level wavelet synthesis and analysis of a field, with decimation per axis.

WiNet's parameter-free IDWT (arXiv:2407.13426, section 2) as one matrix for each axis and level, built from the filter
banks of PyWavelets. Synthesis matrices are multiplied by sqrt(2), so that approximation coefficients of all levels have
the scale of the field.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pywt
import torch
from numpy.typing import NDArray
from torch import Tensor

_MODE = "symmetric"


@lru_cache(maxsize=256)
def synthesis_matrix(length: int, wavelet: str) -> NDArray[np.float64]:
    """Return the one-level inverse DWT of a signal of ``length`` samples as a matrix.

    Returns
    -------
    ndarray
        ``(length, 2 n)``: columns of the approximation, then of the detail coefficients, times sqrt(2).
    """
    filters = pywt.Wavelet(wavelet)
    n = pywt.dwt_coeff_len(length, filters.dec_len, _MODE)
    unit = np.eye(n)
    low = [pywt.idwt(row, None, filters, _MODE)[:length] for row in unit]
    high = [pywt.idwt(None, row, filters, _MODE)[:length] for row in unit]
    return np.asarray(np.asarray(low + high).T * np.sqrt(2.0), dtype=np.float64)


@lru_cache(maxsize=256)
def analysis_matrix(length: int, wavelet: str) -> NDArray[np.float64]:
    """Return the one-level DWT of a signal of ``length`` samples as a matrix.

    Returns
    -------
    ndarray
        ``(2 n, length)``: rows of the approximation, then of the detail coefficients, over sqrt(2); `synthesis_matrix`
        is its left inverse.
    """
    filters = pywt.Wavelet(wavelet)
    bands = [pywt.dwt(row, filters, _MODE) for row in np.eye(length)]
    both = np.asarray([np.concatenate(pair) for pair in bands]).T / np.sqrt(2.0)
    return np.asarray(both, dtype=np.float64)


def apply_per_axis(matrices: tuple[Tensor | None, ...], field: Tensor) -> Tensor:
    """Multiply axis ``a`` of ``(C, *S)`` by ``matrices[a]`` ``(m_a, S_a)``; None leaves an axis unchanged."""
    channels = field.shape[0]
    for axis, matrix in enumerate(matrices):
        if matrix is None:
            continue
        shape = list(field.shape)
        before = int(np.prod(shape[1 : 1 + axis], dtype=np.int64)) * channels
        after = int(np.prod(shape[2 + axis :], dtype=np.int64))
        flat = field.reshape(before, shape[1 + axis], after)
        product = flat[..., 0] @ matrix.T if after == 1 else matrix @ flat
        shape[1 + axis] = matrix.shape[0]
        field = product.reshape(shape)
    return field


@dataclass(frozen=True)
class Level:
    """One level of the pyramid, which makes a field of shape ``fine`` from coefficients of shape ``coarse``.

    Attributes
    ----------
    fine, coarse
        Grid shapes; equal along an axis that this level does not decimate.
    axes
        The decimated axes.
    bands
        Detail bands, with 1 for each axis of a high-pass filter and 0 for the others; without the all-low band.
    """

    fine: tuple[int, ...]
    coarse: tuple[int, ...]
    axes: tuple[int, ...]
    bands: tuple[tuple[int, ...], ...]

    @property
    def band_names(self) -> list[str]:
        """Names of the detail bands in PyWavelets' spelling: ``a`` low, ``d`` high, ``-`` not decimated."""
        return ["".join("ad"[b] if axis in self.axes else "-" for axis, b in enumerate(band)) for band in self.bands]


class WaveletPyramid:
    """Synthesis of a field on a grid from wavelet coefficients of several levels.

    Level 0 is the finest. ``coefficients[0]`` is the approximation at the coarsest level, ``(D, *coarse)``;
    ``coefficients[i]`` for i >= 1 are the detail bands of level ``depth - i``, ``(D, bands, *coarse)``. Missing details
    of fine levels are zero.

    Parameters
    ----------
    shape
        Grid of the synthesised field.
    spacing
        Voxel size in mm; a coarser axis (thick slices) is decimated only once the other axes are as coarse.
    wavelet
        Name of a PyWavelets discrete wavelet.
    coarsest
        An axis is not decimated to fewer samples than this.
    max_levels
        Greatest number of levels.
    device
        Device of the matrices.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        spacing: tuple[float, ...],
        wavelet: str = "bior2.2",
        *,
        coarsest: int = 4,
        max_levels: int = 16,
        device: torch.device | None = None,
    ) -> None:
        self.shape = shape
        self.wavelet = wavelet
        self.device = device or torch.device("cpu")
        self.levels: list[Level] = []
        filters = pywt.Wavelet(wavelet)
        size, step = shape, np.asarray(spacing, dtype=float)
        while len(self.levels) < max_levels:
            axes = tuple(
                a
                for a in range(len(shape))
                if step[a] <= 1.5 * step.min()
                and size[a] >= 2 * coarsest
                # A long filter hardly shortens a short signal; such a level would not decimate.
                and pywt.dwt_coeff_len(size[a], filters.dec_len, _MODE) <= 0.75 * size[a]
            )
            if not axes:
                break
            coarse = tuple(
                pywt.dwt_coeff_len(n, filters.dec_len, _MODE) if a in axes else n for a, n in enumerate(size)
            )
            bands = tuple(
                band
                for band in itertools.product(*[(0, 1) if a in axes else (0,) for a in range(len(shape))])
                if any(band)
            )
            self.levels.append(Level(size, coarse, axes, bands))
            step = np.asarray([2 * s if a in axes else s for a, s in enumerate(step)])
            size = coarse

    @property
    def depth(self) -> int:
        """Number of levels."""
        return len(self.levels)

    def zeros(self, index: int) -> Tensor:
        """Return zero coefficients number ``index`` (0 = coarsest approximation, ``depth`` = finest details)."""
        dim = len(self.shape)
        if index == 0:
            shape = self.levels[-1].coarse if self.levels else self.shape
            return torch.zeros(dim, *shape, device=self.device)
        level = self.levels[self.depth - index]
        return torch.zeros(dim, len(level.bands), *level.coarse, device=self.device)

    def synthesise(self, coefficients: list[Tensor], stop: int = 0) -> Tensor:
        """Return the approximation of the field at level ``stop``, ``(D, *grid of that level)``; 0 is the field."""
        field = coefficients[0]
        for number in range(self.depth - 1, stop - 1, -1):
            index = self.depth - number
            details = coefficients[index] if index < len(coefficients) else None
            field = self._synthesise_level(field, details, self.levels[number])
        return field

    def analyse(self, field: Tensor) -> list[Tensor]:
        """Return the coefficients of a field ``(D, *shape)``, the coarsest first; `synthesise` is the inverse."""
        details: list[Tensor] = []
        for level in self.levels:
            matrices = tuple(
                self._tensor(analysis_matrix(level.fine[axis], self.wavelet)) if axis in level.axes else None
                for axis in range(len(level.fine))
            )
            field, own = self._separate(apply_per_axis(matrices, field), level)
            details.append(own)
        return [field, *reversed(details)]

    def resampling_matrices(self, stop: int, shape: tuple[int, ...]) -> tuple[Tensor | None, ...]:
        """Return one matrix for each axis that resamples the approximation at level ``stop`` to a grid of ``shape``.

        It is the remaining synthesis without details followed by linear resampling, so that a stage works with exactly
        the field that the final synthesis would give.
        """
        matrices = []
        for axis, n in enumerate(self.shape):
            matrix = interpolation_matrix(n, shape[axis])
            for level in self.levels[:stop]:
                if axis in level.axes:
                    full = synthesis_matrix(level.fine[axis], self.wavelet)
                    matrix = matrix @ full[:, : full.shape[1] // 2]
            identity = matrix.shape[0] == matrix.shape[1] and np.allclose(matrix, np.eye(len(matrix)), atol=1e-12)
            matrices.append(None if identity else self._tensor(matrix))
        return tuple(matrices)

    def _synthesise_level(self, low: Tensor, details: Tensor | None, level: Level) -> Tensor:
        matrices = [
            self._tensor(synthesis_matrix(level.fine[axis], self.wavelet)) if axis in level.axes else None
            for axis in range(len(level.fine))
        ]
        if details is None:
            return apply_per_axis(tuple(m if m is None else m[:, : m.shape[1] // 2] for m in matrices), low)
        return apply_per_axis(tuple(matrices), self._interleave(low, details, level))

    def _interleave(self, low: Tensor, details: Tensor, level: Level) -> Tensor:
        """Return the bands as one array, ``(D, 2 n or n, ...)``, the low half of each axis first."""
        dim = len(level.fine)
        counts = [2 if axis in level.axes else 1 for axis in range(dim)]
        stacked = torch.cat([low[:, None], details], 1).reshape(low.shape[0], *counts, *level.coarse)
        order = [0] + [position for axis in range(dim) for position in (1 + axis, 1 + dim + axis)]
        return stacked.permute(order).reshape(
            low.shape[0], *[count * n for count, n in zip(counts, level.coarse, strict=True)]
        )

    def _separate(self, block: Tensor, level: Level) -> tuple[Tensor, Tensor]:
        """Return the all-low band and the detail bands of an array: the inverse of `_interleave`."""
        dim = len(level.fine)
        counts = [2 if axis in level.axes else 1 for axis in range(dim)]
        pairs = [size for pair in zip(counts, level.coarse, strict=True) for size in pair]
        order = [0, *(1 + 2 * axis for axis in range(dim)), *(2 + 2 * axis for axis in range(dim))]
        bands = block.reshape(block.shape[0], *pairs).permute(order).reshape(block.shape[0], -1, *level.coarse)
        return bands[:, 0].contiguous(), bands[:, 1:].contiguous()

    def _tensor(self, matrix: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(matrix, dtype=torch.float32, device=self.device)


def interpolation_matrix(source: int, target: int) -> NDArray[np.float64]:
    """Return linear resampling from ``source`` to ``target`` samples with the same ends, ``(target, source)``."""
    position = np.linspace(0, source - 1, target)
    left = np.minimum(position.astype(int), max(source - 2, 0))
    weight = position - left
    matrix = np.zeros((target, source))
    rows = np.arange(target)
    matrix[rows, left] += 1 - weight
    if source > 1:
        matrix[rows, left + 1] += weight
    return matrix
