"""Surfaces that are measured against: which of their points lies where, and how far off a point is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface

REACH = 1 / 25
"""Share of the diameter beyond which a surface says nothing of a point."""

WIDEST_TURN = 0.35
"""Sine of half the angle between two normals beyond which they are not of one face."""

_NORMAL_WEIGHT = 0.05
_ASLANT = 0.4
"""Cosine of the angle of incidence below which the direction to the sensor does not tell the side of a face."""

_NEIGHBOURS = 6


@dataclass(frozen=True)
class Level:
    """A surface at one resolution, with its tree.

    Attributes
    ----------
    surface
        With outward normals.
    tree
        Of ``(x, y, z, w·nx, w·ny, w·nz)``: the nearest point is one that also looks the same way, so the two faces of a
        thin wall are never confused.
    weight
        The ``w`` above, a length.
    """

    surface: Surface
    tree: cKDTree
    weight: float

    @cached_property
    def places(self) -> cKDTree:
        """Tree of the points alone, whichever way they look."""
        return cKDTree(self.surface.points)

    def nearest(self, points: Points, normals: Points) -> NDArray[np.int64]:
        """Find the number of the nearest point that looks the same way, ``(N,)``."""
        return np.asarray(self.tree.query(np.hstack([points, self.weight * normals]))[1])


@dataclass(frozen=True)
class Offsets:
    """Where points lie relative to a surface.

    Attributes
    ----------
    value
        Signed distance along the outward normal, ``(N,)``; NaN where the surface is not near.
    nearest
        Number of the nearest point of the surface that looks the same way, ``(N,)``.
    beside
        Distance to the nearest points within the surface, ``(N,)``: large where the surface ends.
    turn
        Sine of half the angle between the normals, ``(N,)``.
    """

    value: NDArray[np.float64]
    nearest: NDArray[np.int64]
    beside: NDArray[np.float64]
    turn: NDArray[np.float64]


def level_of(surface: Surface, size: float) -> Level:
    """Make a surface of a part of diameter ``size`` ready to be measured against."""
    weight = _NORMAL_WEIGHT * size
    return Level(surface, cKDTree(np.hstack([surface.points, weight * surface.normals])), weight)


def offsets_to(level: Level, points: Points, normals: Points, reach: float) -> Offsets:
    """Measure signed distances of points to a surface.

    Parameters
    ----------
    level
        The surface.
    points, normals
        ``(N, 3)``.
    reach
        Distance beyond which nothing is said.
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


def seen_aslant(surface: Surface, level: Level, towards: NDArray[np.float64]) -> Surface:
    """Turn the normals of what a sensor saw at a slant to the side that a surface has there.

    Normals are turned to the sensor. Where it stood is known to some ten degrees, and it is not the same direction at
    both ends of a part: a face that is seen at a slant would look into the part.

    Parameters
    ----------
    surface
        Of a scan, in the frame of ``level``.
    level
        The surface that it lies on, normals outward.
    towards
        Unit vector to the sensor.
    """
    rows = np.flatnonzero(np.abs(surface.normals @ towards) < _ASLANT)
    points, weighted = surface.points[rows], level.weight * surface.normals[rows]
    as_it_is = level.tree.query(np.hstack([points, weighted]))[0]
    turned = level.tree.query(np.hstack([points, -weighted]))[0]
    normals = surface.normals.copy()
    normals[rows[turned < as_it_is]] *= -1
    return Surface(surface.points, normals, surface.variation)


def with_edges(found: Offsets, level: Level, points: Points, spacing: float) -> tuple[Offsets, NDArray[np.float64]]:
    """Mend offsets where a scan's normals are no help, and tell how far the nearest point of the surface is.

    Across an edge or a step the neighbours of a point lie on two faces, and its normal on neither: the point that looks
    the same way is then somewhere else. Such points are measured against the nearest point whatever it looks like.

    Parameters
    ----------
    found
        From `offsets_to`.
    level
        The surface.
    points
        ``(N, 3)``.
    spacing
        Of the surface.

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
