"""Heart rate of a pulse wave: power spectrum, peak frequency, signal-to-noise ratio and confidence interval.

Waves are ``(T,)`` or ``(N, T)``, uniformly sampled. Rates are in bpm, frequencies in Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.rppg_adapt.options import RATES_BPM

Wave = NDArray[np.float64]

_RESOLUTION_HZ = 1 / 240
_NEAR_HZ = 0.1
_SMOOTHNESS = 100.0
_LEAST_HALF_WIDTH = 0.5
_INTERVAL = 1.96
_MOST_OF_NYQUIST = 0.8
_SLOW_FPS = 12.0
_TREND_DEGREE = 3


@dataclass(frozen=True)
class HeartRate:
    """The heart rate of a wave.

    Attributes
    ----------
    bpm
        Frequency of the highest peak of the power spectrum, interpolated between its bins.
    snr_db
        Ratio of the power within 6 bpm of that rate and of its double to all other power of the band.
    peak_share
        Share of the band's power within 6 bpm of the rate.
    rival
        Height of the second highest peak as a share of the highest.
    half_width_bpm
        Half of the width of the 95 % confidence interval.
    """

    bpm: float
    snr_db: float
    peak_share: float
    rival: float
    half_width_bpm: float

    @property
    def interval_bpm(self) -> tuple[float, float]:
        """The 95 % confidence interval."""
        return self.bpm - self.half_width_bpm, self.bpm + self.half_width_bpm


def heart_rate_band(fps: float, rates_bpm: tuple[float, float] = RATES_BPM) -> tuple[float, float]:
    """Return the band of heart rates in Hz, cut to what the frame rate resolves.

    Below 12 frames per second the band ends at 0.8 of the Nyquist frequency, because aliases lie close above it.
    """
    low, high = rates_bpm[0] / 60, rates_bpm[1] / 60
    if fps < _SLOW_FPS:
        high = min(high, _MOST_OF_NYQUIST * fps / 2)
    return float(low), float(min(high, 0.95 * fps / 2))


def detrended(waves: Wave, smoothness: float = _SMOOTHNESS) -> Wave:
    """Return waves ``(..., T)`` without their slow trend.

    Source: M. Tarvainen, P. Ranta-aho and P. Karjalainen, "An advanced detrending method with application to HRV
    analysis", IEEE TBME 2002, eq. 19; the banded system is solved directly, in time linear in T.
    """
    from scipy.linalg import solveh_banded

    count = waves.shape[-1]
    if count < 4:
        return np.asarray(waves - waves.mean(axis=-1, keepdims=True))
    # I + lambda^2 D'D with second differences D: five bands.
    main, first, second = np.full(count, 6.0), np.full(count, -4.0), np.ones(count)
    main[[0, -1]], main[[1, -2]] = 1.0, 5.0
    first[[1, -1]] = -2.0
    if count == 4:
        main[[1, 2]] = 5.0
    bands = smoothness**2 * np.stack([second, first, main])
    bands[2] += 1
    flat = waves.reshape(-1, count).T
    smooth = solveh_banded(bands, flat, check_finite=False).T.reshape(waves.shape)
    return np.asarray(waves - smooth)


def integrated_wave(derivatives: Wave) -> Wave:
    """Return the pulse waves of derivatives ``(..., T)``, as networks predict them, by detrended cumulative sums."""
    return detrended(np.cumsum(derivatives - derivatives.mean(axis=-1, keepdims=True), axis=-1))


def bandpassed(waves: Wave, fps: float, band: tuple[float, float], order: int = 2) -> Wave:
    """Return waves ``(..., T)`` after a Butterworth band-pass filter, applied forwards and backwards (zero phase)."""
    from scipy import signal

    high = min(band[1], 0.95 * fps / 2)
    b, a = signal.butter(order, [2 * band[0] / fps, 2 * high / fps], btype="bandpass")
    pad = min(3 * max(len(a), len(b)), waves.shape[-1] - 1)
    return np.asarray(signal.filtfilt(b, a, waves, axis=-1, padlen=pad))


def power_spectrum(waves: Wave, fps: float, longest: int = 0) -> tuple[Wave, Wave]:
    """Return frequencies ``(K,)`` and powers ``(..., K)`` under a Hann window, zero-padded to 0.25 bpm or finer.

    Waves of less than ``longest`` samples have the same frequencies as one of that length.
    """
    count = waves.shape[-1]
    length = 1 << int(np.ceil(np.log2(max(count, longest, fps / _RESOLUTION_HZ))))
    centred = waves - waves.mean(axis=-1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(count), length)) ** 2
    return np.asarray(np.fft.rfftfreq(length, 1 / fps), np.float64), np.asarray(power, np.float64)


def complex_amplitudes(series: Wave, fps: float, frequencies: Wave) -> NDArray[np.complex128]:
    """Return complex amplitudes ``(C, F)`` of series ``(C, T)`` at frequencies ``(F,)`` in Hz.

    Under a Hann window, after a cubic trend is taken out: for short windows, in which a band-pass filter would ring.
    """
    count = series.shape[1]
    trend = np.vander(np.linspace(-1, 1, count), _TREND_DEGREE + 1)
    rest = series - (trend @ np.linalg.lstsq(trend, series.T, rcond=None)[0]).T
    window = np.hanning(count)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(count) / fps, frequencies)) * (2 * window / window.sum())[:, None]
    return np.asarray(rest @ waves)


def heart_rate(wave: Wave, fps: float, band: tuple[float, float] | None = None) -> HeartRate:
    """Return the heart rate of a pulse wave ``(T,)``.

    Parameters
    ----------
    wave
        The wave; it is detrended here.
    fps
        Samples per second.
    band
        Lowest and highest frequency of a heart rate; by default those of 40 to 200 bpm.

    Returns
    -------
    HeartRate
        With ``bpm`` NaN if the wave has no power in the band.
    """
    return heart_rate_of_parts([wave], fps, band)


def heart_rate_of_parts(parts: Sequence[Wave], fps: float, band: tuple[float, float] | None = None) -> HeartRate:
    """Return the heart rate of the parts of a wave between pauses, from the sum of their power spectra.

    As `heart_rate`; the phases of the parts are independent, so that their resolution is that of the longest.
    """
    low, high = band or heart_rate_band(fps)
    longest = max(len(part) for part in parts)
    spectra = [power_spectrum(detrended(part), fps, longest) for part in parts]
    frequencies, power = spectra[0][0], np.sum([own for _, own in spectra], axis=0)
    seconds = longest / fps
    inside = np.flatnonzero((frequencies >= low) & (frequencies <= high))
    f, p = frequencies[inside], power[inside]
    total = p.sum()
    if not np.isfinite(total) or total <= 0 or len(f) < 3:
        return HeartRate(float("nan"), float("-inf"), 0.0, 1.0, float("inf"))
    peak = _between_bins(f, p, int(p.argmax()))
    near = np.abs(f - peak) <= _NEAR_HZ
    signal = near | (np.abs(f - 2 * peak) <= _NEAR_HZ)
    noise = p[~signal].sum()
    snr = float(10 * np.log10(p[signal].sum() / max(noise, 1e-12 * total)))
    # The main lobe of the Hann window is no second peak.
    lobe = max(2 / seconds, 2 * _NEAR_HZ)
    elsewhere = p[np.abs(f - peak) > lobe]
    rival = float(elsewhere.max() / p.max()) if len(elsewhere) else 0.0
    return HeartRate(60 * peak, snr, float(p[near].sum() / total), rival, _half_width(snr, seconds, low, high))


def heart_rate_of_derivative(derivative: Wave, fps: float) -> HeartRate:
    """Return the heart rate of the derivative ``(T,)`` of a pulse wave, as a network predicts it."""
    return heart_rate(bandpassed(integrated_wave(derivative), fps, heart_rate_band(fps)), fps)


def _between_bins(f: Wave, p: Wave, k: int) -> float:
    """Return the frequency of peak ``k``, from a parabola through the logarithms of it and its neighbours."""
    if not 0 < k < len(f) - 1:
        return float(f[k])
    left, middle, right = np.log(p[k - 1 : k + 2] + 1e-300)
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float(f[k] + np.clip(shift, -0.5, 0.5) * (f[1] - f[0]))


def _half_width(snr_db: float, seconds: float, low: float, high: float) -> float:
    """Return half of the width of the 95 % confidence interval of a rate, bpm.

    The variance of a sinusoid's frequency in white noise is ``6 / (4 pi^2 SNR n) / T^2`` at best (Rife and Boorstyn
    1974), with n independent samples in the band. A floor of 0.5 bpm for ten seconds accounts for the changes of the
    rate itself.
    """
    independent = max(2 * (high - low) * seconds, 1.0)
    ratio = 10 ** (snr_db / 10)
    sigma = np.sqrt(6 / (4 * np.pi**2 * ratio * independent)) / seconds
    return float(np.hypot(60 * _INTERVAL * sigma * np.sqrt(independent), _LEAST_HALF_WIDTH * max(1.0, 10 / seconds)))
