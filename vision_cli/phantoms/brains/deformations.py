"""Known smooth invertible deformations, on grids of two or three dimensions.

A field is ``(D, *grid)`` float32 in mm, component ``c`` along grid axis ``c``. A displacement ``u`` is the
map ``x -> x + u(x)`` and continues beyond the grid with its value at the border; it warps by pull-back,
``warped(x) = image(x + u(x))``.
A velocity ``v`` generates the diffeomorphism ``exp(v)``, whose inverse is ``exp(-v)``; both come by scaling
and squaring (V. Arsigny et al., "A log-Euclidean framework for statistics on diffeomorphisms", MICCAI 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from vision_cli.phantoms.arrays import Floats, Labels
from vision_cli.phantoms.noise import Waves

_WAVES = 64
_SQUARINGS = 6


def smooth_velocity(
    shape: Sequence[int],
    spacing: Sequence[float],
    rng: np.random.Generator,
    std_mm: float,
    correlation_mm: float,
) -> Floats:
    """Draw a random velocity field.

    Parameters
    ----------
    shape, spacing
        The grid, and its voxel size in mm.
    rng
        Where the random numbers come from.
    std_mm
        Standard deviation of each component.
    correlation_mm
        The correlation of two values at a distance r is ``exp(-r^2 / (2 correlation_mm^2))``.

    Returns
    -------
    ndarray
        ``(D, *shape)`` in mm.
    """
    axes = tuple((np.arange(n) * step).astype(np.float32) for n, step in zip(shape, spacing, strict=True))
    waves = [Waves.correlated(rng, correlation_mm, count=_WAVES, ndim=len(axes)) for _ in axes]
    return np.float32(std_mm) * np.stack([wave.on_grid(axes) for wave in waves])


def exponentiate(velocity: Floats, spacing: Sequence[float], squarings: int = _SQUARINGS) -> Floats:
    """Return the displacement of ``exp(velocity)``, ``(D, *grid)`` in mm."""
    displacement = velocity / np.float32(2**squarings)
    for _ in range(squarings):
        displacement = compose(displacement, displacement, spacing)
    return displacement


def diffeomorphism(velocity: Floats, spacing: Sequence[float]) -> tuple[Floats, Floats]:
    """Return the displacements of ``exp(velocity)`` and of its inverse, each ``(D, *grid)`` in mm.

    The inverse is ``exp(-velocity)`` refined until it inverts the map as it is interpolated on the grid.
    """
    displacement = exponentiate(velocity, spacing)
    inverse = exponentiate(-velocity, spacing)
    for _ in range(3):
        inverse = inverse - compose(inverse, displacement, spacing)
    return displacement, inverse


def compose(first: Floats, second: Floats, spacing: Sequence[float]) -> Floats:
    """Return the displacement of ``x -> y + second(y)`` after ``y = x + first(x)``, ``(D, *grid)`` in mm."""
    return first + _sample(second, _targets(first, spacing))


def jacobian_determinant(displacement: Floats, spacing: Sequence[float]) -> Floats:
    """Return the determinant of ``d(x + u)/dx`` by central differences, ``(*grid)``; below 0 the map folds."""
    dim = len(displacement)
    axes = tuple(range(1, dim + 1))
    gradients = np.stack(list(np.gradient(displacement, *spacing, axis=axes)), axis=1)
    matrices = np.moveaxis(gradients, (0, 1), (-2, -1)) + np.eye(dim)
    determinant: Floats = np.linalg.det(matrices).astype(np.float32)
    return determinant


def warp_image(image: Floats, displacement: Floats, spacing: Sequence[float]) -> Floats:
    """Pull an image ``(*grid)`` back through a displacement on its grid: interpolated linearly, 0 outside."""
    warped: Floats = ndimage.map_coordinates(
        image, _targets(displacement, spacing), order=1, mode="constant", output=np.float32
    )
    return warped


def warp_labels(labels: Labels, displacement: Floats, spacing: Sequence[float]) -> Labels:
    """Pull labels ``(*grid)`` back through a displacement on their grid.

    Each label is interpolated linearly as a membership of its own and the largest wins (the lower label where
    two are equal), so that borders stay smooth. Outside the grid there is label 0.
    """
    targets = _targets(displacement, spacing)
    warped = np.zeros(labels.shape, labels.dtype)
    largest = np.zeros(labels.shape, np.float32)
    for label in np.unique(labels):
        membership = ndimage.map_coordinates(
            (labels == label).astype(np.float32), targets, order=1, mode="constant", cval=float(label == 0)
        )
        won = membership > largest
        warped[won] = label
        largest[won] = membership[won]
    return warped


@dataclass(frozen=True)
class Deformation:
    """A diffeomorphism of space with its inverse, interpolated linearly between the points of its grid.

    Attributes
    ----------
    displacement, inverse
        ``(D, *grid)`` in mm, along the axes of space.
    origin
        Position of the first grid point in mm.
    spacing
        Distance of grid points in mm.
    """

    displacement: Floats
    inverse: Floats
    origin: tuple[float, ...]
    spacing: tuple[float, ...]

    @staticmethod
    def of_velocity(velocity: Floats, origin: Sequence[float], spacing: Sequence[float]) -> Deformation:
        """Return ``exp(velocity)`` for a velocity on the grid with that origin and spacing."""
        displacement, inverse = diffeomorphism(velocity, spacing)
        return Deformation(displacement, inverse, tuple(origin), tuple(spacing))

    @staticmethod
    def draw(
        rng: np.random.Generator,
        low: Sequence[float],
        high: Sequence[float],
        *,
        std_mm: float,
        correlation_mm: float,
    ) -> Deformation:
        """Draw a deformation of the box from ``low`` to ``high`` in mm, on a grid as fine as it needs."""
        step = correlation_mm / 5
        shape = [int(np.ceil((b - a) / step)) + 1 for a, b in zip(low, high, strict=True)]
        spacing = [step] * len(shape)
        return Deformation.of_velocity(smooth_velocity(shape, spacing, rng, std_mm, correlation_mm), low, spacing)

    def map(self, points: Floats) -> Floats:
        """Map points ``(D, *S)`` in mm."""
        return points + self._sample_at(self.displacement, points)

    def unmap(self, points: Floats) -> Floats:
        """Map points ``(D, *S)`` in mm by the inverse."""
        guess = points + self._sample_at(self.inverse, points)
        # Between grid points the interpolated inverse misses by some hundredths of a mm; a step of the
        # fixed-point iteration u_inv(y) = -u(y + u_inv(y)) takes most of that away.
        return points - self._sample_at(self.displacement, guess)

    def _sample_at(self, field: Floats, points: Floats) -> Floats:
        column = (-1, *[1] * (points.ndim - 1))
        origin = np.asarray(self.origin, np.float32).reshape(column)
        spacing = np.asarray(self.spacing, np.float32).reshape(column)
        return _sample(field, (points - origin) / spacing)


def _targets(displacement: Floats, spacing: Sequence[float]) -> Floats:
    """Return the voxel coordinates that a displacement sends each grid point to, ``(D, *grid)``."""
    targets = np.empty_like(displacement)
    for axis, (component, step) in enumerate(zip(displacement, spacing, strict=True)):
        ramp = np.arange(component.shape[axis], dtype=np.float32)
        ramp = ramp.reshape([-1 if a == axis else 1 for a in range(component.ndim)])
        targets[axis] = component / np.float32(step) + ramp
    return targets


def _sample(field: Floats, coordinates: Floats) -> Floats:
    return np.stack(
        [
            ndimage.map_coordinates(component, coordinates, order=1, mode="nearest", output=np.float32)
            for component in field
        ]
    )
