"""One-sided views of prototypes, which stand for scans of good parts.

A scan shows one side of a part and ends where that side ends; a prototype shows all sides. Training uses views of the
prototypes, so that boundaries of scans are not mistaken for defects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface, basis_of, sphere_directions
from vision_cli.pcd_anomaly.surfaces.tolerance import smooth_field
from vision_cli.pcd_anomaly.surfaces.visibility import visible

_FACING = 0.17
_GRAZING = 0.5
_MOST_NOISE = 4.0
_BIAS = 0.8


def view_directions(count: int, generator: np.random.Generator) -> Points:
    """Return directions spread evenly over the sphere and randomly rotated, ``(count, 3)``."""
    axis = generator.standard_normal(3)
    basis = basis_of(axis / np.linalg.norm(axis))
    return sphere_directions(count) @ basis


def one_sided_view(
    points: Points, surface: Surface, direction: NDArray[np.float64], spacing: float
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return which points of a cloud of all sides a sensor in a direction sees.

    Parameters
    ----------
    points
        The cloud, ``(N, 3)``.
    surface
        The same cloud thinned out to about ``spacing``, with outward normals.
    direction
        Unit vector towards the sensor.
    spacing
        Spacing of ``surface``.

    Returns
    -------
    tuple
        Ascending numbers of the points, and the cosine of the angle of incidence at each.
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
    """Return points with the noise, the bias and the losses of a single scan; a prototype is fused of many.

    Noise lies along the ray and grows with one over the cosine of incidence, up to four times; points at grazing angles
    are lost with rising probability (the model of a structured-light scanner). A bias that neighbouring points share
    is added: fusing many views averages it out of prototypes.

    Parameters
    ----------
    points
        Points that the sensor sees, ``(N, 3)``.
    cosines
        Cosines of the angles of incidence, ``(N,)``.
    direction
        Unit vector towards the sensor.
    noise
        Standard deviation of the noise at normal incidence: the roughness of the prototypes.
    reach
        Correlation length of the bias.
    generator
        Draws noise and losses.

    Returns
    -------
    ndarray
        ``(M, 3)``, M at most N.
    """
    kept = generator.random(len(points)) * (_GRAZING - _FACING) < cosines - _FACING
    facing = np.maximum(cosines[kept], 1 / _MOST_NOISE)
    # The prototype already has the noise of normal incidence.
    along = noise * np.sqrt(1 / facing**2 - 1) * generator.standard_normal(int(kept.sum()))
    along += _BIAS * noise * smooth_field(points[kept], reach, generator)
    return np.asarray(points[kept] + along[:, None] * direction)


def roughness(points: Points, neighbours: int = 16) -> float:
    """Return the median standard deviation of points from the planes of their neighbourhoods."""
    tree = cKDTree(points)
    some = points[:: max(1, len(points) // 4096)]
    near = points[tree.query(some, k=min(neighbours, len(points)))[1]]
    near = near - near.mean(axis=1, keepdims=True)
    least = np.linalg.eigvalsh(np.einsum("nki,nkj->nij", near, near))[:, 0]
    # A plane has three unknowns.
    return float(np.sqrt(np.median(np.maximum(least, 0)) / (near.shape[1] - 3)))
