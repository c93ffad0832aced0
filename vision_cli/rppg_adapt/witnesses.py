"""What methods without training say of the clips that a network is adapted to: witnesses that need no labels.

A network that has drifted may be as sure of a wrong rate as of a right one, and its branches may agree on it; traces of
the skin do not drift with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.rppg_adapt.classical import Classical, pulse_wave
from vision_cli.rppg_adapt.crops import mean_traces
from vision_cli.rppg_adapt.losses import Anchor
from vision_cli.rppg_adapt.quality import CHOSEN_FROM, COMPARED, NETWORK, features, shipped_index
from vision_cli.rppg_adapt.spectra import HeartRate, Wave, bandpassed, detrended, heart_rate, rate_band

_SMALL = 1e-12


@dataclass(frozen=True)
class Testimony:
    """Waves of methods without training, from one window.

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
    def of(window: NDArray[np.uint8], fps: float) -> Testimony:
        """Read a window ``(T, S, S, 3)``."""
        traces = mean_traces(window)
        waves = {method: pulse_wave(traces, fps, method) for method in COMPARED}
        return Testimony(waves, {method: heart_rate(wave, fps) for method, wave in waves.items()}, fps)

    def derivative(self, method: Classical) -> Wave:
        """Give the derivative of a method's wave, ``(T,)``."""
        wave = self.waves[method]
        return np.asarray(np.diff(wave, append=wave[-1]) / (wave.std() + _SMALL))

    def with_network(self, derivative: Wave) -> dict[str, HeartRate]:
        """Give the rates of all, with that of the derivative ``(T,)`` which a network read."""
        wave = bandpassed(detrended(np.cumsum(derivative - derivative.mean())), self.fps, rate_band(self.fps))
        return {**self.rates, NETWORK: heart_rate(wave, self.fps)}

    def surest(self) -> tuple[float, float]:
        """Give the rate in bpm that is most probably right by these methods alone, and how probably."""
        index = shipped_index()
        scored = {method: index.of(method, features(method, self.rates)) for method in self.waves}
        best = max(scored, key=lambda method: scored[method])
        return self.rates[best].bpm, scored[best]


def surest(testimonies: list[Testimony], derivatives: Tensor) -> Anchor:
    """Choose, clip by clip, what is most probably right: the source model's waves or those of a method.

    Parameters
    ----------
    testimonies
        Of B windows.
    derivatives
        ``(B, T)``, which the source model reads from them.
    """
    waves, sureness = [], []
    index = shipped_index()
    for testimony, derivative in zip(testimonies, derivatives.double().cpu().numpy(), strict=True):
        rates = testimony.with_network(derivative)
        scored = {method: index.of(method, features(method, rates)) for method in CHOSEN_FROM}
        best = max(scored, key=lambda method: scored[method])
        waves.append(derivative if best == NETWORK else testimony.derivative(best))  # type: ignore[arg-type]
        sureness.append(scored[best])
    return Anchor(
        torch.from_numpy(np.stack(waves)).to(derivatives),
        torch.tensor(sureness, dtype=derivatives.dtype, device=derivatives.device),
    )
