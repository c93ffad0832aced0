"""Measures are those of rPPG-Toolbox, written out here as it writes them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.evaluation.metrics import VideoScore, macc, score_toolbox, score_videos, toolbox_snr


def waves(seed=0, count=500, bpm=84):
    rng = np.random.default_rng(seed)
    t = np.arange(count) / 30
    true = np.sin(2 * np.pi * bpm / 60 * t)
    return true + 0.5 * rng.standard_normal(count), true


def macc_by_its_loop(x, y):
    return max(abs(np.corrcoef(x, np.roll(y, lag))[0, 1]) for lag in range(len(x) - 1))


def test_macc_is_that_of_the_loop_over_lags():
    x, y = waves(count=151)
    assert macc(x, np.roll(y, 7)) == pytest.approx(macc_by_its_loop(x, np.roll(y, 7)), abs=1e-9)


def snr_by_its_masks(wave, bpm, fps=30):
    count = 1 << (len(wave) - 1).bit_length()
    f, p = signal.periodogram(wave, fs=fps, nfft=count, detrend=False)
    one = (f >= bpm / 60 - 0.1) & (f <= bpm / 60 + 0.1)
    two = (f >= bpm / 30 - 0.1) & (f <= bpm / 30 + 0.1)
    rest = (f >= 0.6) & (f <= 3.3) & ~one & ~two
    return 10 * np.log10((p[one].sum() + p[two].sum()) / p[rest].sum())


def test_snr_is_that_of_the_periodogram():
    wave, _ = waves()
    # scipy halves the constant and the last bin, which are outside the band.
    assert toolbox_snr(wave, 84, 30) == pytest.approx(snr_by_its_masks(wave, 84), abs=1e-9)


def test_a_video_is_scored_from_its_derivatives():
    predicted, true = waves()
    score = score_toolbox(np.diff(predicted, prepend=predicted[0]), np.diff(true, prepend=true[0]), 30)
    bin_bpm = 60 * 30 / 512
    assert score.predicted_bpm == pytest.approx(84, abs=bin_bpm)
    assert score.true_bpm == pytest.approx(84, abs=bin_bpm)
    assert 0.7 < score.macc <= 1


def test_measures_and_their_standard_errors():
    rng = np.random.default_rng(3)
    true = rng.uniform(50, 120, 40)
    predicted = true + rng.normal(1, 3, 40)
    found = score_videos([VideoScore(p, t, 1.0, 0.5) for p, t in zip(predicted, true, strict=True)])
    error = predicted - true
    assert found.mae.value == pytest.approx(np.abs(error).mean())
    assert found.mae.standard_error == pytest.approx(np.abs(error).std() / np.sqrt(40))
    assert found.rmse.value == pytest.approx(np.sqrt((error**2).mean()))
    assert found.rmse.standard_error == pytest.approx(np.sqrt((error**2).std() / np.sqrt(40)))
    assert found.mape.value == pytest.approx(100 * np.abs(error / true).mean())
    assert found.pearson.value == pytest.approx(np.corrcoef(predicted, true)[0, 1])
    for measure in (found.mae, found.rmse, found.pearson):
        low, high = measure.interval
        assert low <= measure.value <= high
    assert found.flat("net_")["net_mae_bpm"] == found.mae.value


def test_no_video_is_no_measure():
    with pytest.raises(InputError, match="no video with a true heart rate"):
        score_videos([])
