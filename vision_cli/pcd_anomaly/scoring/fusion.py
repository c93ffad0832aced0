"""From channels to scores: -log10 p of every channel at every place, fused, and interpolated at every point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.scoring.calibration import NullTable
from vision_cli.pcd_anomaly.scoring.nodes import Nodes
from vision_cli.pcd_anomaly.surfaces.geometry import Points

_SPREAD_NEIGHBOURS = 3
_ROWS_AT_ONCE = 1 << 17
_BOUNDARY_WEIGHT = 0.5
_UNSURE_MOST = 2.0
"""Highest score of a place near an end of the reference; one good place in a hundred is as high in a channel."""


@dataclass(frozen=True)
class Fusion:
    """Calibrated fusion of channels to one score.

    Attributes
    ----------
    scales
        Scale of each channel at each place of good parts, ``(V, C)``.
    tables
        Null distribution of each channel divided by its scale.
    weights
        Weight of each channel, ``(C,)``, at most 1.
    """

    scales: NDArray[np.float64]
    tables: tuple[NullTable, ...]
    weights: NDArray[np.float64]


def neg_log_p_values(
    values: NDArray[np.float64], scales: NDArray[np.float64], tables: Sequence[NullTable]
) -> NDArray[np.float64]:
    """Return -log10 p of channels ``(N, C)`` divided by their scales ``(N, C)``, ``(N, C)``."""
    over = values / scales
    return np.stack([table.at(over[:, number]) for number, table in enumerate(tables)], axis=1)


def fuse(
    values: NDArray[np.float64],
    nearest: NDArray[np.int64],
    boundary: NDArray[np.bool_],
    unsure: NDArray[np.bool_],
    fusion: Fusion,
) -> NDArray[np.float64]:
    """Return the fused scores of places.

    The -log10 p of the channels are added by their squares: a single high channel counts in full, several count more.

    Parameters
    ----------
    values
        ``(N, C)``.
    nearest
        Number of the reference's point at each place, ``(N,)``.
    boundary
        Places at the boundary of the scan, where neighbourhoods are incomplete: their scores are halved.
    unsure
        Places near an end of the reference: their scores are capped so that they cause no decision.
    fusion
        The calibration.

    Returns
    -------
    ndarray
        Scores, ``(N,)``, 0 or more.
    """
    found = neg_log_p_values(values, fusion.scales[nearest], fusion.tables) * fusion.weights
    score = np.sqrt((found**2).sum(axis=1))
    score = np.where(boundary, _BOUNDARY_WEIGHT * score, score)
    return np.asarray(np.where(unsure, np.minimum(score, _UNSURE_MOST), score))


def spread_to_points(
    points: Points, places: Points, scores: NDArray[np.float64], tree: cKDTree | None = None
) -> NDArray[np.float32]:
    """Return scores of places interpolated at points, by inverse distance over the three nearest places.

    Parameters
    ----------
    points
        ``(N, 3)``, in any order; rows that are not finite get NaN.
    places, scores
        ``(V, 3)`` and ``(V,)``, in the same frame; or ``(V, C)`` for several values at once.
    tree
        Tree of ``places``.

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


def place_scores(nodes: Nodes, values: NDArray[np.float64], fusion: Fusion) -> NDArray[np.float64]:
    """Return the fused score of each place, ``(N,)``, from channels ``(N, C)`` with the embedding last."""
    return fuse(values, nodes.residuals.nearest, nodes.boundary, nodes.residuals.unsure, fusion)
