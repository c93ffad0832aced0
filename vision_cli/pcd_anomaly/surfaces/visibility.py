"""Visibility of a cloud from one side: depth images, outward normals, the side that a scan was taken from.

Views are orthographic, with a direction ``u`` from the part to the sensor. Scanners stand many diameters away, and all
tests have margins larger than the difference to a perspective view.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import (
    Points,
    Surface,
    basis_of,
    group_means,
    spacing,
    sphere_directions,
    surface_of,
    voxel_groups,
)

_VOTES = 128
_VIEW_DIRECTIONS = 800
_LOWEST_FACING = 0.15
_TRIED = 128
_MOST_AXES = 5
_SAME_SIGNS = 0.97
_TILT, _APART = 0.15, 0.45
_TILTS, _AROUND_VIEW = (0.07, 0.14), 6
_FEWEST_AROUND, _OFF_CENTRE, _HARDLY_ANY = 3, 0.25, 0.25


@dataclass(frozen=True)
class DepthImage:
    """The front-most points of a cloud, seen from ``u``.

    Attributes
    ----------
    basis
        Rows ``(3, 3)``: right, up, and towards the sensor.
    origin
        Image coordinates of the lower left corner, ``(2,)``.
    cell
        Side of a pixel.
    depth
        ``(H, W)`` coordinate towards the sensor of the front-most point; -inf where there is none.
    front
        ``(H, W)`` number of that point; -1 where there is none.
    """

    basis: Points
    origin: NDArray[np.float64]
    cell: float
    depth: NDArray[np.float64]
    front: NDArray[np.int64]

    def pixels(self, points: Points) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return flat pixel numbers ``(N,)``, -1 outside the image, and depths ``(N,)`` of points ``(N, 3)``."""
        seen = points @ self.basis.T
        place = np.floor((seen[:, :2] - self.origin) / self.cell).astype(np.int64)
        height, width = self.depth.shape
        inside = (place >= 0).all(axis=1) & (place[:, 0] < width) & (place[:, 1] < height)
        return np.where(inside, place[:, 1] * width + place[:, 0], -1), seen[:, 2]


def depth_image(points: Points, direction: NDArray[np.float64], cell: float, margin: int = 0) -> DepthImage:
    """Return the depth image of points seen from a direction.

    Parameters
    ----------
    points
        ``(N, 3)``.
    direction
        Unit vector towards the sensor.
    cell
        Side of a pixel; at least twice the spacing of the points, so that points behind do not show through.
    margin
        Empty pixels around the image.
    """
    basis = basis_of(direction)
    flat, deep, origin, (height, width) = _pixels_of(points, basis, cell, margin)
    depth = np.full(width * height, -np.inf)
    np.maximum.at(depth, flat, deep)
    front = np.full(width * height, -1, dtype=np.int64)
    foremost = np.flatnonzero(deep == depth[flat])
    front[flat[foremost]] = foremost
    return DepthImage(basis, origin, cell, depth.reshape(height, width), front.reshape(height, width))


def visible(surface: Surface, direction: NDArray[np.float64], cell: float, facing: float = 0.1) -> NDArray[np.bool_]:
    """Return which points of an oriented surface a sensor in a direction sees, ``(N,)``.

    Parameters
    ----------
    surface
        Surface with outward normals.
    direction
        Unit vector towards the sensor.
    cell
        Side of a pixel, as for `depth_image`.
    facing
        Least cosine between normal and direction: scanners lose points at grazing incidence.
    """
    flat, deep, _, (height, width) = _pixels_of(surface.points, basis_of(direction), cell)
    front = np.full(width * height, -np.inf)
    np.maximum.at(front, flat, deep)
    cosine = surface.normals @ direction
    # Within a pixel an inclined surface covers a range of depths.
    slack = cell * (1 + 1 / np.maximum(cosine, facing))
    return np.asarray((cosine > facing) & (deep > front[flat] - slack))


