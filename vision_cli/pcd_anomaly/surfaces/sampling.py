"""Fewer points of a surface: mesh sampling, thinning to cubes, subsampling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, group_means, surface_of, voxel_groups

_MESH_POINTS = 300_000
_FEWEST_CUBES = 100


def prototype_points(prototype: PointCloud | Mesh, generator: np.random.Generator) -> tuple[Points, Points | None]:
    """Return the points of a prototype, ``(N, 3)``, and its outward normals where it is a mesh or has them.

    A mesh is sampled uniformly over its area.

    Raises
    ------
    InputError
        If less than half of the points are finite.
    """
    if isinstance(prototype, Mesh):
        corners = prototype.vertices[prototype.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        double_area = np.linalg.norm(cross, axis=1)
        chosen = generator.choice(len(corners), _MESH_POINTS, p=double_area / double_area.sum())
        first, second = generator.random((2, _MESH_POINTS, 1))
        flip = first + second > 1
        first, second = np.where(flip, 1 - first, first), np.where(flip, 1 - second, second)
        picked = corners[chosen]
        points = picked[:, 0] + first * (picked[:, 1] - picked[:, 0]) + second * (picked[:, 2] - picked[:, 0])
        return points, cross[chosen] / double_area[chosen, None]
    finite = np.asarray(np.isfinite(prototype.points).all(axis=1))
    if finite.mean() < 0.5:
        raise InputError(
            f"a prototype with {int((~finite).sum())} of {len(finite)} points not finite; points expected.",
            hint="Export it again.",
        )
    return prototype.points[finite], None if prototype.normals is None else prototype.normals[finite]


def prepare_scan(points: Points, size: float, normals: Points | None = None) -> Surface:
    """Return a scan thinned to one point a cube of side ``size``, for registration; missing normals are estimated.

    Raises
    ------
    InputError
        If fewer than 100 points remain.
    """
    group, count = voxel_groups(points, size)
    if count < _FEWEST_CUBES:
        raise InputError(
            f"a scan of {count} cubes of side {size:.3g} found; {_FEWEST_CUBES} or more expected.",
            hint="Check the unit of the scan, and that it is a scan of this part.",
        )
    surface = surface_of(group_means(points, group, count), 12)
    if normals is not None:
        given = group_means(normals, group, count)
        length = np.linalg.norm(given, axis=1, keepdims=True)
        surface = replace(surface, normals=np.where(length > 0.5, given / np.maximum(length, 1e-12), surface.normals))
    return surface


def thin(surface: Surface, size: float) -> Surface:
    """Return an oriented surface thinned to one point a cube of side ``size``.

    Points of one cube whose normals point to different sides are averaged separately: a thin wall keeps both faces.
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


def subsample(source: Surface, count: int) -> Surface:
    """Return about ``count`` of the points, at equal steps in their order."""
    step = max(1, len(source) // count)
    return source.take(np.arange(0, len(source), step))
