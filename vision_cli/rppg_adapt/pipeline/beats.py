"""Beats, heart rate variability and respiration of a clip, each only if it is probably right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.options import NETWORK, PulseOptions
from vision_cli.rppg_adapt.pipeline.results import PulseWave
from vision_cli.rppg_adapt.pipeline.witnesses import Witnesses
from vision_cli.rppg_adapt.signals import hrv
from vision_cli.rppg_adapt.signals.beat_quality import (
    LEAST_PROBABILITY,
    RMSSD_WITHIN_MS,
    SDNN_WITHIN_MS,
    BeatSituation,
    beat_features,
    beat_scatter_ms,
    default_beat_index,
)
from vision_cli.rppg_adapt.signals.spectra import heart_rate

_IRREGULAR = 0.15
_FAR_BPM = 3.0
_MOST_NOISE = 0.5
"""Share of the variance of the intervals, above which what is left of it says more of the noise than of the heart."""


@dataclass(frozen=True)
class BeatReading:
    """Beats of the wave that has the clearest ones, and what follows from them.

    Attributes
    ----------
    method, bpm
        The method of the wave, and the heart rate of the clip.
    beats, variability, respiration
        What was measured; ``variability`` and ``respiration`` whether they are probable or not.
    features
        Features of their probabilities; see `beat_features`.
    situation
        What the beats were found in.
    seconds
        Length of the wave.
    """

    method: str
    bpm: float
    beats: hrv.Beats
    variability: hrv.Variability
    respiration: hrv.Respiration | None
    features: NDArray[np.float64]
    situation: BeatSituation
    seconds: float


def read_beats(clip: FaceClip, waves: Mapping[str, PulseWave], bpm: float, band: tuple[float, float]) -> BeatReading:
    """Return the beats of a clip without pauses whose heart rate is known.

    The wave whose beats the other methods share most is taken: it need not be the one with the best heart rate.

    Parameters
    ----------
    clip
        The clip.
    waves
        Its waves by method.
    bpm
        Its heart rate.
    band
        Band of heart rates in Hz.
    """
    beats = {method: hrv.find_beats(wave.unfiltered, wave.fps, bpm) for method, wave in waves.items()}
    scatter = {
        method: float(np.median(values))
        for method, own in beats.items()
        if (values := [beat_scatter_ms(own, other) for name, other in beats.items() if name != method])
    }
    method = min(beats, key=lambda one: (scatter.get(one, 0.0), beats[one].rejected_share))
    wave, own = waves[method], beats[method]
    seconds = len(wave.values) / wave.fps
    sampled = next(one for name, one in waves.items() if name != NETWORK)
    witnesses = Witnesses.of(clip, sampled.times, sampled.fps, band)
    halves = [
        beat_scatter_ms(*(hrv.find_beats(half, sampled.fps, bpm) for half in pair))
        for pair in witnesses.halves.values()
    ]
    measured, breaths = hrv.variability(own, seconds), hrv.respiration(wave.values, own, wave.fps, bpm)
    features = beat_features(
        measured,
        breaths,
        bpm=bpm,
        snr_db=heart_rate(wave.values, wave.fps, band).snr_db,
        seconds=seconds,
        methods_scatter_ms=scatter.get(method),
        halves_scatter_ms=min(halves, default=None),
    )
    situation: BeatSituation
    if clip.has_pictures:
        situation = "gray" if clip.is_gray else "face"
    else:
        situation = "gray_trace" if clip.is_gray else "colour_trace"
    return BeatReading(method, bpm, own, measured, breaths, features, situation, seconds)


def probable_measures(
    reading: BeatReading, options: PulseOptions, notes: list[str], *, is_rate_reliable: bool
) -> tuple[hrv.Variability | None, hrv.Respiration | None]:
    """Return the variability and the respiration that were asked for, without what is not probably right.

    Nothing is where the heart rate is not reliable. Notes say what is missing, and why.
    """
    if reading.beats.rejected_share > _IRREGULAR:
        notes.append(
            f"{100 * reading.beats.rejected_share:.0f} % of the intervals between beats are unlike their neighbours: "
            "movement, or a heart that beats irregularly"
        )
    measured = _variability(reading, notes) if options.hrv else None
    breaths = _respiration(reading, notes) if options.respiration else None
    if is_rate_reliable:
        return measured, breaths
    if measured is not None and measured.mean_bpm is not None:
        notes.append("no heart rate variability: the heart rate is not reliable")
        measured = hrv.Variability(measured.beats, measured.rejected_share)
    if breaths is not None:
        notes.append("no respiration rate: the heart rate is not reliable")
    return measured, None


def _variability(reading: BeatReading, notes: list[str]) -> hrv.Variability:
    measured = reading.variability
    for what, needed in (("SDNN and RMSSD", hrv.SDNN_SECONDS), ("LF and HF", hrv.BANDS_SECONDS)):
        if reading.seconds < needed:
            notes.append(f"{reading.seconds:.0f} s are too short for {what}; {needed:.0f} s or more are needed")
    if measured.mean_bpm is None:
        notes.append("no heart rate variability: too few of the beats found are regular")
        return measured
    if abs(measured.mean_bpm - reading.bpm) > _FAR_BPM:
        notes.append(
            f"no heart rate variability: {measured.mean_bpm:.1f} beats a minute found, "
            f"{reading.bpm:.1f} in the spectrum"
        )
        return hrv.Variability(measured.beats, measured.rejected_share)
    if measured.sdnn_ms is None:
        return measured
    if _is_table(reading):
        # The generated hearts vary less than those of people, so that the index refuses every large SDNN.
        noise_ms, noise_share = _noise_of_sdnn(measured.sdnn_ms, measured.rmssd_ms or 0.0)
        is_noise = noise_ms > SDNN_WITHIN_MS or noise_share > _MOST_NOISE
        if reading.beats.rejected_share <= _IRREGULAR and not is_noise:
            return measured
        why = "too few of the beats found are regular"
        if is_noise:
            why = f"about {noise_ms:.0f} of {measured.sdnn_ms:.0f} ms of SDNN are noise of the times of the beats"
        notes.append(f"no heart rate variability: {why}")
        return hrv.Variability(measured.beats, measured.rejected_share)
    index = default_beat_index()
    return _probable_variability(
        measured,
        index["sdnn"].probability(reading.situation, reading.features),
        index["rmssd"].probability(reading.situation, reading.features),
        notes,
    )


def _is_table(reading: BeatReading) -> bool:
    return reading.situation in {"colour_trace", "gray_trace"}


def _noise_of_sdnn(sdnn_ms: float, rmssd_ms: float) -> tuple[float, float]:
    """Return how much larger noise of the times of beats makes SDNN, ms, and its share of the variance.

    Noise of variance v adds 2 v to the variance of the intervals and 6 v to the mean square of their differences. Those
    of a heart are taken to be equal at most.
    """
    if sdnn_ms <= 0:
        return 0.0, 0.0
    share = min(max(rmssd_ms**2 - sdnn_ms**2, 0.0) / (2 * sdnn_ms**2), 1.0)
    return sdnn_ms * (1 - float(np.sqrt(1 - share))), share


def _respiration(reading: BeatReading, notes: list[str]) -> hrv.Respiration | None:
    if reading.seconds < hrv.RESPIRATION_SECONDS:
        needed = hrv.RESPIRATION_SECONDS
        notes.append(f"{reading.seconds:.0f} s are too short for breathing; {needed:.0f} s are needed")
    if reading.respiration is None:
        return None
    if reading.respiration.gap_bpm > hrv.BREATHS_WITHIN:
        # Generated hearts always breathe: the index has not seen a wave without breathing.
        notes.append(
            "no respiration rate: the intervals and the heights of the beats differ by "
            f"{reading.respiration.gap_bpm:.0f} breaths a minute"
        )
        return None
    measured = reading.variability
    _, noise_share = _noise_of_sdnn(measured.sdnn_ms or 0.0, measured.rmssd_ms or 0.0)
    if _is_table(reading) and noise_share > _MOST_NOISE:
        notes.append("no respiration rate: the intervals between beats vary by noise more than by breathing")
        return None
    probability = default_beat_index()["respiration"].probability(reading.situation, reading.features)
    if probability < LEAST_PROBABILITY:
        notes.append(
            f"no respiration rate: the probability that it is within {hrv.BREATHS_WITHIN:g} breaths a minute is "
            f"{probability:.2f}"
        )
        return None
    return replace(reading.respiration, probability=probability)


def _probable_variability(measured: hrv.Variability, sdnn: float, rmssd: float, notes: list[str]) -> hrv.Variability:
    found = replace(measured, sdnn_probability=sdnn, rmssd_probability=rmssd)
    if sdnn < LEAST_PROBABILITY:
        notes.append(
            f"no heart rate variability: the probability that SDNN is within {SDNN_WITHIN_MS:g} ms is {sdnn:.2f}"
        )
        # The mean interval is that of the same beats, and the powers are those of their spread.
        return replace(
            found, mean_bpm=None, sdnn_ms=None, rmssd_ms=None, pnn50_pct=None, lf_ms2=None, hf_ms2=None, lf_hf=None
        )
    if rmssd < LEAST_PROBABILITY:
        notes.append(f"no RMSSD: the probability that it is within {RMSSD_WITHIN_MS:g} ms is {rmssd:.2f}")
        return replace(found, rmssd_ms=None, pnn50_pct=None, hf_ms2=None, lf_hf=None)
    return found
