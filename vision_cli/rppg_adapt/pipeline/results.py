"""What is read from a face: waves, rates of windows, and what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.signals.hrv import Variability
from vision_cli.rppg_adapt.signals.spectra import HeartRate, Wave


@dataclass(frozen=True)
class PulseWave:
    """A wave of one method.

    Attributes
    ----------
    times
        ``(T,)`` seconds since the first frame of the video.
    values
        ``(T,)``, unit variance, greatest where there is most blood; filtered to the band of heart rates.
    whole
        ``(T,)`` before the filter: what beats are found in, whose edges are faster than their rate.
    fps
        Samples a second.
    """

    times: Wave
    values: Wave
    whole: Wave
    fps: float


@dataclass(frozen=True)
class Window:
    """The heart rate of a window of time.

    Attributes
    ----------
    start_s, end_s
        The window.
    rate
        Its rate.
    quality
        Probability that it is within 3 bpm of the truth.
    method
        Whose rate it is.
    """

    start_s: float
    end_s: float
    rate: HeartRate
    quality: float
    method: str


@dataclass(frozen=True)
class Reading:
    """What was read from one face.

    Attributes
    ----------
    clip
        The face.
    bpm, interval_bpm
        Heart rate of the whole, with its 95 % interval.
    quality
        Mean probability that the windows' rates are right.
    is_reliable
        Whether it is at least one half.
    method
        Whose rate it is: of several that ``auto`` took, the most frequent.
    snr_db
        Of the chosen wave.
    waves
        Waves by method; those that were compared too.
    windows
        The windows in their order.
    by_method
        Rate of the whole by method.
    variability, respiration_bpm
        None where they were not asked for, or the video is too short.
    notes
        Remarks for the user.
    """

    clip: FaceClip
    bpm: float
    interval_bpm: tuple[float, float]
    quality: float
    is_reliable: bool
    method: str
    snr_db: float
    waves: Mapping[str, PulseWave]
    windows: tuple[Window, ...]
    by_method: Mapping[str, HeartRate]
    variability: Variability | None
    respiration_bpm: float | None
    notes: tuple[str, ...]
