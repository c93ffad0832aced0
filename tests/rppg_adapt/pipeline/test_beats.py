"""Heart rate variability and respiration are given only where they are probably right."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.rppg_adapt.conftest import clip_of, make_traces
from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.beats import probable_measures, read_beats
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip
from vision_cli.rppg_adapt.pipeline.waves import pulse_waves
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

MEASURES = PulseOptions(hrv=True, respiration=True)


def finger(noise, *, seconds=60, seed=0):
    """Return a trace of a finger whose heart is known, and SDNN in ms."""
    rng = np.random.default_rng(seed)
    varies = Variability(breathing_hz=0.25, breathing=0.03, slow=0.02, drift=0.0, depth=0.1)
    pulse = make_pulse(rng, seconds, mean_bpm=66, variability=varies)
    times = np.arange(round(seconds * 30)) / 30
    values = 150 * (1 - 0.01 * pulse.at(times) + noise * rng.standard_normal(len(times)))
    clip = clip_of(np.repeat(values[:, None], 3, axis=1), is_gray=True)
    return clip, 1000 * np.diff(pulse.beats_s).std(ddof=1)


def test_the_variability_of_a_clear_wave_is_given():
    clip, sdnn = finger(1e-4)
    found = estimate_from_clip(clip, MEASURES, None).variability
    assert found.sdnn_ms == pytest.approx(sdnn, abs=10)
    assert found.mean_bpm == pytest.approx(66, abs=1)


def test_the_variability_of_noise_is_not_given_where_the_rate_is_right():
    clip, _ = finger(0.02)
    estimate = estimate_from_clip(clip, MEASURES, None)
    assert estimate.bpm == pytest.approx(66, abs=3)
    found = estimate.variability
    assert (found.sdnn_ms, found.rmssd_ms, found.mean_bpm, found.lf_ms2) == (None, None, None, None)
    assert any("ms of SDNN are noise of the times of the beats" in note for note in estimate.notes)


def test_beats_of_another_rate_than_the_spectrum_have_no_mean_rate():
    # Ten seconds are too short for SDNN; their mean rate is checked too.
    clip, _ = finger(0.05, seconds=12, seed=3)
    estimate = estimate_from_clip(clip, replace(MEASURES, rates_bpm=(40.0, 60.0)), None)
    found = estimate.variability.mean_bpm
    assert found is None or abs(found - estimate.bpm) <= 3


def test_breathing_is_given_with_its_probability_only():
    clip, _ = finger(1e-4)
    assert estimate_from_clip(clip, MEASURES, None).respiration_bpm == pytest.approx(15, abs=2)
    times = np.arange(900) / 30
    tone = clip_of(np.repeat(150 * (1 - 0.01 * np.sin(2 * np.pi * 1.2 * times))[:, None], 3, axis=1), is_gray=True)
    assert estimate_from_clip(tone, MEASURES, None).respiration_bpm is None
    noise = clip_of(100 + np.random.default_rng(0).standard_normal((900, 3)))
    estimate = estimate_from_clip(noise, MEASURES, None)
    assert estimate.respiration_bpm is None
    assert any("no respiration rate" in note for note in estimate.notes)


def test_beats_come_from_the_wave_that_the_other_methods_share():
    traces, _ = make_traces(66, 30, flicker=0.0)
    rng = np.random.default_rng(1)
    # Green is drowned in a change that all channels share, so that colours alone have the beats.
    traces *= 1 + 0.01 * np.cumsum(rng.standard_normal(len(traces)))[:, None] / 10
    found = estimate_from_clip(clip_of(traces), replace(MEASURES, method="green"), None)
    assert found.variability.rejected_share < 0.1


def test_nothing_is_given_where_the_heart_rate_is_not_reliable():
    clip, _ = finger(1e-4)
    band = heart_rate_band(clip.fps)
    reading = read_beats(clip, pulse_waves(clip, MEASURES, None, band), 66.0, band)
    notes: list[str] = []
    measured, breaths = probable_measures(reading, MEASURES, notes, is_rate_reliable=True)
    assert None not in (measured.mean_bpm, measured.sdnn_ms, breaths)
    measured, breaths = probable_measures(reading, MEASURES, notes, is_rate_reliable=False)
    assert (measured.mean_bpm, measured.sdnn_ms, breaths) == (None, None, None)
    assert measured.beats == reading.variability.beats > 50
    assert sum("the heart rate is not reliable" in note for note in notes) == 2
