"""Pulse waves with a known rate: breathing, slow waves and drift change it from beat to beat.

A wave is a function of time, not a list of samples: cameras with any clock may look at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

RATE_RANGE_BPM = (40.0, 190.0)
_GRID_HZ = 100.0
_MARGIN_S = 2.0
_MAYER_HZ = 0.1


@dataclass(frozen=True)
class Variability:
    """How a heart rate changes with time; amplitudes are shares of the mean rate.

    Attributes
    ----------
    breathing_hz
        Respiration rate.
    breathing
        Amplitude of respiratory sinus arrhythmia.
    slow
        Amplitude of waves around 0.1 Hz.
    drift
        Change from the beginning to the end.
    depth
        Share by which breathing changes the height of the wave.
    """

    breathing_hz: float = 0.25
    breathing: float = 0.02
    slow: float = 0.02
    drift: float = 0.0
    depth: float = 0.1

    @staticmethod
    def random(rng: np.random.Generator) -> Variability:
        """Draw the variability of someone at rest."""
        return Variability(
            breathing_hz=float(rng.uniform(0.12, 0.4)),
            breathing=float(rng.uniform(0.003, 0.04)),
            slow=float(rng.uniform(0.0, 0.04)),
            drift=float(rng.uniform(-0.06, 0.06)),
            depth=float(rng.uniform(0.0, 0.25)),
        )


@dataclass(frozen=True)
class Pulse:
    """A pulse wave; made by `make_pulse`.

    Attributes
    ----------
    seconds
        How long it lasts.
    mean_bpm
        Mean rate from 0 to ``seconds``.
    variability
        How the rate changes.
    """

    seconds: float
    mean_bpm: float
    variability: Variability
    _times: NDArray[np.float64] = field(repr=False)
    _cycles: NDArray[np.float64] = field(repr=False)
    _height: NDArray[np.float64] = field(repr=False)
    _harmonics: NDArray[np.complex128] = field(repr=False)

    def at(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the wave at times in seconds: zero mean and unit variance, about; most blood at its peaks."""
        angle = 2 * np.pi * np.interp(times, self._times, self._cycles)
        powers = np.exp(1j * np.multiply.outer(angle, np.arange(1, len(self._harmonics) + 1)))
        return np.interp(times, self._times, self._height) * (powers @ self._harmonics).real

    def slope(self, times: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the derivative of the wave by its phase, per radian: ``at`` of a place that it reaches later."""
        angle = 2 * np.pi * np.interp(times, self._times, self._cycles)
        order = np.arange(1, len(self._harmonics) + 1)
        powers = np.exp(1j * np.multiply.outer(angle, order))
        return np.interp(times, self._times, self._height) * (powers @ (1j * order * self._harmonics)).real

    def rate_bpm(self, start: float, end: float) -> float:
        """Return the mean rate between two times in seconds."""
        first, last = np.interp([start, end], self._times, self._cycles)
        return float(60 * (last - first) / (end - start))

    @property
    def beats_s(self) -> NDArray[np.float64]:
        """Times of the beats from 0 to ``seconds``: where the phase is a whole number of cycles."""
        inside = np.interp([0.0, self.seconds], self._times, self._cycles)
        return np.interp(np.arange(np.ceil(inside[0]), np.floor(inside[1]) + 1), self._cycles, self._times)


def make_pulse(
    rng: np.random.Generator,
    seconds: float,
    *,
    mean_bpm: float | None = None,
    variability: Variability | None = None,
) -> Pulse:
    """Make a pulse wave.

    Parameters
    ----------
    rng
        Draws what is not given, and the shape of the wave: three harmonics.
    seconds
        How long it lasts; it is known a little longer at both ends.
    mean_bpm
        Mean rate; by default drawn evenly from 40 to 190 bpm.
    variability
        How the rate changes; by default drawn.
    """
    rate = float(rng.uniform(*RATE_RANGE_BPM)) if mean_bpm is None else mean_bpm
    varies = variability or Variability.random(rng)
    times = np.arange(-_MARGIN_S, seconds + _MARGIN_S + 1 / _GRID_HZ, 1 / _GRID_HZ)
    breath = np.sin(2 * np.pi * varies.breathing_hz * times + rng.uniform(0, 2 * np.pi))
    slow = sum(
        np.sin(2 * np.pi * f * times + rng.uniform(0, 2 * np.pi))
        for f in rng.uniform(0.6 * _MAYER_HZ, 1.4 * _MAYER_HZ, 3)
    ) / np.sqrt(3)
    relative = 1 + varies.breathing * breath + varies.slow * slow + varies.drift * (times / seconds - 0.5)
    cycles = np.cumsum(relative) / _GRID_HZ
    first, last = np.interp([0.0, seconds], times, cycles)
    cycles = (cycles - first) * (rate / 60 * seconds / (last - first)) + rng.uniform(0, 1)
    second, third = rng.uniform(0.1, 0.5), rng.uniform(0.0, 0.2)
    shape = np.array([1, second * np.exp(1j * rng.uniform(-1.2, 0.3)), third * np.exp(1j * rng.uniform(-1.5, 0.6))])
    shape /= np.sqrt(0.5 * np.sum(np.abs(shape) ** 2))
    height = 1 + varies.depth * np.sin(2 * np.pi * varies.breathing_hz * times + rng.uniform(0, 2 * np.pi))
    return Pulse(seconds, rate, varies, times, cycles, height, shape)
