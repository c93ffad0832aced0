"""The smooth deformation of a good instance: what a tolerance allows, fitted so that it can be taken off.

A detrending of residuals by windows of 0.2 to 0.25 D, done in space instead of on the surface: the displacement is a
smooth field ``w(x)`` of bumps of that width, and what it does to a surface with normals ``n`` is ``n · w``. So the two
sides of an edge, or of a thin wall, are explained by one field, and a window is never short of points. The field is the
most probable one under a normal prior whose size is that of the warps between prototypes: rigid parts allow none of it.
Defects are outliers and pull with a bounded force.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.pcd_anomaly.geometry import Points

_WIDTH = 0.18
_PITCH = 0.21
_ITERATIONS = 5
_MOST_SAMPLES = 2500
_ROWS_AT_ONCE = 1 << 13
_CUT = 3.0
_NEAR = 2.2


@dataclass(frozen=True)
class WarpBasis:
    """Bumps that a displacement is made of.

    Attributes
    ----------
    centres
        ``(K, 3)``.
    width
        Standard deviation of a bump.
    """

    centres: Points
    width: float

    def values(self, points: Points) -> NDArray[np.float64]:
        """Give the value of each bump at points ``(N, 3)``, ``(N, K)``."""
        square = (points**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)[None] - 2 * points @ self.centres.T
        return np.asarray(np.exp(-np.maximum(square, 0) / (2 * self.width**2)))

    def design(self, points: Points, normals: Points) -> NDArray[np.float64]:
        """Tell what a unit of each coefficient does along the normals, ``(N, 3K)``."""
        values = self.values(points)
        return (values[:, :, None] * normals[:, None, :]).reshape(len(points), -1)

    def along(self, points: Points, normals: Points, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the displacement of a field along the normals, ``(N,)``."""
        result = np.empty(len(points))
        field = coefficients.reshape(-1, 3)
        for start in range(0, len(points), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            result[part] = np.einsum("ni,ni->n", self.values(points[part]) @ field, normals[part])
        return result


def make_basis(points: Points, size: float) -> WarpBasis:
    """Lay bumps around the points of a part of diameter ``size``."""
    pitch = _PITCH * size
    low, high = points.min(axis=0), points.max(axis=0)
    counts = np.maximum(np.ceil((high - low) / pitch).astype(int) + 1, 2)
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    from scipy.spatial import cKDTree

    distance = cKDTree(points).query(centres)[0]
    return WarpBasis(centres[distance < _NEAR * _WIDTH * size], _WIDTH * size)


def fit_warp(
    basis: WarpBasis,
    points: Points,
    normals: Points,
    offsets: NDArray[np.float64],
    noise: NDArray[np.float64],
    amplitude: float,
) -> NDArray[np.float64]:
    """Fit the field to signed offsets from the reference.

    Parameters
    ----------
    basis
        What the field is made of.
    points, normals
        ``(N, 3)`` places on the reference.
    offsets
        ``(N,)`` along the normals; NaN where nothing is known.
    noise
        Standard deviation of each, ``(N,)``.
    amplitude
        Standard deviation of the prior of each coefficient.

    Returns
    -------
    ndarray
        Coefficients ``(3K,)``.
    """
    rows = np.flatnonzero(np.isfinite(offsets))
    rows = rows[:: max(1, len(rows) // _MOST_SAMPLES)]
    design = basis.design(points[rows], normals[rows])
    goal, sigma = offsets[rows], np.maximum(noise[rows], 1e-12)
    # Neighbouring offsets share their errors, so a thousand of them do not outweigh the prior.
    share = min(1.0, 40.0 * basis.centres.shape[0] / max(len(rows), 1))
    prior = np.eye(design.shape[1]) / max(amplitude, 1e-9) ** 2
    coefficients = np.zeros(design.shape[1])
    scale = 1.4826 * float(np.median(np.abs(goal)))
    for _ in range(_ITERATIONS):
        residual = goal - design @ coefficients
        scale = min(scale, 1.4826 * float(np.median(np.abs(residual))))
        spread = np.sqrt(sigma**2 + scale**2)
        # Geman-McClure: what is many spreads away no longer pulls.
        weight = share / (spread**2 * (1 + (residual / (_CUT * spread)) ** 2) ** 2)
        weighted = design * weight[:, None]
        coefficients = np.linalg.solve(weighted.T @ design + prior, weighted.T @ goal)
    return np.asarray(coefficients)