def is_unobserved(surface: Surface, points: Points, direction: NDArray[np.float64], reach: float) -> NDArray[np.bool_]:
    """Return at which points off a surface nothing is known of the part, ``(N,)``.

    This is for a surface with holes and a sensor that looks into them. A point is unobserved if the ray from the sensor
    continues behind it to a face that looks away, and met hardly any face that looks at the sensor: the point then lies
    on material whose near side the surface lacks. With a near side in front of the point, the point could not be seen;
    with one behind it, or without any face, the place is known to be empty.

    Parameters
    ----------
    surface
        The surface, normals outward.
    points
        ``(N, 3)``, away from faces of the surface with similar normals.
    direction
        Unit vector towards the sensor.
    reach
        Radius of the ray.
    """
    seen, here = surface.points @ basis_of(direction).T, points @ basis_of(direction).T
    is_facing = surface.normals @ direction > 0
    away_from, toward = seen[~is_facing], seen[is_facing]
    ray, met = _beside_rays(here, away_from, reach)
    behind = here[ray, 2] - away_from[met, 2]
    ray, met, behind = (found[behind > 0] for found in (ray, met, behind))
    far_side = np.full(len(points), np.inf)
    np.minimum.at(far_side, ray, behind)
    away = np.bincount(ray, minlength=len(points))
    beside = away_from[met, :2] - here[ray, :2]
    middle = [np.bincount(ray, side, len(points)) / np.maximum(away, 1) for side in beside.T]
    # Faces that only touch the ray do not count.
    is_open = (away >= _FEWEST_AROUND) & (np.hypot(*middle) < _OFF_CENTRE * reach)
    # Only the remaining rays are compared with the faces that look at the sensor, which are most of the surface.
    left = np.flatnonzero(is_open)
    ray, met = _beside_rays(here[left], toward, reach)
    is_before = here[left[ray], 2] - toward[met, 2] < far_side[left[ray]]
    is_open[left] = np.bincount(ray[is_before], minlength=len(left)) < _HARDLY_ANY * away[left]
    return np.asarray(is_open)


