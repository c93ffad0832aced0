"""Farthest point sampling: each further point is the one farthest from all points chosen before.

Exact, and fast because most points are skipped: points are kept in blocks of neighbours, and a new centre can change a
block only if it is nearer to it than the farthest point of the block is to the centres so far (the pruning of QuickFPS,
Han et al., IEEE TCAD 2023).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.surfaces.geometry import Points

_BLOCK = 256
"""Most points of a block; 64 and 128 take as long."""

_ROUNDING = 1e-9


def farthest_points(points: Points, count: int, start: int = 0) -> NDArray[np.int64]:
    """Return numbers of points far from one another, evenly over a surface; all points if there are at most ``count``.

    Parameters
    ----------
    points
        ``(N, 3)``, finite.
    count
        Number of points to choose.
    start
        Number of the first point.

    Returns
    -------
    ndarray
        Numbers of the chosen points in the order of choice, ``(count,)``; of equally far points the first.
    """
    if count >= len(points):
        return np.arange(len(points))
    order = _blocks(points)
    places = np.ascontiguousarray(points[order].transpose(2, 0, 1), dtype=np.float64)
    low, high = places.min(axis=2), places.max(axis=2)
    # Squared distances of all points to the chosen ones, and the greatest of each block.
    distance = np.full(order.shape, np.inf)
    greatest = np.full(len(order), np.inf)
    chosen = np.empty(count, dtype=np.int64)
    chosen[0] = start
    for number in range(1, count):
        centre = points[chosen[number - 1]].astype(np.float64)[:, None]
        gap = np.maximum(np.maximum(low - centre, centre - high), 0)
        near = np.flatnonzero((gap * gap).sum(axis=0) * (1 - _ROUNDING) < greatest)
        offset = places[:, near] - centre[..., None]
        offset *= offset
        distance[near] = np.minimum(distance[near], offset[0] + offset[1] + offset[2])
        greatest[near] = distance[near].max(axis=1)
        farthest = greatest.max()
        rows = np.flatnonzero(greatest == farthest)
        chosen[number] = order[rows][distance[rows] == farthest].min()
    return chosen


def _blocks(points: Points) -> NDArray[np.int64]:
    """Return numbers of points in blocks of neighbours, ``(B, M)``: halved along the widest axis, and padded."""
    levels = max(0, int(np.ceil(np.log2(len(points) / _BLOCK))))
    width = -(-len(points) >> levels)
    order = np.minimum(np.arange(width << levels), len(points) - 1)
    for level in range(levels):
        order = order.reshape(2**level, -1)
        places = points[order]
        axis = np.ptp(places, axis=1).argmax(axis=1)
        along = np.take_along_axis(places, axis[:, None, None], axis=2)[..., 0]
        halves = np.argpartition(along, order.shape[1] // 2, axis=1)
        order = np.take_along_axis(order, halves, axis=1)
    return order.reshape(-1, width)
