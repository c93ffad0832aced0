"""Solids as functions: the distance in mm from points to a surface, negative inside.

The distances of ellipsoids and blends are approximate away from the surface, and good enough within the
centimetre that anatomy needs (the formulas are those of I. Quilez, "Distance functions").
Points are ``(D, N)`` float32 arrays in mm.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from vision_cli.phantoms.arrays import Floats

Vector = Sequence[float]


def ellipsoid(points: Floats, centre: Vector, radii: Vector) -> Floats:
    """Return the approximate distance to an ellipsoid whose axes are those of space."""
    scaled = (points - _column(centre)) / _column(radii)
    relative = length(scaled)
    scaled /= _column(radii)
    distance: Floats = relative * (relative - 1)
    distance /= np.maximum(length(scaled), 1e-6)
    return distance


def tube(points: Floats, knots: Sequence[Vector], radii: Sequence[float]) -> Floats:
    """Return the distance to a chain of cones with round ends, of one radius at each knot."""
    distance = np.full(points.shape[1], np.inf, np.float32)
    for (start, end), (r0, r1) in zip(pairwise(knots), pairwise(radii), strict=True):
        axis = np.subtract(end, start).astype(np.float32)
        local = points - _column(start)
        along = np.clip((axis / (axis @ axis)) @ local, 0, 1)
        local -= axis[:, None] * along
        radial = length(local)
        np.minimum(distance, radial - (np.float32(r0) + along * np.float32(r1 - r0)), out=distance)
    return distance


def blend(first: Floats, second: Floats, width_mm: float) -> Floats:
    """Unite two solids and round the crease between them over ``width_mm``."""
    overlap = np.maximum(width_mm - np.abs(first - second), 0) / width_mm
    united: Floats = np.minimum(first, second) - overlap * overlap * (width_mm / 4)
    return united


def carve(solid: Floats, tool: Floats, width_mm: float) -> Floats:
    """Take one solid out of another and round the edge over ``width_mm``."""
    return -blend(-solid, tool, width_mm)


def length(vectors: Floats) -> Floats:
    """Return the lengths ``(N,)`` of vectors ``(D, N)``."""
    lengths: Floats = np.sqrt(np.einsum("dn,dn->n", vectors, vectors))
    return lengths


def _column(values: Vector) -> Floats:
    return np.asarray(values, np.float32)[:, None]
