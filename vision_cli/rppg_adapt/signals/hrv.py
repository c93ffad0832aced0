"""Beats, heart rate variability and respiration rate of a pulse wave, each only if the wave is long enough.

Names and units of the measures follow the Task Force of the ESC and NASPE, "Heart rate variability", Circulation 1996.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.signals.spectra import Wave, bandpassed, detrended, heart_rate

HR_SECONDS, RESPIRATION_SECONDS, SDNN_SECONDS, BANDS_SECONDS = 5.0, 10.0, 20.0, 55.0
"""Shortest waves for a heart rate, a respiration rate, SDNN and RMSSD, and LF and HF power, in seconds."""

BREATHS_WITHIN = 2.0
"""Tolerance of a respiration rate, breaths per minute."""

_FINE_HZ = 250.0
_EVEN_HZ = 4.0
_LF, _HF = (0.04, 0.15), (0.15, 0.4)
_BREATHING_HZ = (0.1, 0.5)
_FAR = 0.25
_NEIGHBOURS = 11
_MOST_REJECTED = 0.35
_FEWEST_INTERVALS = 3
_LOWEST, _HIGHEST, _UPSTROKE, _MARGIN = 0.7, 3.5, 0.35, 0.5


@dataclass(frozen=True)
class Beats:
    """Beats of a wave.

    Attributes
    ----------
    times_s
        ``(N,)`` times in seconds.
    intervals_ms
        ``(N - 1,)`` inter-beat intervals.
    is_normal
        ``(N - 1,)`` whether an interval is similar to its neighbours; the others are artefacts or ectopic beats.
    """

    times_s: NDArray[np.float64]
    intervals_ms: NDArray[np.float64]
    is_normal: NDArray[np.bool_]

    @property
    def normal_ms(self) -> NDArray[np.float64]:
        """The normal intervals."""
        return self.intervals_ms[self.is_normal]

    @property
    def rejected_share(self) -> float:
        """Share of the intervals that are not normal."""
        return 1 - float(self.is_normal.mean()) if len(self.is_normal) else 1.0


@dataclass(frozen=True)
class Variability:
    """Heart rate variability; a measure is None if the wave is too short or has too many artefacts.

    Attributes
    ----------
    beats
        Number of beats.
    rejected_share
        Share of the intervals that were rejected.
    mean_bpm
        Heart rate of the mean normal interval.
    sdnn_ms, rmssd_ms, pnn50_pct
        SDNN, RMSSD and pNN50 of the normal intervals.
    lf_ms2, hf_ms2, lf_hf
        Power from 0.04 to 0.15 Hz and from 0.15 to 0.4 Hz, and their ratio.
    sdnn_probability, rmssd_probability
        Probability that SDNN is within 10 ms, and RMSSD within 15 ms, of the ground truth; None if it was not computed.
    """

    beats: int
    rejected_share: float
    mean_bpm: float | None = None
    sdnn_ms: float | None = None
    rmssd_ms: float | None = None
    pnn50_pct: float | None = None
    lf_ms2: float | None = None
    hf_ms2: float | None = None
    lf_hf: float | None = None
    sdnn_probability: float | None = None
    rmssd_probability: float | None = None


@dataclass(frozen=True)
class Respiration:
    """A respiration rate.

    Attributes
    ----------
    bpm
        Breaths per minute.
    share
        Share of the power of respiration rates within 2 breaths per minute of it.
    gap_bpm
        Difference between the rates of the intervals and of the amplitude.
    probability
        Probability that it is within 2 breaths per minute of the ground truth; None if it was not computed.
    """

    bpm: float
    share: float
    gap_bpm: float
    probability: float | None = None


def find_beats(wave: Wave, fps: float, rate_bpm: float | None = None) -> Beats:
    """Return the beats of a wave.

    The wave is filtered around its own rate, because a fixed band would leave the dicrotic wave of a slow heart as a
    beat, and interpolated to 250 Hz, because intervals are needed more precisely than the frame interval. The time of a
    beat is where the wave crosses half of its upstroke.

    Parameters
    ----------
    wave
        ``(T,)``, with maxima at the beats.
    fps
        Samples per second.
    rate_bpm
        Its heart rate; by default the highest peak of its spectrum.
    """
    from scipy import signal

    rate = (heart_rate(wave, fps).bpm if rate_bpm is None else rate_bpm) / 60
    if not np.isfinite(rate):
        return Beats(np.zeros(0), np.zeros(0), np.zeros(0, bool))
    band = max(_LOWEST * rate, 0.5), min(_HIGHEST * rate, 0.45 * fps)
    smooth = bandpassed(detrended(wave), fps, band)
    coarse = np.arange(len(smooth)) / fps
    fine = np.arange(0, coarse[-1], 1 / _FINE_HZ)
    from scipy.interpolate import CubicSpline

    curve = CubicSpline(coarse, smooth)(fine)
    height = np.abs(signal.hilbert(curve))
    found, _ = signal.find_peaks(curve, distance=max(1, int(0.55 / rate * _FINE_HZ)), height=0.25 * np.median(height))
    # The wave is steepest half way up from its foot, so that noise changes the time of that point least.
    reach = max(2, int(_UPSTROKE / rate * _FINE_HZ))
    times = []
    for peak in found:
        start = max(peak - reach, 0)
        foot = start + int(np.argmin(curve[start : peak + 1]))
        half = 0.5 * (curve[foot] + curve[peak])
        after = foot + int(np.argmax(curve[foot : peak + 1] >= half))
        times.append(fine[after] - _samples_past_crossing(curve, after, half) / _FINE_HZ)
    beats = np.unique(times)
    # Filters bend the ends of a wave: a beat there was timed .14 s late.
    beats = beats[(beats >= _MARGIN / rate) & (beats <= coarse[-1] - _MARGIN / rate)]
    intervals = 1000 * np.diff(beats)
    return Beats(beats, intervals, normal_intervals(intervals))


def normal_intervals(intervals_ms: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which intervals ``(N,)`` are normal: within a quarter of the median of the eleven around them, ``(N,)``.

    Where intervals vary little, the limit is five times their robust standard deviation, but at least 8 %.
    """
    from scipy import ndimage

    if len(intervals_ms) < _FEWEST_INTERVALS:
        return np.ones(len(intervals_ms), bool)
    around = ndimage.median_filter(intervals_ms, size=min(_NEIGHBOURS, len(intervals_ms)), mode="nearest")
    spread = ndimage.median_filter(np.abs(intervals_ms - around), size=min(2 * _NEIGHBOURS, len(intervals_ms)))
    limit = np.minimum(_FAR * around, np.maximum(5 * 1.4826 * spread, 0.08 * around))
    return np.asarray(np.abs(intervals_ms - around) <= limit)


