"""Results of a face: waveforms, per-window rates, overall rate."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.signals.hrv import Variability
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave, heart_rate_of_parts

_LONGEST_STEPS = 1.5


@dataclass(frozen=True)
class PulseWave:
    """The pulse wave of one method.

    Attributes
    ----------
    times
        ``(T,)`` seconds since the first frame of the video, in even steps except over pauses.
    values
        ``(T,)`` filtered to the band of heart rates, at unit variance, with maxima at the largest blood volume.
    unfiltered
        ``(T,)`` before the filter, at unit variance; beats are detected in it, because their edges have higher
        frequencies than the heart rate.
    fps
        Samples per second.
    """

    times: Wave
    values: Wave
    unfiltered: Wave
    fps: float

    @property
    def parts(self) -> list[slice]:
        """The parts of the wave between pauses, in temporal order."""
        breaks = np.flatnonzero(np.diff(self.times) > _LONGEST_STEPS / self.fps) + 1
        edges = [0, *breaks.tolist(), len(self.times)]
        return [slice(start, end) for start, end in itertools.pairwise(edges)]

    def rate(self, band: tuple[float, float]) -> HeartRate:
        """Return the heart rate of the whole wave in a band in Hz."""
        return heart_rate_of_parts([self.values[part] for part in self.parts], self.fps, band)


@dataclass(frozen=True)
class WindowEstimate:
    """The heart rate of a time window.

    Attributes
    ----------
    start_s, end_s
        The window, in seconds since the first frame of the video.
    rate
        Its heart rate.
    quality
        Probability that the rate is within 3 bpm of the ground truth.
    method
        The method that estimated the rate.
    blood
        Probability that the skin's colours change at the rate as by blood; None without pictures or colours.
    """

    start_s: float
    end_s: float
    rate: HeartRate
    quality: float
    method: str
    blood: float | None = None


@dataclass(frozen=True)
class PulseEstimate:
    """The pulse of one face.

    Attributes
    ----------
    clip
        The face.
    bpm, interval_bpm
        Overall heart rate, and its 95 % confidence interval.
    quality
        Probability that the rate is within 3 bpm of the ground truth, from the mean quality of the windows, weighted by
        the time that they stand for.
    is_reliable
        Whether the quality is at least 0.5, and not doubtful because the colours do not change as by blood. The
        quality itself is that of a face which is known to live.
    method
        The method of the rate; with ``auto`` the one of most windows.
    snr_db
        Signal-to-noise ratio of that method's wave.
    waves
        Waves by method, including those that are only compared.
    windows
        Estimates of the windows, in temporal order; none spans a pause.
    by_method
        Heart rate of the whole wave, by method.
    variability, respiration_bpm
        None if they were not requested, or the video is too short.
    notes
        Notes for the user.
    """

    clip: FaceClip
    bpm: float
    interval_bpm: tuple[float, float]
    quality: float
    is_reliable: bool
    method: str
    snr_db: float
    waves: Mapping[str, PulseWave]
    windows: tuple[WindowEstimate, ...]
    by_method: Mapping[str, HeartRate]
    variability: Variability | None
    respiration_bpm: float | None
    notes: tuple[str, ...]
