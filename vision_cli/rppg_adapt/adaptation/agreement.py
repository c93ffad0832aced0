"""Label-free agreement: heart rates of training-free methods, with which a network's rates are compared.

Training-free methods do not depend on the adapted weights. An adapted network may be confident of a wrong rate and its
branches may agree on it; the rates that these methods estimate from the same clip stay the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.faces.crops import mean_traces
from vision_cli.rppg_adapt.options import TrainingFreeMethod
from vision_cli.rppg_adapt.signals.classical import pulse_wave
from vision_cli.rppg_adapt.signals.quality import COMPARED_METHODS, default_index, quality_features
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, heart_rate

_SMALL = 1e-12


@dataclass(frozen=True)
class TrainingFreeEstimates:
    """Pulse waves and heart rates of training-free methods for a clip.

    Attributes
    ----------
    waves
        Pulse waves ``(T,)`` by method.
    rates
        Heart rates by method.
    fps
        Samples per second.
    """

    waves: Mapping[TrainingFreeMethod, Wave]
    rates: Mapping[str, HeartRate]
    fps: float

    @staticmethod
    def of(
        clip: NDArray[np.uint8], fps: float, methods: Sequence[TrainingFreeMethod] = COMPARED_METHODS
    ) -> TrainingFreeEstimates:
        """Return the estimates for crops ``(T, S, S, 3)``."""
        traces = mean_traces(clip)
        waves = {method: pulse_wave(traces, fps, method) for method in methods}
        return TrainingFreeEstimates(waves, {method: heart_rate(wave, fps) for method, wave in waves.items()}, fps)

    def derivative(self, method: TrainingFreeMethod) -> Wave:
        """Return the derivative of a method's wave, ``(T,)``, for a wave of unit variance."""
        wave = self.waves[method]
        return np.asarray(np.diff(wave, append=wave[-1]) / (wave.std() + _SMALL))

    def agreement(self, bpm: float, tolerance_bpm: float) -> float:
        """Return the share of the methods whose rate differs from ``bpm`` by less than the tolerance."""
        return float(np.mean([abs(rate.bpm - bpm) < tolerance_bpm for rate in self.rates.values()]))

    def most_reliable(self) -> tuple[TrainingFreeMethod, HeartRate, float]:
        """Return the method with the highest quality, its rate, and that quality."""
        index = default_index()["colour_trace"]
        # The adapted network has no vote, and the halves of the face are not read.
        qualities = {method: index.probability(method, quality_features(method, self.rates)) for method in self.waves}
        best = max(qualities, key=lambda method: qualities[method])
        return best, self.rates[best], qualities[best]
