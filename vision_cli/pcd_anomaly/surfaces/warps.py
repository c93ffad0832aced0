"""Fit of the smooth deformation of an instance that the tolerance allows, so that it can be removed.

The displacement is a smooth field ``w(x)`` in space, a sum of bumps about 0.2 D wide; it moves a surface with normals
``n`` by ``n · w``. One field explains both sides of an edge or of a thin wall. The field is the most probable one under
a normal prior whose size is that of the warps between prototypes: rigid parts allow no warp. Defects are outliers with
bounded influence. Corresponding points of the reference are searched again after the field is removed, so that an edge
that moved sideways is compared with itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, WIDEST_TURN, Level, Offsets, offsets_to
from vision_cli.pcd_anomaly.surfaces.tolerance import Tolerance, Warp, WarpBasis

_ITERATIONS, _ROUNDS = 3, 3
_MOST_SAMPLES = 2500
_CUT = 3.0
_BESIDE = 2.5
_INDEPENDENT = 40.0


def fit_warp(
    basis: WarpBasis,
    points: Points,
    normals: Points,
    offsets: NDArray[np.float64],
    noise: NDArray[np.float64],
    amplitude: float,
    start: NDArray[np.float64] | None = None,
    values: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """Return the coefficients of the field fitted to signed offsets from the reference.

    Parameters
    ----------
    basis
        Basis of the field.
    points, normals
        Places on the reference, ``(N, 3)``.
    offsets
        Offsets along the normals, ``(N,)``; NaN where unknown.
    noise
        Standard deviation of each offset, ``(N,)``.
    amplitude
        Standard deviation of the prior of each coefficient.
    start
        Initial coefficients; offsets far from them are outliers.
    values
        Values of the bumps at the points, ``(N, K)``, if known.

    Returns
    -------
    ndarray
        Coefficients ``(3K,)``.
    """
    coefficients = np.zeros(3 * len(basis.centres)) if start is None else start
    rows = np.flatnonzero(np.isfinite(offsets))
    if not len(rows):
        return coefficients
    rows = rows[:: max(1, len(rows) // _MOST_SAMPLES)]
    design = basis.design(points[rows], normals[rows], None if values is None else values[rows])
    goal, sigma = offsets[rows], np.maximum(noise[rows], 1e-12)
    # Errors of neighbouring offsets are correlated, so their number must not outweigh the prior.
    share = min(1.0, _INDEPENDENT * len(basis.centres) / len(rows))
    prior = np.eye(design.shape[1]) / max(amplitude, 1e-9) ** 2
    scale = np.inf
    for _ in range(_ITERATIONS):
        residual = goal - design @ coefficients
        scale = min(scale, 1.4826 * float(np.median(np.abs(residual))))
        spread = np.sqrt(sigma**2 + scale**2)
        # Geman-McClure: offsets many spreads away have no influence.
        root = np.sqrt(share) / (spread * (1 + (residual / (_CUT * spread)) ** 2))
        weighted = design * root[:, None]
        factor = cho_factor(weighted.T @ weighted + prior, overwrite_a=True)
        coefficients = cho_solve(factor, weighted.T @ (root * goal))
    return np.asarray(coefficients)


def warped_offsets(
    surface: Surface,
    level: Level,
    warp: Warp,
    spacing: float,
    size: float,
    values: NDArray[np.float64] | None = None,
) -> tuple[Offsets, NDArray[np.float64]]:
    """Return the offsets of a surface from a reference, at the places that correspond once a warp is removed.

    ``values`` are the values of the warp's bumps at the points of the surface, ``(N, K)``, if known.

    Returns
    -------
    tuple
        Offsets without the warp, and signed offsets with it, ``(N,)``; the latter NaN where they are uncertain.
    """
    straight = warp.removed(surface, values)
    found = offsets_to(level, straight.points, straight.normals, REACH * size)
    normals = level.surface.normals[found.nearest]
    total = found.value + np.einsum("ni,ni->n", surface.points - straight.points, normals)
    is_sure = (found.turn < WIDEST_TURN) & (found.beside < _BESIDE * spacing)
    return found, np.where(is_sure, total, np.nan)


def find_warp(
    surface: Surface, level: Level, tolerance: Tolerance, spacing: float, noise: NDArray[np.float64] | None = None
) -> Warp:
    """Return the warp from a reference to a surface whose pose is known.

    Parameters
    ----------
    surface
        Surface in the frame of the reference, normals outward.
    level
        The reference.
    tolerance
        Distribution of warps.
    spacing
        Spacing of the reference's points.
    noise
        Standard deviation of offsets at each point of the reference, ``(V,)``; the tolerance's by default.
    """
    basis, size = tolerance.basis, tolerance.basis.part_diameter
    warp = Warp(basis, np.zeros(3 * len(basis.centres)))
    values = basis.values(surface.points)
    for _ in range(_ROUNDS):
        found, total = warped_offsets(surface, level, warp, spacing, size, values)
        normals = level.surface.normals[found.nearest]
        sigma = np.full(len(total), tolerance.noise) if noise is None else noise[found.nearest]
        coefficients = fit_warp(
            basis, surface.points, normals, total, sigma, tolerance.amplitude, warp.coefficients, values
        )
        warp = Warp(basis, coefficients)
    return warp
