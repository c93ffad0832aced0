"""What methods without training say of the clips that a network is adapted to: witnesses that need no labels.

A network that has drifted may be as sure of a wrong rate as of a right one, and its branches may agree on it; traces of
the skin do not drift with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.faces.crops import mean_traces
from vision_cli.rppg_adapt.options import Classical
from vision_cli.rppg_adapt.signals.classical import pulse_wave
from vision_cli.rppg_adapt.signals.quality import COMPARED, features, shipped_index
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, heart_rate

_SMALL = 1e-12


@dataclass(frozen=True)
class Testimony:
    """Waves of methods without training, from a window with its context.

    Attributes
    ----------
    waves
        ``(T,)`` by method.
    rates
        Their heart rates.
    fps
        Samples a second.
    """

    waves: dict[Classical, Wave]
    rates: dict[str, HeartRate]
    fps: float

    @staticmethod
    def of(window: NDArray[np.uint8], fps: float, methods: Sequence[Classical] = COMPARED) -> Testimony:
        """Read a window ``(T, S, S, 3)``."""
        traces = mean_traces(window)
        waves = {method: pulse_wave(traces, fps, method) for method in methods}
        return Testimony(waves, {method: heart_rate(wave, fps) for method, wave in waves.items()}, fps)

    def derivative(self, method: Classical) -> Wave:
        """Give the derivative of a method's wave, ``(T,)``."""
        wave = self.waves[method]
        return np.asarray(np.diff(wave, append=wave[-1]) / (wave.std() + _SMALL))

    def share_near(self, bpm: float, reach_bpm: float) -> float:
        """Give the share of the methods that read a rate within reach."""
        return float(np.mean([abs(rate.bpm - bpm) < reach_bpm for rate in self.rates.values()]))

    def surest(self) -> tuple[Classical, HeartRate, float]:
        """Give the method that is most probably right, its rate, and how probably it is."""
        index = shipped_index()
        scored = {method: index.of(method, features(method, self.rates)) for method in self.waves}
        best = max(scored, key=lambda method: scored[method])
        return best, self.rates[best], scored[best]
