"""Smooth random functions of space: what makes a phantom irregular.

A function is a finite sum of random waves, so it is known at every point and not only on a grid: the same
seed gives the same anatomy at 1 mm and at 4 mm, on an oblique grid and under a deformation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vision_cli.phantoms.arrays import Floats, Matrix


@dataclass(frozen=True)
class Waves:
    """A random function of zero mean and unit variance, ``sqrt(2/K) * sum_k cos(w_k . x + phase_k)``.

    Attributes
    ----------
    wavevectors
        ``(K, D)`` in radians per mm.
    phases
        ``(K,)`` in radians.
    """

    wavevectors: Floats
    phases: Floats

    @staticmethod
    def in_band(rng: np.random.Generator, wavelengths_mm: tuple[float, float], *, count: int, ndim: int = 3) -> Waves:
        """Draw waves of all directions with wavelengths in a band: a pattern with a scale of its own."""
        directions = rng.standard_normal((count, ndim))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        shortest, longest = wavelengths_mm
        lengths = 2 * np.pi / rng.uniform(shortest, longest, (count, 1))
        return Waves._with_phases(rng, directions * lengths)

    @staticmethod
    def correlated(rng: np.random.Generator, correlation_mm: float, *, count: int, ndim: int = 3) -> Waves:
        """Draw waves whose correlation is ``exp(-r^2 / (2 correlation_mm^2))``.

        Source: A. Rahimi and B. Recht, "Random features for large-scale kernel machines", NIPS 2007, sec. 3.
        """
        return Waves._with_phases(rng, rng.standard_normal((count, ndim)) / correlation_mm)

    @staticmethod
    def _with_phases(rng: np.random.Generator, wavevectors: Matrix) -> Waves:
        phases = rng.uniform(0, 2 * np.pi, len(wavevectors))
        return Waves(wavevectors.astype(np.float32), phases.astype(np.float32))

    def at(self, points: Floats) -> Floats:
        """Return the values at points ``(D, N)`` in mm, ``(N,)``."""
        values: Floats = self._scale * np.cos(self._angles(points)).sum(axis=0)
        return values

    def with_gradient(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the values ``(N,)`` and the gradients per mm ``(D, N)`` at points ``(D, N)``."""
        angles = self._angles(points)
        values = self._scale * np.cos(angles).sum(axis=0)
        gradients = -self._scale * (self.wavevectors.T @ np.sin(angles))
        return values, gradients

    def on_grid(self, axes_mm: tuple[Floats, ...]) -> Floats:
        """Return the values on the grid with these coordinates along each axis, by a product of matrices."""
        factors = [np.exp(1j * np.outer(w, x)) for w, x in zip(self.wavevectors.T, axes_mm, strict=True)]
        factors[0] = factors[0] * np.exp(1j * self.phases)[:, None]
        head = factors[0]
        for factor in factors[1:-1]:
            head = (head[:, :, None] * factor[:, None, :]).reshape(len(self.phases), -1)
        values = head.real.T @ factors[-1].real - head.imag.T @ factors[-1].imag
        shape = [len(x) for x in axes_mm]
        scaled: Floats = (self._scale * values).reshape(shape).astype(np.float32)
        return scaled

    @property
    def _scale(self) -> np.float32:
        return np.float32(np.sqrt(2.0 / len(self.phases)))

    def _angles(self, points: Floats) -> Floats:
        angles: Floats = self.wavevectors @ points + self.phases[:, None]
        return angles
