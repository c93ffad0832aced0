"""Where a measured surface ends: the rim of a one-sided scan, and holes of a prototype."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface

_OFF_CENTRE = 0.25
BOUNDARY_NEIGHBOURS = 24
"""Number of nearest points that decide whether a place lies at the boundary of a scan."""

_AROUND, _SAME_SIDE, _STRAY = 16, -0.2, 1.5
_OPEN = 2 * np.pi / 3


def is_off_centre(points: Points, neighbours: Points, distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which points ``(N, 3)`` lie at the boundary of a scan, by their neighbours ``(N, k, 3)``, ``(N,)``.

    There the mean of the neighbours is off the point by more than a quarter of the largest ``distance`` ``(N, k)``.
    """
    off = np.linalg.norm(neighbours.mean(axis=1) - points, axis=1)
    return np.asarray(off > _OFF_CENTRE * distance[:, -1])


def surface_ends(surface: Surface) -> NDArray[np.bool_]:
    """Return which points of a surface lie where it ends, ``(N,)``: at rims and holes, but not at edges.

    At an end a sector of 120 degrees or more around the point has no neighbours. The angle is measured about the mean
    normal of the neighbours, which sees all faces of an edge. Neighbours that face the other way, behind a thin wall,
    do not count.
    """
    points, normals = surface.points, surface.normals
    distance, near = (found[:, 1:] for found in cKDTree(points).query(points, k=min(_AROUND + 1, len(points))))
    # Isolated points of a surface that is hardly seen have neighbours all around, but far away.
    is_same = distance < _STRAY * np.median(distance[:, -1])
    is_same &= np.einsum("nki,ni->nk", normals[near], normals) > _SAME_SIDE
    axis = normals + np.einsum("nk,nki->ni", is_same, normals[near])
    first = np.cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    second = np.cross(axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-12), first)
    gaps = points[near] - points[:, None]
    angle = np.arctan2(np.einsum("nki,ni->nk", gaps, second), np.einsum("nki,ni->nk", gaps, first))
    # Neighbours that do not count get the angle of one that does, so that they close no gap.
    lowest = np.where(is_same, angle, np.pi).min(axis=1, keepdims=True)
    angle = np.sort(np.where(is_same, angle, lowest), axis=1)
    return np.asarray(np.diff(np.hstack([angle, lowest + 2 * np.pi]), axis=1).max(axis=1) > _OPEN)
