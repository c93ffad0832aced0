"""Smooth displacements of good instances: the basis they are made of, single warps, and how large warps are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from vision_cli.pcd_anomaly.surfaces.geometry import Points, Surface

_WIDTH = 0.18
_PITCH = 0.21
_ROWS_AT_ONCE = 1 << 13
_NEAR = 2.2
_MOST_SAMPLES = 2500
_WAVES = 24


@dataclass(frozen=True)
class WarpBasis:
    """Gaussian bumps that a displacement is a sum of.

    Attributes
    ----------
    centres
        Centres of the bumps, ``(K, 3)``.
    width
        Standard deviation of a bump.
    """

    centres: Points
    width: float

    @property
    def part_diameter(self) -> float:
        """Diameter of the part that the basis was made for."""
        return self.width / _WIDTH

    def values(self, points: Points) -> NDArray[np.float64]:
        """Return the value of each bump at points ``(N, 3)``, ``(N, K)``."""
        square = (points**2).sum(axis=1)[:, None] + (self.centres**2).sum(axis=1)[None] - 2 * points @ self.centres.T
        return np.asarray(np.exp(-np.maximum(square, 0) / (2 * self.width**2)))

    def design(self, points: Points, normals: Points, values: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
        """Return displacements along the normals for a unit of each coefficient, ``(N, 3K)``; ``values`` if known."""
        values = self.values(points) if values is None else values
        return (values[:, :, None] * normals[:, None, :]).reshape(len(points), -1)


@dataclass(frozen=True)
class Tolerance:
    """Distribution of the differences between good instances.

    Attributes
    ----------
    basis
        Basis of warps.
    amplitude
        Standard deviation of the coefficients of fitted warps.
    noise
        Standard deviation of offsets after the warp is removed, where no local value is known.
    displacement_std
        Standard deviation of each component of the displacement of instances, see `estimate_displacement_std`.
    """

    basis: WarpBasis
    amplitude: float
    noise: float
    displacement_std: float

    @property
    def reach(self) -> float:
        """Correlation length of displacements: that of independent bumps everywhere."""
        return math.sqrt(2) * self.basis.width

    def draw(self, points: Points, generator: np.random.Generator) -> Points:
        """Return a random displacement of another instance relative to the mean at points ``(N, 3)``, ``(N, 3)``.

        It is not limited to the basis, whose bumps are too few to represent every warp exactly.
        """
        fields = [smooth_field(points, self.reach, generator) for _ in range(3)]
        return self.displacement_std * np.stack(fields, axis=1)

    def covariance(self, points: Points, normals: Points) -> NDArray[np.float64]:
        """Return the covariance of displacements along the normals at points ``(N, 3)``, ``(N, N)``."""
        apart = cdist(points, points, "sqeuclidean") / (2 * self.reach**2)
        return np.asarray(self.displacement_std**2 * np.exp(-apart) * (normals @ normals.T))


@dataclass(frozen=True)
class Warp:
    """A smooth displacement of space.

    Attributes
    ----------
    basis
        Basis of the displacement.
    coefficients
        Coefficients of the bumps, ``(3K,)``.
    """

    basis: WarpBasis
    coefficients: NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """Return the displacement at points ``(N, 3)``, ``(N, 3)``."""
        field = self.coefficients.reshape(-1, 3)
        parts = [points[start : start + _ROWS_AT_ONCE] for start in range(0, len(points), _ROWS_AT_ONCE)]
        return np.concatenate([self.basis.values(part) @ field for part in parts])

    def removed(self, surface: Surface, values: NDArray[np.float64] | None = None) -> Surface:
        """Return a surface with the displacement removed; its normals turn with it.

        ``values`` are the values of the bumps at its points, ``(N, K)``, if known.
        """
        shift, turn = self._bent(surface, values)
        return _resurfaced(surface, surface.points - shift, surface.normals + turn)

    def added(self, surface: Surface) -> Surface:
        """Return a surface with the displacement added; its normals turn with it."""
        shift, turn = self._bent(surface)
        return _resurfaced(surface, surface.points + shift, surface.normals - turn)

    def _bent(self, surface: Surface, known: NDArray[np.float64] | None = None) -> tuple[Points, Points]:
        """Return displacements, and products of the transposed Jacobian with the normals, ``(N, 3)`` each."""
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
    """Return a basis whose bumps cover the points of a part of diameter ``size``."""
    pitch = _PITCH * size
    low, high = points.min(axis=0), points.max(axis=0)
    counts = np.maximum(np.ceil((high - low) / pitch).astype(int) + 1, 2)
    axes = [np.linspace(a, b, n) for a, b, n in zip(low, high, counts, strict=True)]
    centres = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    distance = cKDTree(points).query(centres)[0]
    return WarpBasis(centres[distance < _NEAR * _WIDTH * size], _WIDTH * size)


def estimate_displacement_std(basis: WarpBasis, surface: Surface, fields: NDArray[np.float64]) -> float:
    """Return the displacement of instances that bend a surface as much as fitted warps do.

    A fit sees only displacements along the normals, so its coefficients are smaller than those of the true warp, and a
    warp drawn from them would bend the surface too little.

    Parameters
    ----------
    basis
        Basis of the warps.
    surface
        Surface that they bend.
    fields
        Coefficients of the warps, ``(P, 3K)``.

    Returns
    -------
    float
        Standard deviation of each component. Rigid motions are left out on both sides.
    """
    rows = slice(None, None, max(1, len(surface) // _MOST_SAMPLES))
    points, normals = surface.points[rows], surface.normals[rows]
    design = basis.design(points, normals)
    rigid = np.linalg.qr(np.column_stack([np.cross(points - points.mean(axis=0), normals), normals]))[0]
    bending = design - rigid @ (rigid.T @ design)
    strength2 = np.mean((bending @ fields.T) ** 2) / np.mean((bending**2).sum(axis=1))
    return float(np.sqrt(strength2 * np.mean((basis.values(points) ** 2).sum(axis=1))))


def _resurfaced(surface: Surface, points: Points, normals: Points) -> Surface:
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(points, normals / np.maximum(length, 1e-12), surface.variation)


def smooth_field(points: Points, reach: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return a random function of unit variance and correlation ``exp(-r² / 2 reach²)`` at points, ``(N,)``.

    Source: Rahimi and Recht, "Random features for large-scale kernel machines", NIPS 2007, section 3.
    """
    waves = generator.standard_normal((_WAVES, 3)) / reach
    phases = generator.uniform(0, 2 * np.pi, _WAVES)
    return np.asarray(np.sqrt(2 / _WAVES) * np.cos(points @ waves.T + phases).sum(axis=1))
