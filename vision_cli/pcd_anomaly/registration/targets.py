"""Targets of the registration: a surface of all sides at several resolutions, with lookup structures."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, Surface, diameter, principal_axes, sphere_directions
from vision_cli.pcd_anomaly.surfaces.lookup import Level, NearestGrid, grid_of, level_of
from vision_cli.pcd_anomaly.surfaces.sampling import thin
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance
from vision_cli.pcd_anomaly.surfaces.visibility import visible

LEVELS = (40, 80, 200)
"""Resolutions of a target: spacings of about D/40, D/80 and D/200."""

TEMPLATE_DIRECTIONS = 260
_LEAST_WARP = 1 / 1200
"""Displacements of instances below this share of the diameter are left out: they change the quality of a pose by less
than 0.005 (`limits.Limits.margin`), as fitness falls with the square of distances relative to D/80."""


@dataclass(frozen=True)
class Target:
    """A surface of all sides to register to.

    Attributes
    ----------
    diameter
        Its diameter D.
    levels
        From coarse to fine, as `LEVELS`.
    grid
        Nearest points of the coarsest level.
    directions
        View directions, ``(T, 3)``.
    view_means
        Mean of the points visible from each direction, ``(T, 3)``.
    view_axes
        Principal axes of these points as rows of right-handed rotations, ``(T, 3, 3)``.
    middle
        Mean of all points, ``(3,)``.
    tolerance
        Distribution of the warps of instances; None if unknown, or if they are too small to matter.
    descriptors
        Cache of points and descriptors by scale.
    near_symmetries
        Cache of the motions that nearly take the part onto itself: one ``(B, 4, 4)``, or none before they are searched.
    """

    diameter: float
    levels: tuple[Level, ...]
    grid: NearestGrid
    directions: Points
    view_means: Points
    view_axes: NDArray[np.float64]
    middle: NDArray[np.float64]
    tolerance: Tolerance | None = None
    descriptors: dict[float, tuple[Surface, NDArray[np.float32]]] = field(default_factory=dict, compare=False)
    near_symmetries: list[Pose] = field(default_factory=list, compare=False)


def make_target(surface: Surface, tolerance: Tolerance | None = None) -> Target:
    """Return a surface of all sides, with outward normals, as a target for scans that may differ by a tolerance."""
    size = diameter(surface.points)
    levels = tuple(level_of(thin(surface, size / resolution), size) for resolution in LEVELS)
    coarse = levels[0].surface
    directions = sphere_directions(TEMPLATE_DIRECTIONS)
    cell = 2 * size / LEVELS[1]
    fine = levels[1].surface
    seen = [fine.points[visible(fine, direction, cell, 0.2)] for direction in directions]
    means = np.stack([points.mean(axis=0) if len(points) else np.zeros(3) for points in seen])
    axes = np.stack([principal_axes(points) for points in seen])
    if tolerance is not None and tolerance.displacement_std < _LEAST_WARP * size:
        tolerance = None
    return Target(size, levels, grid_of(coarse, size), directions, means, axes, coarse.points.mean(axis=0), tolerance)
