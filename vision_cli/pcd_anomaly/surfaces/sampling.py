"""Fewer points of a surface: mesh sampling, thinning to cubes, subsampling."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, group_means, surface_of, voxel_groups
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards

_MESH_POINTS = 300_000
_JUDGED_SPACING, _AGREEMENT = 1 / 120, 0.85
"""Spacing at which the sides of a prototype are judged, and the share of normals that makes it one side or the other.

Cavities that no view shows are judged by their nearest neighbours, often wrongly.
"""

_LEAST_LENGTH = 1e-6
_FEWEST_CUBES = 100


@dataclass(frozen=True)
class PrototypePoints:
    """Points of a prototype.

    Attributes
    ----------
    points
        ``(N, 3)``.
    normals
        Outward normals, ``(N, 3)``, where it is a mesh or has them; None otherwise.
    remark
        What was done to its normals; None if they were taken as they are.
    """

    points: Points
    normals: Points | None
    remark: str | None = None


def prototype_points(prototype: PointCloud | Mesh, generator: np.random.Generator) -> PrototypePoints:
    """Return the points of a prototype with outward normals, where it is a mesh or has normals.

    A mesh is sampled uniformly over its area. Which side of a surface is outside is checked, by the signed volume of a
    closed mesh and else by the views that show it (`orient_outwards`): many programs write meshes inside out, and
    clouds whose normals have any sign.

    Raises
    ------
    InputError
        If less than half of the points are finite, or all triangles of a mesh are degenerate.
    """
    if isinstance(prototype, Mesh):
        corners = prototype.vertices[prototype.triangles]
        cross = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        double_area = np.linalg.norm(cross, axis=1)
        if not double_area.sum() > 0:
            raise InputError("a mesh of no area; a surface expected.", hint="Export the mesh again.")
        chosen = generator.choice(len(corners), _MESH_POINTS, p=double_area / double_area.sum())
        first, second = generator.random((2, _MESH_POINTS, 1))
        flip = first + second > 1
        first, second = np.where(flip, 1 - first, first), np.where(flip, 1 - second, second)
        picked = corners[chosen]
        points = picked[:, 0] + first * (picked[:, 1] - picked[:, 0]) + second * (picked[:, 2] - picked[:, 0])
        normals = cross[chosen] / double_area[chosen, None]
        if _is_closed(prototype.triangles):
            volume = float(np.einsum("ni,ni->n", corners[:, 0] - points.mean(axis=0), cross).sum())
            if volume < 0:
                return PrototypePoints(points, -normals, "the mesh is inside out; its faces were turned.")
            return PrototypePoints(points, normals)
        return _with_outward_normals(points, normals, "mesh")
    finite = np.asarray(np.isfinite(prototype.points).all(axis=1))
    if finite.mean() < 0.5:
        raise InputError(
            f"a prototype with {int((~finite).sum())} of {len(finite)} points not finite; points expected.",
            hint="Export it again.",
        )
    if prototype.normals is None:
        return PrototypePoints(prototype.points[finite], None)
    points, normals = prototype.points[finite], prototype.normals[finite]
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    if not np.isfinite(normals).all() or np.median(length) < _LEAST_LENGTH:
        return PrototypePoints(points, None, "its normals are no directions; they were estimated.")
    return _with_outward_normals(points, normals / np.maximum(length, _LEAST_LENGTH), "cloud")


def _is_closed(triangles: NDArray[np.int64]) -> bool:
    """Return whether every edge of a mesh is that of two triangles which wind alike."""
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    count = int(triangles.max()) + 1
    forth, back = np.sort(edges[:, 0] * count + edges[:, 1]), np.sort(edges[:, 1] * count + edges[:, 0])
    return bool(np.array_equal(forth, back) and (np.diff(forth) > 0).all())


def _with_outward_normals(points: Points, normals: Points, what: str) -> PrototypePoints:
    """Return points whose normals agree with the views that show them; few that do not are left as they are."""
    span = float(np.linalg.norm(np.ptp(points, axis=0)))
    judged = orient_outwards(thin(Surface(points, normals, np.zeros(len(points))), span * _JUDGED_SPACING))
    near = cKDTree(judged.points).query(points)[1]
    sign = np.where(np.einsum("ij,ij->i", judged.normals[near], normals) < 0, -1.0, 1.0)
    agreement = float((sign > 0).mean())
    if agreement >= _AGREEMENT:
        return PrototypePoints(points, normals)
    if agreement <= 1 - _AGREEMENT:
        return PrototypePoints(points, -normals, f"the {what} is inside out; its normals were turned.")
    return PrototypePoints(
        points,
        normals * sign[:, None],
        f"{100 * (1 - agreement):.0f} % of the normals of the {what} point inwards; they were turned by the views that "
        "show them.",
    )


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
