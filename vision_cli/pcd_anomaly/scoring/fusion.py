"""From channels to scores: calibrated surprises of every place, fused, and spread to every point of the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.scoring.calibration import NullTable
from vision_cli.pcd_anomaly.surfaces.geometry import Points

_SPREAD_NEIGHBOURS = 3
_ROWS_AT_ONCE = 1 << 17
_BOUNDARY_WEIGHT = 0.5
_UNSURE_MOST = 2.0
"""Score that no place beside an end of the reference exceeds: one good place in a hundred is as high in a channel."""


@dataclass(frozen=True)
class Fusion:
    """How channels become one score.

    Attributes
    ----------
    scales
        Size of each channel at each place of good parts, ``(V, C)``.
    tables
        Distribution of each channel over its scale.
    weights
        How far each channel is believed, ``(C,)``, 1 at most.
    """

    scales: NDArray[np.float64]
    tables: tuple[NullTable, ...]
    weights: NDArray[np.float64]


def surprises(
    values: NDArray[np.float64], scales: NDArray[np.float64], tables: Sequence[NullTable]
) -> NDArray[np.float64]:
    """Give -log10 p of channels ``(N, C)`` over their scales ``(N, C)``, ``(N, C)``."""
    over = values / scales
    return np.stack([table.of(over[:, number]) for number, table in enumerate(tables)], axis=1)


def fuse(
    values: NDArray[np.float64],
    nearest: NDArray[np.int64],
    boundary: NDArray[np.bool_],
    unsure: NDArray[np.bool_],
    fusion: Fusion,
) -> NDArray[np.float64]:
    """Fuse the channels of places.

    The surprises add up by their squares: what one channel alone sees counts in full, and what several see counts more.

    Parameters
    ----------
    values
        ``(N, C)``.
    nearest
        Number of the reference's point at each place, ``(N,)``.
    boundary
        Places at the end of the scan, where neighbourhoods are cut: they count half.
    unsure
        Places beside an end of the reference: they may stand out, but decide nothing.
    fusion
        What was calibrated.

    Returns
    -------
    ndarray
        ``(N,)``, 0 or more.
    """
    found = surprises(values, fusion.scales[nearest], fusion.tables) * fusion.weights
    score = np.sqrt((found**2).sum(axis=1))
    score = np.where(boundary, _BOUNDARY_WEIGHT * score, score)
    return np.asarray(np.where(unsure, np.minimum(score, _UNSURE_MOST), score))


def spread_to_points(
    points: Points, places: Points, scores: NDArray[np.float64], tree: cKDTree | None = None
) -> NDArray[np.float32]:
    """Interpolate scores of places at every point: inverse distance over the three nearest.

    Parameters
    ----------
    points
        ``(N, 3)``, in any order; rows that are not finite get NaN.
    places, scores
        ``(V, 3)`` and ``(V,)``, in the same frame; or ``(V, C)`` to spread several values at once.
    tree
        Of ``places``.

    Returns
    -------
    ndarray
        ``(N,)``, or ``(N, C)``, in the order of ``points``.
    """
    tree = cKDTree(places) if tree is None else tree
    result = np.full((len(points), *scores.shape[1:]), np.nan, dtype=np.float32)
    known = np.flatnonzero(np.isfinite(points).all(axis=1))
    count = min(_SPREAD_NEIGHBOURS, len(places))
    for start in range(0, len(known), _ROWS_AT_ONCE):
        rows = known[start : start + _ROWS_AT_ONCE]
        distance, near = tree.query(points[rows], k=count)
        distance, near = distance.reshape(len(rows), -1), near.reshape(len(rows), -1)
        weight = 1 / np.maximum(distance, 1e-9)
        weight /= weight.sum(axis=1, keepdims=True)
        result[rows] = np.einsum("nk,nk...->n...", weight, scores[near])
    return result
