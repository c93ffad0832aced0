"""The smooth deformation of a good instance: what a tolerance allows, fitted so that it can be taken off.

A detrending of residuals by windows of 0.2 to 0.25 D, done in space instead of on the surface: the displacement is a
smooth field ``w(x)`` of bumps of that width, and what it does to a surface with normals ``n`` is ``n · w``. So the two
sides of an edge, or of a thin wall, are explained by one field, and a window is never short of points. The field is the
most probable one under a normal prior whose size is that of the warps between prototypes: rigid parts allow none of it.
Defects are outliers and pull with a bounded force. What lies where on the reference is asked again once the field is
taken off: an edge that a warp moved sideways is measured against itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface
from vision_cli.pcd_anomaly.surfaces.lookup import REACH, WIDEST_TURN, Level, Offsets, offsets_to
from vision_cli.pcd_anomaly.surfaces.views import smooth_field

_WIDTH = 0.18
_PITCH = 0.21
_ITERATIONS, _ROUNDS = 3, 3
_MOST_SAMPLES = 2500
_ROWS_AT_ONCE = 1 << 13
_CUT = 3.0
_NEAR = 2.2
_BESIDE = 2.5
_INDEPENDENT = 40.0


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

    def design(self, points: Points, normals: Points, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Tell what a unit of each coefficient does along the normals, ``(N, 3K)``, from the ``values`` if known."""
        values = self.values(points) if values is None else values
        return (values[:, :, None] * normals[:, None, :]).reshape(len(points), -1)


@dataclass(frozen=True)
class Tolerance:
    """What good instances may differ by.

    Attributes
    ----------
    basis
        What warps are made of.
    amplitude
        Standard deviation of each coefficient that a fit finds.
    noise
        Standard deviation of what is left without the warp, where no place has one of its own.
    sway
        Standard deviation of each component of the displacement of instances.
    """

    basis: WarpBasis
    amplitude: float
    noise: float
    sway: float

    @property
    def reach(self) -> float:
        """Over which distance displacements are correlated: as bumps that are everywhere make them, each by itself."""
        return math.sqrt(2) * self.basis.width

    def draw(self, points: Points, generator: np.random.Generator) -> Points:
        """Draw what another instance displaces points ``(N, 3)`` by, relative to the mean of all, ``(N, 3)``.

        The bumps of the basis are too few to make each warp that instances have; they follow it nearly to the noise.
        """
        fields = [smooth_field(points, self.reach, generator) for _ in range(3)]
        return self.sway * np.stack(fields, axis=1)

    def covariance(self, points: Points, normals: Points) -> NDArray[np.float64]:
        """Give the covariance of what instances are displaced by along normals at points ``(N, 3)``, ``(N, N)``."""
        apart = cdist(points, points, "sqeuclidean") / (2 * self.reach**2)
        return np.asarray(self.sway**2 * np.exp(-apart) * (normals @ normals.T))


