"""PIQE: distortion of blocks, without training (Venkatanath et al., NCC 2015); as MATLAB's ``piqe`` computes it."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.enhance_eval.quality.luma import grey_levels
from vision_cli.enhance_eval.quality.natural_scenes import Field, normalised
from vision_cli.enhance_eval.values import Picture

_BLOCK, _SEGMENT = 16, 6
_ACTIVE, _FLAT = 0.1, 0.1
_CENTRE = (7, 8)
_SURROUND = tuple(column for column in range(_BLOCK) if column not in (7, 9))
"""MATLAB deletes columns 8 and then 9 of what is left, which is column 10 of the block."""


def piqe(picture: Picture) -> float:
    """Return the score, 0 (best) to 100; NaN if a side is below 16 px."""
    if min(picture.shape[:2]) < _BLOCK:
        return math.nan
    levels = grey_levels(picture)
    below, right = (-size % _BLOCK for size in levels.shape)
    blocks = _blocks(normalised(np.pad(levels, ((0, below), (0, right)), mode="symmetric"))[0])
    variance = blocks.reshape(len(blocks), -1).var(axis=1, ddof=1)
    is_active = variance > _ACTIVE
    blocks, variance = blocks[is_active], variance[is_active]
    distortion = _has_flat_edge(blocks) * (1 - variance) + _is_noisy(blocks, variance) * variance
    return float(100 * (distortion.sum() + 1) / (len(blocks) + 1))


def _blocks(coefficients: Field) -> Field:
    rows, columns = (size // _BLOCK for size in coefficients.shape)
    return coefficients.reshape(rows, _BLOCK, columns, _BLOCK).swapaxes(1, 2).reshape(-1, _BLOCK, _BLOCK)


def _has_flat_edge(blocks: Field) -> Field:
    """1 for blocks with six pixels in a row on one of their edges that hardly differ, else 0 (Sec. II-C1)."""
    edges = np.stack([blocks[:, 0], blocks[:, -1], blocks[:, :, 0], blocks[:, :, -1]], axis=1)
    segments = np.lib.stride_tricks.sliding_window_view(edges, _SEGMENT, axis=2)
    is_flat = segments.std(axis=3, ddof=1) < _FLAT
    return np.asarray(is_flat.any(axis=(1, 2)), dtype=np.float64)


def _is_noisy(blocks: Field, variance: Field) -> Field:
    """1 for blocks whose two central columns vary as their surround does, else 0 (Sec. II-C2)."""
    centre = blocks[:, :, _CENTRE].std(axis=(1, 2), ddof=1)
    surround = blocks[:, :, _SURROUND].std(axis=(1, 2), ddof=1)
    ratio = np.divide(centre, surround, out=np.zeros(len(blocks)), where=surround > 0)
    deviation = np.sqrt(variance)
    beta = np.abs(deviation - ratio) / np.maximum(deviation, ratio)
    return np.asarray(deviation > 2 * beta, dtype=np.float64)
