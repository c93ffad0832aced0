"""Beats of known pulses, variability that is theirs, and nothing where a wave is too short."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.rppg_adapt.signals import hrv

FPS = 30.0


def known(seconds, bpm=66, *, breathing=0.03, breathing_hz=0.25, depth=0.1, seed=0):
    varies = Variability(breathing=breathing, breathing_hz=breathing_hz, slow=0.01, drift=0, depth=depth)
    pulse = make_pulse(np.random.default_rng(seed), seconds, mean_bpm=bpm, variability=varies)
    return pulse, pulse.at(np.arange(round(seconds * FPS)) / FPS)


@pytest.mark.parametrize("bpm", [50, 75, 120])
def test_intervals_of_a_clean_wave_are_known_to_milliseconds(bpm):
    # Breathing that changes the height of a beat moves its edges too; here it changes the rate alone.
    pulse, wave = known(60, bpm, depth=0.0)
    beats = hrv.find_beats(wave, FPS)
    true = 1000 * np.diff(pulse.beats_s)
    assert len(beats.times_s) == pytest.approx(len(pulse.beats_s), abs=1)
    found = hrv.variability(beats, 60)
    assert found.mean_bpm == pytest.approx(bpm, abs=0.5)
    assert found.sdnn_ms == pytest.approx(true.std(ddof=1), abs=8)
    assert found.rmssd_ms == pytest.approx(np.sqrt(np.mean(np.diff(true) ** 2)), abs=10)


def test_an_extra_beat_is_left_out():
    intervals = np.full(40, 900.0) + np.random.default_rng(0).normal(0, 15, 40)
    intervals[20:22] = 400, 500
    normal = hrv.normal_intervals(intervals)
    assert not normal[20:22].any()
    assert normal.mean() > 0.9


@pytest.mark.parametrize("hz", [0.2, 0.3])
def test_breathing_is_read_from_the_beats(hz):
    _, wave = known(60, breathing_hz=hz, breathing=0.04)
    assert hrv.respiration(wave, hrv.find_beats(wave, FPS), FPS).bpm == pytest.approx(60 * hz, abs=1.5)


def test_measures_need_their_time():
    _, wave = known(60)
    beats = hrv.find_beats(wave, FPS)
    short, middle, long = (hrv.variability(beats, seconds) for seconds in (10, 30, 60))
    assert (short.sdnn_ms, short.lf_hf) == (None, None)
    assert middle.sdnn_ms is not None
    assert middle.lf_hf is None
    assert long.lf_hf > 0
    assert hrv.respiration(wave[: 9 * 30], beats, FPS) is None


def test_breathing_has_its_power_in_the_high_band():
    _, wave = known(120, breathing=0.05, breathing_hz=0.25)
    found = hrv.variability(hrv.find_beats(wave, FPS), 120)
    assert found.hf_ms2 > 2 * found.lf_ms2


def test_noise_has_no_variability():
    noise = np.random.default_rng(1).standard_normal(900)
    found = hrv.variability(hrv.find_beats(noise, FPS), 30)
    assert found.sdnn_ms is None or found.rejected_share > 0.05


def test_a_flat_wave_has_no_beats():
    beats = hrv.find_beats(np.zeros(300), FPS)
    assert len(beats.times_s) == 0
    assert hrv.variability(beats, 10).mean_bpm is None


def test_a_constant_heart_has_no_variability_at_the_ends_of_its_wave():
    times = np.arange(900) / FPS
    for phase in np.linspace(0, 2 * np.pi, 7):
        beats = hrv.find_beats(np.sin(2 * np.pi * 1.2 * times + phase), FPS)
        assert hrv.variability(beats, 30).sdnn_ms < 5
