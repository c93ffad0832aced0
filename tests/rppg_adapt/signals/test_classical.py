"""The seven classical methods find a known pulse, and do what their papers' loops do."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rppg_adapt.conftest import FPS, make_traces
from vision_cli.rppg_adapt.signals.classical import METHODS, NEEDS_COLOUR, pos, pulse_wave
from vision_cli.rppg_adapt.signals.spectra import heart_rate


@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_rate(method):
    # A lamp's peak is clearer than the blood's, and ICA takes the clearest.
    traces, wave = make_traces(72, flicker=0.0 if method == "ica" else 0.002)
    found = heart_rate(pulse_wave(traces, FPS, method), FPS)
    assert found.bpm == pytest.approx(heart_rate(wave, FPS).bpm, abs=1)


@pytest.mark.parametrize("method", METHODS)
def test_waves_are_greatest_where_there_is_most_blood(method):
    traces, wave = make_traces(72, flicker=0.0)
    assert np.corrcoef(pulse_wave(traces, FPS, method), wave)[0, 1] > 0.7


@pytest.mark.parametrize("method", ["chrom", "pos"])
def test_methods_of_colour_do_not_see_a_flickering_lamp(method):
    traces, wave = make_traces(72, flicker=0.03)
    true = heart_rate(wave, FPS).bpm
    assert heart_rate(pulse_wave(traces, FPS, method), FPS).bpm == pytest.approx(true, abs=1)
    assert abs(heart_rate(pulse_wave(traces, FPS, "green"), FPS).bpm - true) > 20


def pos_by_its_loop(traces, fps):
    length, count = round(1.6 * fps), len(traces)
    wave = np.zeros(count)
    for start in range(count - length + 1):
        c = (traces[start : start + length] / traces[start : start + length].mean(axis=0)).T
        s = np.array([[0, 1, -1], [-2, 1, 1]]) @ c
        h = s[0] + s[0].std() / s[1].std() * s[1]
        wave[start : start + length] += h - h.mean()
    return -wave


def test_pos_is_that_of_the_papers_loop():
    traces, _ = make_traces(90, 6)
    np.testing.assert_allclose(pos(traces, FPS), pos_by_its_loop(traces, FPS), atol=1e-9)


def test_pos_stays_that_of_the_loop_over_a_long_and_uneven_video():
    traces, _ = make_traces(90, 120)
    traces = traces * (1 + 0.4 * np.sin(np.arange(len(traces)) / 400))[:, None]
    np.testing.assert_allclose(pos(traces, FPS), pos_by_its_loop(traces, FPS), atol=1e-8)


def test_pos_is_that_of_the_rest_where_a_channel_goes_black():
    traces, _ = make_traces(90, 12)
    black = traces.copy()
    black[:120, 2] = 0
    wave, usual = pos(black, FPS), pos(traces, FPS)
    assert np.isfinite(wave).all()
    np.testing.assert_allclose(wave[170:], usual[170:], atol=1e-9)
    # Long after its beginning a sum of nothing is not nought.
    traces, _ = make_traces(90, 240)
    black = traces.copy()
    black[4000:5000, 2] = 0
    wave, usual = pos(black, FPS), pos(traces, FPS)
    np.testing.assert_allclose(wave[5050:], usual[5050:], atol=1e-8)


@pytest.mark.parametrize("method", METHODS)
def test_traces_without_a_pulse_give_finite_waves(method):
    assert np.isfinite(pulse_wave(np.full((200, 3), 90.0), FPS, method)).all()


def test_green_needs_no_colours():
    assert set(METHODS) - NEEDS_COLOUR == {"green"}
