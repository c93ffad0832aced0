"""One-sided views of prototypes: what scans of good parts would look like, without scanning any.

A scan shows one side of a part and ends where that side ends; a prototype shows all sides. What is learnt from
prototypes is learnt from their views, so that the end of a scan is nothing new.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.geometry import Points, Surface, basis_of, sphere_directions
from vision_cli.pcd_anomaly.visibility import visible

_FACING = 0.26
_OFF_CENTRE = 0.25
_BOUNDARY_NEIGHBOURS = 24


def view_directions(count: int, generator: np.random.Generator) -> Points:
    """Spread directions evenly over the sphere and turn them all by chance, ``(count, 3)``."""
    axis = generator.standard_normal(3)
    basis = basis_of(axis / np.linalg.norm(axis))
    return sphere_directions(count) @ basis


def one_sided_view(
    points: Points, surface: Surface, direction: NDArray[np.float64], spacing: float
) -> NDArray[np.int64]:
    """Tell which points of a cloud of all sides a sensor in a direction would see.

    Parameters
    ----------
    points
        The cloud, ``(N, 3)``.
    surface
        The same cloud thinned out to about ``spacing``, with outward normals.
    direction
        Unit vector towards the sensor.
    spacing
        Distance of the points of ``surface``.

    Returns
    -------
    ndarray
        Ascending numbers of the points. Points seen at a grazing angle are left out, as scanners lose them.
    """
    seen = visible(surface, direction, 2.5 * spacing, _FACING)
    nearest = cKDTree(surface.points).query(points)[1]
    return np.flatnonzero(seen[nearest])


def is_boundary(points: Points, tree: cKDTree | None = None) -> NDArray[np.bool_]:
    """Tell which points lie at the end of a scan, ``(N,)``.

    There the mean of the nearest neighbours is off the point by more than a quarter of their distance.
    """
    tree = cKDTree(points) if tree is None else tree
    count = min(_BOUNDARY_NEIGHBOURS, len(points))
    distance, near = tree.query(points, k=count)
    off = np.linalg.norm(points[near].mean(axis=1) - points, axis=1)
    return np.asarray(off > _OFF_CENTRE * distance[:, -1])
