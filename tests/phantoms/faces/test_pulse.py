"""Pulse waves have the rate asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.phantoms.faces.pulse import Variability, make_pulse

STILL = Variability(breathing=0, slow=0, drift=0, depth=0)


@pytest.mark.parametrize("bpm", [42.0, 75.0, 180.0])
def test_the_wave_has_the_rate_asked_for(rate_of, bpm):
    pulse = make_pulse(np.random.default_rng(0), 20, mean_bpm=bpm)
    wave = pulse.at(np.arange(600) / 30)
    assert pulse.rate_bpm(0, 20) == pytest.approx(bpm, abs=1e-6)
    assert rate_of(wave, 30) == pytest.approx(bpm, rel=0.06)
    assert wave.std() == pytest.approx(1, abs=0.2)


def test_beats_of_a_still_heart_are_equally_far_apart():
    pulse = make_pulse(np.random.default_rng(1), 30, mean_bpm=60, variability=STILL)
    np.testing.assert_allclose(np.diff(pulse.beats_s), 1, atol=1e-6)
    assert len(pulse.beats_s) == 30


def test_beats_follow_breathing():
    breathing = replace(STILL, breathing=0.05, breathing_hz=0.25)
    beats = make_pulse(np.random.default_rng(2), 120, mean_bpm=70, variability=breathing).beats_s
    intervals = np.diff(beats)
    assert 60 / 70 * 0.05 / np.sqrt(2) == pytest.approx(intervals.std(), rel=0.1)
    even = np.interp(np.arange(0, 110, 0.25), beats[1:], intervals)
    spectrum = np.abs(np.fft.rfft(even - even.mean()))
    assert np.fft.rfftfreq(len(even), 0.25)[spectrum.argmax()] == pytest.approx(0.25, abs=0.02)


def test_slope_is_the_derivative_by_phase():
    pulse = make_pulse(np.random.default_rng(3), 10, mean_bpm=60, variability=STILL)
    times = np.linspace(1, 9, 200)
    step = 1e-4
    numeric = (pulse.at(times + step) - pulse.at(times - step)) / (2 * step * 2 * np.pi)
    np.testing.assert_allclose(pulse.slope(times), numeric, atol=2e-2)
