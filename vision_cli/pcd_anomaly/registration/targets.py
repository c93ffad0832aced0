"""What scans are registered to: a surface of all sides at several resolutions, ready to be looked up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Surface,
    diameter,
    group_means,
    sphere_directions,
    surface_of,
    voxel_groups,
)
from vision_cli.pcd_anomaly.surfaces.lookup import Level, level_of
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards, visible
from vision_cli.pcd_anomaly.surfaces.warps import Tolerance

_GRID = 80
_PADDING = 0.12
LEVELS = (40, 80, 200)
"""Resolutions of a target: points about D/40, D/80 and D/200 apart."""

TEMPLATE_DIRECTIONS = 260


@dataclass(frozen=True)
class Lookup:
    """A grid of cubes that tells for every place which point of a surface is nearest, or that none is near.

    Attributes
    ----------
    origin, cell
        Lower corner ``(3,)`` and side of the cubes.
    nearest
        ``(X, Y, Z)`` number of the point.
    surface
        Whose points they are; a point far outside and without a normal comes last.
    """

    origin: NDArray[np.float64]
    cell: float
    nearest: NDArray[np.int32]
    surface: Surface

    def at(self, points: Points) -> NDArray[np.int32]:
        """Find the number of the point nearest to each of ``(..., 3)``."""
        shape = np.array(self.nearest.shape)
        place = np.floor((points - self.origin) / self.cell).astype(np.int32)
        inside: NDArray[np.bool_] = np.all((place >= 0) & (place < shape), axis=-1, keepdims=True)
        place = np.where(inside, place, 0)
        found = self.nearest[place[..., 0], place[..., 1], place[..., 2]]
        return np.where(inside[..., 0], found, len(self.surface) - 1).astype(np.int32)


@dataclass(frozen=True)
class Target:
    """A surface of all sides to register to.

    Attributes
    ----------
    diameter
        Its D.
    levels
        From coarse to fine, as `LEVELS`.
    lookup
        Of the coarsest level.
    directions
        ``(T, 3)`` directions to look from.
    view_means
        Mean of the points that each direction sees, ``(T, 3)``.
    middle
        Mean of all points, ``(3,)``.
    tolerance
        What scans may differ by, beside their pose; None where that is not known.
    """

    diameter: float
    levels: tuple[Level, ...]
    lookup: Lookup
    directions: Points
    view_means: Points
    middle: NDArray[np.float64]
    tolerance: Tolerance | None = None
    descriptors: dict[float, tuple[Surface, NDArray[np.float32]]] = field(default_factory=dict, compare=False)


def thin(surface: Surface, size: float) -> Surface:
    """Thin an oriented surface out to one point a cube of side ``size``.

    Points of one cube that look to different sides are kept apart, as the two faces of a thin wall.
    """
    normals = surface.normals
    cells = np.floor((surface.points - surface.points.min(axis=0)) / size).astype(np.int64)
    axis = np.abs(normals).argmax(axis=1)
    side = 2 * axis + (normals[np.arange(len(normals)), axis] > 0)
    spans = cells.max(axis=0) + 1
    key = ((cells[:, 0] * spans[1] + cells[:, 1]) * spans[2] + cells[:, 2]) * 6 + side
    _, group = np.unique(key, return_inverse=True)
    count = int(group.max()) + 1
    mean = group_means(np.column_stack([surface.points, normals, surface.variation]), group, count)
    length = np.linalg.norm(mean[:, 3:6], axis=1, keepdims=True)
    return Surface(mean[:, :3], mean[:, 3:6] / np.maximum(length, 1e-12), mean[:, 6])


def make_target(surface: Surface, tolerance: Tolerance | None = None) -> Target:
    """Prepare a surface of all sides, with outward normals, for registration of what may differ by a tolerance."""
    size = diameter(surface.points)
    levels = tuple(level_of(thin(surface, size / resolution), size) for resolution in LEVELS)
    coarse = levels[0].surface
    directions = sphere_directions(TEMPLATE_DIRECTIONS)
    cell = 2 * size / LEVELS[1]
    fine = levels[1].surface
    means = np.stack([_mean(fine.points[visible(fine, direction, cell, 0.2)]) for direction in directions])
    return Target(size, levels, _lookup(coarse, size), directions, means, coarse.points.mean(axis=0), tolerance)


def oriented_surface(points: Points, size: float, neighbours: int = 16) -> Surface:
    """Thin a cloud of all sides out to cubes of side ``size`` and orient its normals outwards."""
    group, count = voxel_groups(points, size)
    return orient_outwards(surface_of(group_means(points, group, count), neighbours))


def _mean(points: Points) -> NDArray[np.float64]:
    return np.asarray(points.mean(axis=0)) if len(points) else np.zeros(3)


def _lookup(surface: Surface, size: float) -> Lookup:
    points = surface.points
    padding = _PADDING * size
    origin = points.min(axis=0) - padding
    cell = size * (1 + 2 * _PADDING) / _GRID
    shape = np.ceil((points.max(axis=0) + padding - origin) / cell).astype(int) + 1
    place = np.floor((points - origin) / cell).astype(int)
    holder = np.full(shape, -1, dtype=np.int32)
    holder[tuple(place.T)] = np.arange(len(points))
    distance, where = distance_transform_edt(holder < 0, return_indices=True)
    nearest = holder[tuple(where)]
    nearest[distance * cell > padding] = len(points)
    beyond = origin - 100 * size
    surface = Surface(
        np.vstack([points, beyond]),
        np.vstack([surface.normals, np.zeros(3)]),
        np.append(surface.variation, 0.0),
    )
    return Lookup(origin, cell, nearest, surface)