def variability(beats: Beats, seconds: float) -> Variability:
    """Return the heart rate variability of beats that were found in a wave of ``seconds``."""
    count, rejected = len(beats.times_s), beats.rejected_share
    normal = beats.normal_ms
    if len(normal) < _FEWEST_INTERVALS or rejected > _MOST_REJECTED:
        return Variability(count, rejected)
    mean_bpm = float(60_000 / normal.mean())
    if seconds < SDNN_SECONDS:
        return Variability(count, rejected, mean_bpm)
    # Successive differences are of neighbouring intervals that are both normal.
    neighbours = beats.is_normal[1:] & beats.is_normal[:-1]
    steps = np.diff(beats.intervals_ms)[neighbours]
    rmssd = float(np.sqrt(np.mean(steps**2))) if len(steps) else None
    pnn50 = float(100 * np.mean(np.abs(steps) > 50)) if len(steps) else None
    low, high = _lf_and_hf_power(beats) if seconds >= BANDS_SECONDS else (None, None)
    ratio = low / high if low is not None and high else None
    return Variability(count, rejected, mean_bpm, float(normal.std(ddof=1)), rmssd, pnn50, low, high, ratio)


def respiration(wave: Wave, beats: Beats, fps: float, rate_bpm: float | None = None) -> Respiration | None:
    """Return the respiration rate from the modulation of inter-beat intervals and of the wave's amplitude.

    Source of both: P. Charlton et al., "Breathing rate estimation from the electrocardiogram and
    photoplethysmogram: a review", IEEE RBME 2018, section III; their normalised spectra are added.

    Returns
    -------
    Respiration or None
        None for less than ten seconds, or too few beats.
    """
    seconds = len(wave) / fps
    normal = beats.is_normal
    if seconds < RESPIRATION_SECONDS or normal.sum() < _FEWEST_INTERVALS + 2:
        return None
    even = np.arange(beats.times_s[0], beats.times_s[-1], 1 / _EVEN_HZ)
    if len(even) < _EVEN_HZ * 5:
        return None
    times = np.arange(len(wave)) / fps
    rate = (heart_rate(wave, fps).bpm if rate_bpm is None else rate_bpm) / 60
    pulse = bandpassed(wave, fps, (max(0.6 * rate, 0.5), min(1.6 * rate, 0.9 * fps / 2)))
    from scipy import signal

    curves = [
        np.interp(even, beats.times_s[1:][normal], beats.intervals_ms[normal]),
        np.interp(even, times, np.abs(signal.hilbert(pulse))),
    ]
    powers = []
    frequencies: Wave = np.zeros(0)
    for curve in curves:
        flat = detrended(curve, 10.0)
        length = max(1 << 10, len(flat))
        frequencies = np.asarray(np.fft.rfftfreq(length, 1 / _EVEN_HZ), np.float64)
        power = np.abs(np.fft.rfft((flat - flat.mean()) * np.hanning(len(flat)), length)) ** 2
        powers.append(power / (power.sum() + 1e-12))
    inside = (frequencies >= _BREATHING_HZ[0]) & (frequencies <= min(_BREATHING_HZ[1], 0.5 * rate))
    if not inside.any():
        return None
    f, (by_interval, by_amplitude) = 60 * frequencies[inside], (power[inside] for power in powers)
    total = by_interval + by_amplitude
    peak = f[total.argmax()]
    share = float(total[np.abs(f - peak) <= BREATHS_WITHIN].sum() / (total.sum() + 1e-12))
    gap = float(np.abs(f[by_interval.argmax()] - f[by_amplitude.argmax()]))
    return Respiration(float(peak), share, gap)


def _lf_and_hf_power(beats: Beats) -> tuple[float, float]:
    """Return the power of the normal intervals in the LF and the HF band, ms²."""
    from scipy import signal

    normal = beats.is_normal
    even = np.arange(beats.times_s[1], beats.times_s[-1], 1 / _EVEN_HZ)
    curve = np.interp(even, beats.times_s[1:][normal], beats.intervals_ms[normal])
    flat = detrended(curve, 500.0)
    frequencies, density = signal.welch(flat, _EVEN_HZ, nperseg=min(len(flat), 240), nfft=1024)
    step = frequencies[1]
    low, high = (float(density[(frequencies >= start) & (frequencies < end)].sum() * step) for start, end in (_LF, _HF))
    return low, high


def _samples_past_crossing(curve: Wave, after: int, level: float) -> float:
    """Return how many samples ``after`` lies past the point where the curve crosses a level, 0 to 1."""
    if after == 0 or curve[after] == curve[after - 1]:
        return 0.0
    return float(np.clip((curve[after] - level) / (curve[after] - curve[after - 1]), 0, 1))
