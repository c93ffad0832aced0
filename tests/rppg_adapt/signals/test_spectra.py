"""Rates between bins, detrending by bands, what slow cameras can see."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal

from vision_cli.rppg_adapt.signals.spectra import bandpassed, detrended, heart_rate, heart_rate_band, integrated_wave

FPS = 30.0


def tone(bpm, seconds=10.0, fps=FPS, phase=0.3):
    return np.sin(2 * np.pi * bpm / 60 * np.arange(round(seconds * fps)) / fps + phase)


@pytest.mark.parametrize("bpm", [45.3, 61.7, 99.2, 150.1, 191.9])
def test_a_tone_is_found_between_the_bins(bpm):
    assert heart_rate(tone(bpm), FPS).bpm == pytest.approx(bpm, abs=0.4)


def test_detrending_is_that_of_the_dense_formula():
    wave = np.random.default_rng(0).standard_normal((2, 60)).cumsum(axis=1)
    second = np.diff(np.eye(60), n=2, axis=0)
    dense = wave @ (np.eye(60) - np.linalg.inv(np.eye(60) + 100**2 * second.T @ second))
    np.testing.assert_allclose(detrended(wave), dense, atol=1e-6)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6])
def test_the_shortest_waves_are_detrended_too(count):
    line = np.arange(count, dtype=float)
    assert np.isfinite(detrended(line)).all()
    if count >= 4:
        np.testing.assert_allclose(detrended(line), 0, atol=1e-6)


def test_a_wave_comes_back_from_its_derivative():
    wave = tone(72)
    found = integrated_wave(np.gradient(wave) + 0.01)
    assert np.corrcoef(found[30:-30], wave[30:-30])[0, 1] > 0.99


def test_the_filter_is_scipys():
    wave = np.random.default_rng(1).standard_normal(300)
    b, a = signal.butter(2, [0.7 / 15, 3 / 15], btype="bandpass")
    np.testing.assert_allclose(bandpassed(wave, FPS, (0.7, 3)), signal.filtfilt(b, a, wave), atol=1e-9)


def test_noise_widens_the_interval_and_lowers_the_ratio():
    rng = np.random.default_rng(2)
    clean, noisy = (heart_rate(tone(72) + s * rng.standard_normal(300), FPS) for s in (0.1, 2.0))
    assert clean.snr_db > noisy.snr_db + 5
    assert clean.half_width_bpm < noisy.half_width_bpm
    low, high = clean.interval_bpm
    assert low < 72 < high


def test_short_waves_have_wide_intervals():
    rng = np.random.default_rng(3)
    long, short = (
        heart_rate(tone(72, s) + 0.3 * rng.standard_normal(round(s * FPS)), FPS).half_width_bpm for s in (20, 5)
    )
    assert short > 2 * long


def test_a_slow_camera_sees_no_fast_heart():
    assert heart_rate_band(30) == pytest.approx((40 / 60, 200 / 60))
    assert heart_rate_band(8)[1] == pytest.approx(0.8 * 4)
    assert heart_rate_band(6)[1] == pytest.approx(0.8 * 3)


def test_a_wave_without_power_has_no_rate():
    found = heart_rate(np.zeros(300), FPS)
    assert np.isnan(found.bpm)
    assert found.half_width_bpm == np.inf
