"""Heart rates of successive windows, each with its quality."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.results import PulseWave, WindowEstimate
from vision_cli.rppg_adapt.pipeline.witnesses import Witnesses
from vision_cli.rppg_adapt.signals.quality import (
    Evidence,
    Situation,
    default_index,
    quality_features,
    situation_of,
    viterbi_path,
)
from vision_cli.rppg_adapt.signals.spectra import HeartRate, heart_rate

_LEAST_CHANGE = 2e-5
_LEAST_AMPLITUDE = 2.5e-4
"""Half the amplitude of the weakest of 69 generated pulses of the calibration."""

_MOST_BACKGROUND = 0.3
"""Of the calibration's 60 videos of portraits, none of the eight readings above it was right."""

_NOT_A_PULSE = 0.3
"""Highest quality of a rhythm that is too weak or that the background shares."""


@dataclass(frozen=True)
class WindowRates:
    """What the methods estimate in a window.

    Attributes
    ----------
    start_s, end_s
        The window.
    rates
        Heart rates by method.
    evidence
        What the witnesses say of them, by method.
    """

    start_s: float
    end_s: float
    rates: Mapping[str, HeartRate]
    evidence: Mapping[str, Evidence]

    def features(self, method: str) -> NDArray[np.float64]:
        """Return the features of the quality of a method's rate; see `quality_features`."""
        return quality_features(method, self.rates, self.evidence[method], self.end_s - self.start_s)


def situation_of_clip(clip: FaceClip, waves: Mapping[str, PulseWave]) -> Situation:
    """Return what the waves of a clip are estimated from."""
    return situation_of(network=NETWORK in waves, gray=clip.is_gray, pictures=clip.has_pictures)


def rates_of_windows(
    clip: FaceClip, waves: Mapping[str, PulseWave], options: PulseOptions, band: tuple[float, float]
) -> Iterator[WindowRates]:
    """Iterate over the windows of a clip without pauses."""
    first, last = float(clip.times[0]), float(clip.times[-1])
    length = min(options.window_s, last - first)
    sampled = next(wave for method, wave in waves.items() if method != NETWORK)
    witnesses = Witnesses.of(clip, sampled.times, sampled.fps, band)
    for start in np.arange(first, last - length + 1e-6, options.step_s).tolist():
        end = start + length
        rates = {}
        for method, wave in waves.items():
            inside = (wave.times >= start - 1e-9) & (wave.times <= end + 1e-9)
            rates[method] = heart_rate(wave.values[inside], wave.fps, band)
        yield WindowRates(start, end, rates, witnesses.evidence(start, end, rates))


def estimate_windows(
    clip: FaceClip,
    waves: Mapping[str, PulseWave],
    candidates: Sequence[str],
    options: PulseOptions,
    band: tuple[float, float],
) -> list[WindowEstimate]:
    """Return the estimate of each window: of the candidates, those on the path of high quality without jumps."""
    rates = list(rates_of_windows(clip, waves, options, band))
    return choose_rates(clip, rates, candidates, situation_of_clip(clip, waves))


def choose_rates(
    clip: FaceClip, rates: Sequence[WindowRates], candidates: Sequence[str], situation: Situation
) -> list[WindowEstimate]:
    """Return the estimate of each window of a clip from its rates; see `estimate_windows`."""
    index = default_index()[situation]
    estimates: list[list[WindowEstimate]] = []
    for found in rates:
        # Interpolated frames carry no pulse.
        inside = (clip.times >= found.start_s - 1e-9) & (clip.times <= found.end_s + 1e-9)
        seen = float(clip.is_seen[inside].mean())
        estimates.append(
            [
                WindowEstimate(
                    found.start_s,
                    found.end_s,
                    found.rates[one],
                    seen * _capped(index.probability(one, found.features(one)), found.evidence[one]),
                    one,
                    found.evidence[one].blood,
                )
                for one in candidates
            ]
        )
    path = viterbi_path(
        np.array([[window.rate.bpm for window in row] for row in estimates]),
        np.array([[window.quality for window in row] for row in estimates]),
    )
    chosen = [row[k] for row, k in zip(estimates, path, strict=True)]
    if len(candidates) > 1:
        chosen = [replace(one, quality=index.probability_of_chosen(one.quality)) for one in chosen]
    # On a still picture all methods agree on the same rounding errors.
    if is_still(clip):
        return [replace(one, quality=0.0) for one in chosen]
    return chosen


def _capped(quality: float, evidence: Evidence) -> float:
    """Return a quality that is not reliable if the rhythm is weaker than any pulse, or if the background has it too.

    Averaged noise of a camera, or what a codec makes of a still picture, may look like a pulse but for its strength.
    """
    is_weak = evidence.amplitude is not None and evidence.amplitude < _LEAST_AMPLITUDE
    return min(quality, _NOT_A_PULSE) if is_weak or evidence.background > _MOST_BACKGROUND else quality


def is_still(clip: FaceClip) -> bool:
    """Return whether the colours of the skin do not change at all."""
    means = np.abs(clip.traces.mean(axis=0)) + 1e-9
    return bool((clip.traces.std(axis=0) / means).max() < _LEAST_CHANGE)
