"""Adaptive group-centre selection (AGCS): more groups where the surface looks like a defect.

Half of the centres are spread evenly (farthest point sampling), the others are placed where an indicator is high:
``absolute`` is the surface variation, as in the paper, which is high at edges as well as at defects; ``relative`` is
its difference from the reference at the same place plus the residual, which is high at deviations only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.farthest import farthest_points
from vision_cli.pcd_anomaly.surfaces.geometry import Points

_HIGH_WEIGHT = 4.0
_LEAST_IN_COMPONENT = 8
_MOST_WEIGHT = 10.0


def indicator_weights(indicator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return weights 1 + clip((q - median) / MAD, 0, 10) of an indicator ``(N,)``; 1 for NaN."""
    known = np.isfinite(indicator)
    if not known.any():
        return np.ones(len(indicator))
    middle = np.median(indicator[known])
    spread = max(float(np.median(np.abs(indicator[known] - middle))), 1e-12)
    return 1 + np.clip(np.where(known, (indicator - middle) / spread, 0), 0, _MOST_WEIGHT)


def select_centres(
    points: Points, count: int, indicator: NDArray[np.float64] | None, spacing: float
) -> NDArray[np.int64]:
    """Return the numbers of the centres of groups.

    Parameters
    ----------
    points
        ``(N, 3)`` in a fixed order.
    count
        Number of centres.
    indicator
        Indicator of defects, ``(N,)``; None spreads all centres evenly.
    spacing
        Spacing of the points; points of high weight within 2.5 spacings are one component.

    Returns
    -------
    ndarray
        Ascending numbers of the centres, ``(count,)``, or a few more if there are many components of high weight.
    """
    if indicator is None or count >= len(points):
        return np.sort(farthest_points(points, count))
    base = farthest_points(points, count // 2)
    weights = indicator_weights(indicator)
    chosen = [base]
    taken = np.zeros(len(points), dtype=bool)
    taken[base] = True
    hot = np.flatnonzero((weights > _HIGH_WEIGHT) & ~taken)
    for component in _components(points[hot], spacing):
        members = hot[component]
        some = members[farthest_points(points[members], _LEAST_IN_COMPONENT)]
        chosen.append(some)
        taken[some] = True
        if taken.sum() >= count:
            break
    left = count - int(taken.sum())
    if left > 0:
        chosen.append(_weighted_farthest(points, weights, np.flatnonzero(taken), left))
    return np.unique(np.concatenate(chosen))


def _components(points: Points, spacing: float) -> list[NDArray[np.int64]]:
    """Return the connected components of points, the largest first."""
    if not len(points):
        return []
    pairs = cKDTree(points).query_pairs(2.5 * spacing, output_type="ndarray")
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(points), len(points)))
    count, label = connected_components(graph, directed=False)
    groups = [np.flatnonzero(label == number) for number in range(count)]
    return sorted((group for group in groups if len(group) >= 3), key=len, reverse=True)


def _weighted_farthest(
    points: Points, weights: NDArray[np.float64], taken: NDArray[np.int64], count: int
) -> NDArray[np.int64]:
    """Return points chosen by the largest weighted distance to all points chosen before.

    A pass chooses many: candidates are visited by falling weighted distance, and one is taken unless a point of the
    same pass is nearer to it than its distance to the points chosen before, as choosing one by one would do.
    """
    chosen: list[int] = []
    distance = cKDTree(points[taken]).query(points)[0]
    while len(chosen) < count:
        merit = distance * weights
        order = np.argsort(-merit, kind="stable")[: 4 * (count - len(chosen))]
        order = order[merit[order] > 0]
        if not len(order):
            break
        near = cKDTree(points[order])
        closed = np.zeros(len(order), dtype=bool)
        fresh = []
        for place, number in enumerate(order):
            if closed[place]:
                continue
            fresh.append(int(number))
            closed[near.query_ball_point(points[number], distance[number])] = True
            if len(chosen) + len(fresh) == count:
                break
        distance = np.minimum(distance, cKDTree(points[fresh]).query(points)[0])
        chosen += fresh
    return np.asarray(chosen, dtype=np.int64)