def _beside_rays(rays: Points, points: Points, reach: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pairs of rays along the third axis through ``(R, 3)`` and points ``(N, 3)`` within ``reach``."""
    if not len(rays) or not len(points):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    pairs = cKDTree(rays[:, :2]).sparse_distance_matrix(cKDTree(points[:, :2]), reach, output_type="ndarray")
    return pairs["i"], pairs["j"]


def nearby_directions(direction: NDArray[np.float64]) -> Points:
    """Return a direction and directions within its uncertainty, ``(D, 3)``.

    A direction estimated from a scan is off by a few degrees, and a sensor at a distance of a few diameters sees the
    two ends of a part from directions as far apart.
    """
    right, up, _ = basis_of(direction)
    angles = np.arange(_AROUND_VIEW) * (2 * np.pi / _AROUND_VIEW)
    ring = np.cos(angles)[:, None] * right + np.sin(angles)[:, None] * up
    found = np.vstack([direction, *(direction + tilt * ring for tilt in _TILTS)])
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def orient_outwards(surface: Surface) -> Surface:
    """Return a cloud of all sides with outward normals.

    From many directions the front-most point of every pixel faces the sensor, which is a vote for its sign. Points that
    no view shows follow their nearest neighbour with votes.
    """
    points, normals = surface.points, surface.normals
    cell = 2.5 * spacing(points)
    votes = np.zeros(len(points))
    for direction in sphere_directions(_VOTES):
        front = depth_image(points, direction, cell).front
        front = front[front >= 0]
        votes[front] += normals[front] @ direction
    known = np.abs(votes) > 0.2
    signs = np.sign(votes)
    if known.any() and not known.all():
        near = np.flatnonzero(known)[cKDTree(points[known]).query(points[~known])[1]]
        signs[~known] = signs[near] * np.sign(np.einsum("ij,ij->i", normals[~known], normals[near]))
    signs[signs == 0] = 1
    return replace(surface, normals=normals * signs[:, None])


def possible_view_directions(surface: Surface, layered: float = 0.1) -> list[NDArray[np.float64]]:
    """Return the axes that a one-sided scan can have been taken along, the likeliest first; none for all sides.

    A one-sided scan has no point that faces away, so its normals have a cosine to the axis well above zero, and it has
    one layer along the axis. At which end of the axis the sensor stood cannot be told from the points alone. Nearby
    axes that give the normals the same signs count as one.

    Parameters
    ----------
    surface
        The cloud, with a spacing of about D/200: layers are told apart from an eighth of the diameter on.
    layered
        Largest share of pixels with two layers.
    """
    candidates = sphere_directions(_VIEW_DIRECTIONS)[: _VIEW_DIRECTIONS // 2]
    axes, merits = _open_axes(surface, candidates, layered, _TRIED)
    found: list[NDArray[np.float64]] = []
    signs: list[NDArray[np.bool_]] = []
    for number in np.argsort(merits, kind="stable"):
        sign = surface.normals @ axes[number] > 0
        agreement = [float((sign == other).mean()) for other in signs]
        same_signs = [share > _SAME_SIGNS or share < 1 - _SAME_SIGNS for share in agreement]
        is_near = [abs(axes[number] @ other) > np.cos(_APART) for other in found]
        if not any(same and near for same, near in zip(same_signs, is_near, strict=True)):
            found.append(axes[number])
            signs.append(sign)
            if len(found) == _MOST_AXES:
                break
    if found:
        tilts = sphere_directions(4 * _VIEW_DIRECTIONS)
        near = np.vstack([found[0], tilts[tilts @ found[0] > np.cos(_TILT)]])
        axes, merits = _open_axes(surface, near, layered, _TRIED // 8)
        found[0] = axes[np.argmin(merits)] if len(axes) else found[0]
    return found


def _open_axes(surface: Surface, candidates: Points, layered: float, tries: int) -> tuple[Points, NDArray[np.float64]]:
    """Return the axes ``(A, 3)`` along which a scan has one layer, and a penalty for each, ``(A,)``."""
    cell = 3 * spacing(surface.points)
    # The lowest few per cent are normals at edges, which belong to no side.
    lowest = np.quantile(np.abs(surface.normals @ candidates.T), 0.04, axis=0)
    open_to = np.argsort(-lowest, kind="stable")
    open_to = open_to[lowest[open_to] > _LOWEST_FACING]
    some = open_to[:: max(1, len(open_to) // tries)]
    shares = np.array([_layered_share(surface.points, candidates[number], cell) for number in some])
    kept = some[shares <= layered] if len(some) else some
    return candidates[kept], shares[shares <= layered] - 0.02 * lowest[kept]


def _layered_share(points: Points, direction: NDArray[np.float64], cell: float) -> float:
    """Return the share of the pixels that hold points of two layers."""
    flat, deep, _, (height, width) = _pixels_of(points, basis_of(direction), cell)
    nearest, farthest = np.full(width * height, -np.inf), np.full(width * height, np.inf)
    np.maximum.at(nearest, flat, deep)
    np.minimum.at(farthest, flat, deep)
    used = np.isfinite(nearest)
    return float((nearest[used] - farthest[used] > 8 * cell).mean())


def _pixels_of(
    points: Points, basis: Points, cell: float, margin: int = 0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], tuple[int, int]]:
    """Return the flat pixel ``(N,)`` and the depth ``(N,)`` of points, the lower left corner, and height and width."""
    # By columns: numpy is slow at reducing (N, 3) along its first axis.
    across, up, deep = np.ascontiguousarray((points @ basis.T).T)
    origin = np.array([across.min(), up.min()]) - margin * cell
    column = np.floor((across - origin[0]) / cell).astype(np.int64)
    row = np.floor((up - origin[1]) / cell).astype(np.int64)
    height, width = int(row.max()) + 1 + margin, int(column.max()) + 1 + margin
    return row * width + column, deep, origin, (height, width)


def oriented_surface(points: Points, size: float, neighbours: int = 16) -> Surface:
    """Return a cloud of all sides thinned to cubes of side ``size``, with outward normals."""
    group, count = voxel_groups(points, size)
    return orient_outwards(surface_of(group_means(points, group, count), neighbours))
