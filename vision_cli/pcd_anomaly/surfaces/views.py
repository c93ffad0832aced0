"""One-sided views of prototypes: what scans of good parts would look like, without scanning any.

A scan shows one side of a part and ends where that side ends; a prototype shows all sides. What is learnt from
prototypes is learnt from their views, so that the end of a scan is nothing new.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, basis_of, sphere_directions
from vision_cli.pcd_anomaly.surfaces.visibility import visible

_FACING = 0.17
_GRAZING = 0.5
_MOST_NOISE = 4.0
_BIAS, _WAVES = 0.8, 24
_OFF_CENTRE = 0.25
BOUNDARY_NEIGHBOURS = 24
"""Nearest points that tell whether a place lies at the end of a scan."""

_AROUND, _SAME_SIDE, _STRAY = 16, -0.2, 1.5
_OPEN = 2 * np.pi / 3


def view_directions(count: int, generator: np.random.Generator) -> Points:
    """Spread directions evenly over the sphere and turn them all by chance, ``(count, 3)``."""
    axis = generator.standard_normal(3)
    basis = basis_of(axis / np.linalg.norm(axis))
    return sphere_directions(count) @ basis


def one_sided_view(
    points: Points, surface: Surface, direction: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
    tuple
        Ascending numbers of the points, and the cosine of the angle that each is seen at.
    """
    seen = visible(surface, direction, 2.5 * spacing, _FACING)
    nearest = cKDTree(surface.points).query(points)[1]
    rows = np.flatnonzero(seen[nearest])
    return rows, surface.normals[nearest[rows]] @ direction


def as_scanned(
    points: Points,
    cosines: NDArray[np.float64],
    direction: NDArray[np.float64],
    noise: float,
    reach: float,
    generator: np.random.Generator,
) -> Points:
    """Take what makes one view of a scanner worse than the many views that a prototype was fused of.

    Noise lies along the ray and rises with one over the cosine of incidence, up to four times, and what is seen at a
    grazing angle is lost the more, the more grazing it is (the model of a structured-light scanner). A bias that
    neighbouring points share comes on top: fusing views averages it out of prototypes.

    Parameters
    ----------
    points
        ``(N, 3)`` that a sensor sees.
    cosines
        Of their angles of incidence, ``(N,)``.
    direction
        Unit vector towards the sensor.
    noise
        Standard deviation of a point seen straight on: the roughness of the prototypes.
    reach
        Over which distance the bias is correlated.
    generator
        Draws noise and losses.

    Returns
    -------
    ndarray
        ``(M, 3)``, M at most N.
    """
    kept = generator.random(len(points)) * (_GRAZING - _FACING) < cosines - _FACING
    facing = np.maximum(cosines[kept], 1 / _MOST_NOISE)
    # The prototype has the noise of a good view already.
    along = noise * np.sqrt(1 / facing**2 - 1) * generator.standard_normal(int(kept.sum()))
    along += _BIAS * noise * smooth_field(points[kept], reach, generator)
    return np.asarray(points[kept] + along[:, None] * direction)


def smooth_field(points: Points, reach: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw a random function of unit variance whose correlation is ``exp(-r² / 2 reach²)``, ``(N,)``.

    Source: Rahimi and Recht, "Random features for large-scale kernel machines", NIPS 2007, section 3.
    """
    waves = generator.standard_normal((_WAVES, 3)) / reach
    phases = generator.uniform(0, 2 * np.pi, _WAVES)
    return np.asarray(np.sqrt(2 / _WAVES) * np.cos(points @ waves.T + phases).sum(axis=1))


def roughness(points: Points, neighbours: int = 16) -> float:
    """Measure how far points stray from the planes of their neighbourhoods: the median standard deviation."""
    tree = cKDTree(points)
    some = points[:: max(1, len(points) // 4096)]
    near = points[tree.query(some, k=min(neighbours, len(points)))[1]]
    near = near - near.mean(axis=1, keepdims=True)
    least = np.linalg.eigvalsh(np.einsum("nki,nkj->nij", near, near))[:, 0]
    # Three unknowns of the plane are fitted away.
    return float(np.sqrt(np.median(np.maximum(least, 0)) / (near.shape[1] - 3)))


def is_boundary(points: Points, tree: cKDTree | None = None) -> NDArray[np.bool_]:
    """Tell which points lie at the end of a scan, ``(N,)``."""
    tree = cKDTree(points) if tree is None else tree
    distance, near = tree.query(points, k=min(BOUNDARY_NEIGHBOURS, len(points)))
    return is_off_centre(points, points[near], distance)


def is_off_centre(points: Points, neighbours: Points, distance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which points ``(N, 3)`` lie at the end of a scan, by their nearest neighbours ``(N, k, 3)``, ``(N,)``.

    There the mean of the neighbours is off the point by more than a quarter of their greatest ``distance`` ``(N, k)``.
    """
    off = np.linalg.norm(neighbours.mean(axis=1) - points, axis=1)
    return np.asarray(off > _OFF_CENTRE * distance[:, -1])


def ends(surface: Surface) -> NDArray[np.bool_]:
    """Tell where a surface ends, ``(N,)``: unlike `is_boundary` not at edges, where it only turns.

    At an end a third of a turn or more around the point is without neighbours. The turn is looked at along the mean of
    the neighbours' normals, which sees all faces of an edge; neighbours that face the other way lie behind a thin wall.
    """
    points, normals = surface.points, surface.normals
    distance, near = (found[:, 1:] for found in cKDTree(points).query(points, k=min(_AROUND + 1, len(points))))
    # The few points of a surface that is hardly seen have neighbours all around, but far away.
    is_same = distance < _STRAY * np.median(distance[:, -1])
    is_same &= np.einsum("nki,ni->nk", normals[near], normals) > _SAME_SIDE
    axis = normals + np.einsum("nk,nki->ni", is_same, normals[near])
    first = np.cross(axis, np.eye(3)[np.abs(axis).argmin(axis=1)])
    first /= np.maximum(np.linalg.norm(first, axis=1, keepdims=True), 1e-12)
    second = np.cross(axis / np.maximum(np.linalg.norm(axis, axis=1, keepdims=True), 1e-12), first)
    gaps = points[near] - points[:, None]
    angle = np.arctan2(np.einsum("nki,ni->nk", gaps, second), np.einsum("nki,ni->nk", gaps, first))
    # A neighbour that does not count is put where one that does is: there it closes nothing.
    lowest = np.where(is_same, angle, np.pi).min(axis=1, keepdims=True)
    angle = np.sort(np.where(is_same, angle, lowest), axis=1)
    return np.asarray(np.diff(np.hstack([angle, lowest + 2 * np.pi]), axis=1).max(axis=1) > _OPEN)