@dataclass(frozen=True)
class Warp:
    """A displacement of space.

    Attributes
    ----------
    basis
        What it is made of.
    coefficients
        ``(3K,)``.
    """

    basis: WarpBasis
    coefficients: NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """Give the displacement of points ``(N, 3)``, ``(N, 3)``."""
        field = self.coefficients.reshape(-1, 3)
        parts = [points[start : start + _ROWS_AT_ONCE] for start in range(0, len(points), _ROWS_AT_ONCE)]
        return np.concatenate([self.basis.values(part) @ field for part in parts])

    def removed(self, surface: Surface, values: NDArray[np.float64] | None = None) -> Surface:
        """Take the displacement off a surface; its normals turn as the surface does.

        ``values`` are those of the bumps at its points, ``(N, K)``, where they are known already.
        """
        shift, turn = self._bent(surface, values)
        return _resurfaced(surface, surface.points - shift, surface.normals + turn)

    def added(self, surface: Surface) -> Surface:
        """Displace a surface; its normals turn as the surface does."""
        shift, turn = self._bent(surface)
        return _resurfaced(surface, surface.points + shift, surface.normals - turn)

    def _bent(self, surface: Surface, known: NDArray[np.float64] | None = None) -> tuple[Points, Points]:
        """Give displacements, and products of the transposed Jacobian with the normals, ``(N, 3)`` each."""
        points, normals = surface.points, surface.normals
        field, centres = self.coefficients.reshape(-1, 3), self.basis.centres
        shift, turn = np.empty_like(points), np.empty_like(points)
        for start in range(0, len(points), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            values = self.basis.values(points[part]) if known is None else known[part]
            shift[part] = values @ field
            along = values * (normals[part] @ field.T)
            turn[part] = along @ centres - along.sum(axis=1, keepdims=True) * points[part]
        return shift, turn / self.basis.width**2


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
    start: NDArray[np.float64] | None = None,
    values: NDArray[np.float64] | None = None,
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
    start
        Coefficients to begin at: what lies far from them is an outlier.
    values
        Of the bumps at the points, ``(N, K)``, where they are known already.

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
    # Neighbouring offsets share their errors, so a thousand of them do not outweigh the prior.
    share = min(1.0, _INDEPENDENT * len(basis.centres) / len(rows))
    prior = np.eye(design.shape[1]) / max(amplitude, 1e-9) ** 2
    scale = np.inf
    for _ in range(_ITERATIONS):
        residual = goal - design @ coefficients
        scale = min(scale, 1.4826 * float(np.median(np.abs(residual))))
        spread = np.sqrt(sigma**2 + scale**2)
        # Geman-McClure: what is many spreads away no longer pulls.
        root = np.sqrt(share) / (spread * (1 + (residual / (_CUT * spread)) ** 2))
        weighted = design * root[:, None]
        factor = cho_factor(weighted.T @ weighted + prior, overwrite_a=True)
        coefficients = cho_solve(factor, weighted.T @ (root * goal))
    return np.asarray(coefficients)


def offsets_beside(
    surface: Surface,
    level: Level,
    warp: Warp,
    spacing: float,
    size: float,
    values: NDArray[np.float64] | None = None,
) -> tuple[Offsets, NDArray[np.float64]]:
    """Measure how far a surface is off a reference, at the places that it lies on once a warp is taken off it.

    ``values`` are those of the warp's bumps at the points of the surface, ``(N, K)``, where they are known already.

    Returns
    -------
    tuple
        Where it lies without the warp, and the signed offsets with it, ``(N,)``; NaN where they are not sure.
    """
    straight = warp.removed(surface, values)
    found = offsets_to(level, straight.points, straight.normals, REACH * size)
    normals = level.surface.normals[found.nearest]
    total = found.value + np.einsum("ni,ni->n", surface.points - straight.points, normals)
    is_sure = (found.turn < WIDEST_TURN) & (found.beside < _BESIDE * spacing)
    return found, np.where(is_sure, total, np.nan)


def sway_of(basis: WarpBasis, surface: Surface, fields: NDArray[np.float64]) -> float:
    """Measure how far instances are displaced that bend a surface as much as some fitted warps do.

    A fit finds little but what lies along the normals, so its coefficients are weaker than those of the warp that it
    follows, and a warp drawn as weak as they are would hardly bend the surface.

    Parameters
    ----------
    basis
        What the warps are made of.
    surface
        What they bend.
    fields
        Their coefficients, ``(P, 3K)``.

    Returns
    -------
    float
        Standard deviation of each component. What a rigid motion would undo counts on neither side.
    """
    rows = slice(None, None, max(1, len(surface) // _MOST_SAMPLES))
    points, normals = surface.points[rows], surface.normals[rows]
    design = basis.design(points, normals)
    rigid = np.linalg.qr(np.column_stack([np.cross(points - points.mean(axis=0), normals), normals]))[0]
    bending = design - rigid @ (rigid.T @ design)
    strength2 = np.mean((bending @ fields.T) ** 2) / np.mean((bending**2).sum(axis=1))
    return float(np.sqrt(strength2 * np.mean((basis.values(points) ** 2).sum(axis=1))))


def follow(
    surface: Surface, level: Level, tolerance: Tolerance, spacing: float, noise: NDArray[np.float64] | None = None
) -> Warp:
    """Find the warp that takes a reference to a surface, whose pose is known.

    Parameters
    ----------
    surface
        In the frame of the reference, normals outward.
    level
        The reference.
    tolerance
        What warps are likely.
    spacing
        Of the reference's points.
    noise
        Standard deviation of offsets at each point of the reference, ``(V,)``; the tolerance's by default.
    """
    basis, size = tolerance.basis, tolerance.basis.width / _WIDTH
    warp = Warp(basis, np.zeros(3 * len(basis.centres)))
    values = basis.values(surface.points)
    for _ in range(_ROUNDS):
        found, total = offsets_beside(surface, level, warp, spacing, size, values)
        normals = level.surface.normals[found.nearest]
        sigma = np.full(len(total), tolerance.noise) if noise is None else noise[found.nearest]
        coefficients = fit_warp(
            basis, surface.points, normals, total, sigma, tolerance.amplitude, warp.coefficients, values
        )
        warp = Warp(basis, coefficients)
    return warp


def _resurfaced(surface: Surface, points: Points, normals: Points) -> Surface:
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(points, normals / np.maximum(length, 1e-12), surface.variation)
