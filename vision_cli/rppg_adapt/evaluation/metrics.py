"""Error measures of heart rates over many videos, with standard errors and bootstrap intervals.

`score_toolbox` computes the same values per video as rPPG-Toolbox's ``evaluation/post_process.py``, so that results can
be compared with published ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.signals.spectra import Wave, detrended

_DEVIATION_HZ = 6 / 60
_BOOTSTRAPS = 2000
_SEED = 0


@dataclass(frozen=True)
class VideoScore:
    """Predicted and true heart rate of a video, or of a window of one.

    Attributes
    ----------
    predicted_bpm, true_bpm
        Heart rates.
    snr_db
        Signal-to-noise ratio of the predicted wave at the true rate.
    macc
        Maximum absolute correlation of the predicted and the true wave over all lags; NaN if it is not defined.
    """

    predicted_bpm: float
    true_bpm: float
    snr_db: float
    macc: float


@dataclass(frozen=True)
class Measure:
    """A measure over videos.

    Attributes
    ----------
    value
        The measure.
    standard_error
        Its standard error, by the formulas of rPPG-Toolbox.
    interval
        Its 95 % bootstrap interval over the videos.
    """

    value: float
    standard_error: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class Scores:
    """Measures over all videos; rates in bpm, ``mape`` in %, ``snr`` in dB."""

    count: int
    mae: Measure
    rmse: Measure
    mape: Measure
    pearson: Measure
    snr: Measure
    macc: Measure

    def flat(self, prefix: str = "") -> dict[str, float]:
        """Return the measures by flat names with units, each with its standard error and interval."""
        named = {
            "mae_bpm": self.mae,
            "rmse_bpm": self.rmse,
            "mape_pct": self.mape,
            "pearson": self.pearson,
            "snr_db": self.snr,
            "macc": self.macc,
        }
        found: dict[str, float] = {f"{prefix}videos": self.count}
        for name, measure in named.items():
            found[f"{prefix}{name}"] = measure.value
            found[f"{prefix}{name}_se"] = measure.standard_error
            found[f"{prefix}{name}_low"], found[f"{prefix}{name}_high"] = measure.interval
        return found


def score_toolbox(
    prediction: Wave,
    label: Wave,
    fps: float,
    *,
    is_derivative: bool = True,
    filter_band: tuple[float, float] = (0.6, 3.3),
    rate_band: tuple[float, float] = (0.6, 3.3),
) -> VideoScore:
    """Return the score of one video by rPPG-Toolbox's protocol: peaks of the periodogram.

    Parameters
    ----------
    prediction, label
        Predicted and ground-truth wave, ``(T,)``.
    fps
        Samples per second.
    is_derivative
        Whether both are differences of consecutive frames, which are integrated first.
    filter_band, rate_band
        Pass band of the Butterworth filter, and range of heart rates, in Hz.
    """
    waves = np.stack([prediction, label]).astype(np.float64)
    waves = detrended(np.cumsum(waves, axis=1) if is_derivative else waves)
    predicted, true = _toolbox_filter(waves, fps, filter_band)
    rates = [_toolbox_rate(wave, fps, rate_band) for wave in (predicted, true)]
    return VideoScore(rates[0], rates[1], toolbox_snr(predicted, rates[1], fps, rate_band), macc(predicted, true))


def toolbox_snr(wave: Wave, rate_bpm: float, fps: float, band: tuple[float, float] = (0.6, 3.3)) -> float:
    """Return the signal-to-noise ratio as rPPG-Toolbox defines it, dB.

    The signal is the power within 6 bpm of the true rate and of its double; the noise is the rest of the band.
    """
    frequencies, power = _periodogram(wave, fps)
    first, second = (np.abs(frequencies - k * rate_bpm / 60) <= _DEVIATION_HZ for k in (1, 2))
    rest = (frequencies >= band[0]) & (frequencies <= band[1]) & ~first & ~second
    noise = power[rest].sum()
    return float(10 * np.log10((power[first].sum() + power[second].sum()) / noise)) if noise > 0 else 0.0


def macc(x: Wave, y: Wave) -> float:
    """Return the maximum absolute correlation of ``x`` with ``y`` over all cyclic lags but the last (MACC)."""
    count = min(len(x), len(y))
    x, y = (wave[:count] - wave[:count].mean() for wave in (x, y))
    scale = np.sqrt((x @ x) * (y @ y))
    if scale <= 0:
        return float("nan")
    lags = np.fft.irfft(np.fft.rfft(x) * np.conj(np.fft.rfft(y)), count)
    # rPPG-Toolbox rolls y by 0 to N - 2 samples, which leaves the last lag out.
    return float(np.abs(lags[: count - 1]).max() / scale)


def score_videos(videos: list[VideoScore], *, bootstraps: int = _BOOTSTRAPS) -> Scores:
    """Return the error measures over videos.

    Raises
    ------
    InputError
        If there is no video.
    """
    if not videos:
        raise InputError("no video with a true heart rate found; one or more expected.", hint="Give labels.")
    table = np.array([(v.predicted_bpm, v.true_bpm, v.snr_db, v.macc) for v in videos])
    count = len(table)
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(0, count, (bootstraps, count))
    predicted, true = table[:, 0], table[:, 1]
    error = predicted - true
    r = _pearson(predicted, true)
    square_error = error**2
    by_measure: dict[str, tuple[float, float, Callable[[NDArray[np.int64]], Wave]]] = {
        "mae": (np.abs(error).mean(), _standard_error(np.abs(error)), lambda k: np.abs(error)[k].mean(axis=1)),
        "rmse": (
            np.sqrt(square_error.mean()),
            np.sqrt(square_error.std() / np.sqrt(count)),
            lambda k: np.sqrt(square_error[k].mean(axis=1)),
        ),
        "mape": (
            100 * np.abs(error / true).mean(),
            100 * _standard_error(np.abs(error / true)),
            lambda k: 100 * np.abs(error / true)[k].mean(axis=1),
        ),
        "pearson": (
            r,
            np.sqrt((1 - r**2) / (count - 2)) if count > 2 else np.nan,
            lambda k: np.array([_pearson(predicted[one], true[one]) for one in k]),
        ),
        "snr": (table[:, 2].mean(), _standard_error(table[:, 2]), lambda k: table[:, 2][k].mean(axis=1)),
        "macc": (table[:, 3].mean(), _standard_error(table[:, 3]), lambda k: table[:, 3][k].mean(axis=1)),
    }
    measures = {}
    for name, (value, standard_error, resampled) in by_measure.items():
        values = resampled(drawn)
        finite = values[np.isfinite(values)]
        low, high = np.percentile(finite, [2.5, 97.5]) if len(finite) else (np.nan, np.nan)
        measures[name] = Measure(float(value), float(standard_error), (float(low), float(high)))
    return Scores(count, **measures)


def _toolbox_filter(waves: Wave, fps: float, band: tuple[float, float]) -> Wave:
    from scipy import signal

    b, a = signal.butter(1, [2 * band[0] / fps, 2 * band[1] / fps], btype="bandpass")
    return np.asarray(signal.filtfilt(b, a, waves, axis=-1))


def _periodogram(wave: Wave, fps: float) -> tuple[Wave, Wave]:
    length = 1 << max(len(wave) - 1, 0).bit_length()
    frequencies = np.asarray(np.fft.rfftfreq(length, 1 / fps), np.float64)
    return frequencies, np.asarray(np.abs(np.fft.rfft(wave, length)) ** 2, np.float64)


def _toolbox_rate(wave: Wave, fps: float, band: tuple[float, float]) -> float:
    frequencies, power = _periodogram(wave, fps)
    inside = (frequencies >= band[0]) & (frequencies <= band[1])
    return float(60 * frequencies[inside][power[inside].argmax()])


def _pearson(x: Wave, y: Wave) -> float:
    if len(x) < 2 or x.std() == 0 or y.std() == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _standard_error(values: Wave) -> float:
    return float(values.std() / np.sqrt(len(values)))
