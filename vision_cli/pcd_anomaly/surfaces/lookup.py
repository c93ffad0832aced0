"""Nearest points of a surface, and signed offsets of other points from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface

REACH = 1 / 25
"""Largest distance, as a share of the diameter, at which points are compared with a surface."""

WIDEST_TURN = 0.35
"""Sine of half the angle between two normals above which they belong to different faces."""

_NORMAL_WEIGHT = 0.05
_GRAZING = 0.4
"""Cosine of the angle of incidence below which the direction to the sensor does not decide the sign of a normal."""

_NEIGHBOURS = 6


@dataclass(frozen=True)
class Level:
    """A surface at one resolution, with a search tree.

    Attributes
    ----------
    surface
        Surface with outward normals.
    tree
        Tree of ``(x, y, z, w·nx, w·ny, w·nz)``: the nearest point also has a similar normal, so that the two faces of a
        thin wall are never confused.
    weight
        The ``w`` above, a length.
    """

    surface: Surface
    tree: cKDTree
    weight: float

    @cached_property
    def places(self) -> cKDTree:
        """Tree of the points alone, without normals."""
        return cKDTree(self.surface.points)

    def nearest(self, points: Points, normals: Points) -> NDArray[np.int64]:
        """Return the number of the nearest point with a similar normal, ``(N,)``."""
        return np.asarray(self.tree.query(np.hstack([points, self.weight * normals]))[1])


@dataclass(frozen=True)
class Offsets:
    """Offsets of points from a surface.

    Attributes
    ----------
    value
        Signed distance along the outward normal, ``(N,)``; NaN where the surface is not near.
    nearest
        Number of the nearest point of the surface with a similar normal, ``(N,)``.
    beside
        Distance to the nearest point along the surface, ``(N,)``: large where the surface ends.
    turn
        Sine of half the angle between the normals, ``(N,)``.
    """

    value: NDArray[np.float64]
    nearest: NDArray[np.int64]
    beside: NDArray[np.float64]
    turn: NDArray[np.float64]


def level_of(surface: Surface, size: float) -> Level:
    """Return a surface of a part of diameter ``size`` with its search tree."""
    weight = _NORMAL_WEIGHT * size
    return Level(surface, cKDTree(np.hstack([surface.points, weight * surface.normals])), weight)


def offsets_to(level: Level, points: Points, normals: Points, reach: float) -> Offsets:
    """Return the signed offsets of points from a surface.

    Parameters
    ----------
    level
        The surface.
    points, normals
        ``(N, 3)``.
    reach
        Distance beyond which offsets are NaN.
    """
    query = np.hstack([points, level.weight * normals])
    distance, near = level.tree.query(query, k=_NEIGHBOURS)
    inverse = 1 / np.maximum(distance, 1e-12)
    weight = inverse / inverse.sum(axis=1, keepdims=True)
    place = np.einsum("nk,nki->ni", weight, level.surface.points[near])
    normal = np.einsum("nk,nki->ni", weight, level.surface.normals[near])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    gap = points - place
    value = np.einsum("ni,ni->n", gap, normal)
    beside = np.linalg.norm(level.surface.points[near[:, 0]] - points + value[:, None] * normal, axis=1)
    is_near = np.linalg.norm(level.surface.points[near[:, 0]] - points, axis=1) < reach
    turn = np.sqrt(np.maximum(1 - np.einsum("ni,ni->n", normals, normal), 0) / 2)
    return Offsets(np.where(is_near, value, np.nan), near[:, 0], beside, turn)


def orient_grazing(surface: Surface, level: Level, towards: NDArray[np.float64]) -> Surface:
    """Return a scan whose normals at grazing incidence have the sign of the surface there.

    Normals are oriented towards the sensor. Its direction is known to about ten degrees and differs between the ends
    of a part, so that a face seen at a grazing angle may get an inward normal.

    Parameters
    ----------
    surface
        Surface of the scan, in the frame of ``level``.
    level
        Surface that it lies on, normals outward.
    towards
        Unit vector to the sensor.
    """
    rows = np.flatnonzero(np.abs(surface.normals @ towards) < _GRAZING)
    points, weighted = surface.points[rows], level.weight * surface.normals[rows]
    as_it_is = level.tree.query(np.hstack([points, weighted]))[0]
    turned = level.tree.query(np.hstack([points, -weighted]))[0]
    normals = surface.normals.copy()
    normals[rows[turned < as_it_is]] *= -1
    return Surface(surface.points, normals, surface.variation)


def correct_edge_offsets(
    found: Offsets, level: Level, points: Points, spacing: float
) -> tuple[Offsets, NDArray[np.float64]]:
    """Return offsets corrected at edges, and the distance to the nearest point of the surface.

    At an edge or a step the neighbours of a point lie on two faces, and its estimated normal belongs to neither; the
    nearest point with a similar normal is then far away. Such points are compared with the nearest point instead.

    Parameters
    ----------
    found
        From `offsets_to`.
    level
        The surface.
    points
        ``(N, 3)``.
    spacing
        Spacing of the surface.

    Returns
    -------
    tuple
        The offsets, and the distance to the nearest point of the surface, ``(N,)``.
    """
    distance, plain = level.places.query(points)
    lost = ~np.isfinite(found.value) | (found.beside > 2.5 * spacing)
    gap = points - level.surface.points[plain]
    along = np.einsum("ni,ni->n", gap, level.surface.normals[plain])
    beside = np.sqrt(np.maximum(distance**2 - along**2, 0))
    mended = Offsets(
        np.where(lost, along, found.value),
        np.where(lost, plain, found.nearest),
        np.where(lost, beside, found.beside),
        found.turn,
    )
    return mended, distance


_GRID = 80
_PADDING = 0.12


@dataclass(frozen=True)
class NearestGrid:
    """The nearest point of a surface for every cube of a grid.

    Attributes
    ----------
    origin, cell
        Lower corner ``(3,)`` and side of the cubes.
    nearest
        ``(X, Y, Z)`` number of the point.
    surface
        The surface, with a point far outside and without a normal at its end, which stands for "none is near".
    """

    origin: NDArray[np.float64]
    cell: float
    nearest: NDArray[np.int32]
    surface: Surface

    def at(self, points: Points) -> NDArray[np.int32]:
        """Return the number of the point nearest to each of ``(..., 3)``."""
        shape = np.array(self.nearest.shape)
        place = np.floor((points - self.origin) / self.cell).astype(np.int32)
        inside: NDArray[np.bool_] = np.all((place >= 0) & (place < shape), axis=-1, keepdims=True)
        place = np.where(inside, place, 0)
        found = self.nearest[place[..., 0], place[..., 1], place[..., 2]]
        return np.where(inside[..., 0], found, len(self.surface) - 1).astype(np.int32)


def grid_of(surface: Surface, size: float) -> NearestGrid:
    """Return the grid of nearest points of the surface of a part of diameter ``size``."""
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
    return NearestGrid(origin, cell, nearest, surface)
