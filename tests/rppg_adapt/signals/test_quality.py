"""The quality is a calibrated probability, and rates of windows are joined without jumps."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.rppg_adapt.signals.quality import (
    Evidence,
    calibration_error,
    default_index,
    fit_index,
    quality_features,
    robust_mean,
    situation_of,
    viterbi_path,
)
from vision_cli.rppg_adapt.signals.spectra import heart_rate


def test_the_index_is_a_calibrated_probability():
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(4000), rng.normal(size=(4000, 2))])
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.3 + x[:, 1] - 2 * x[:, 2])))
    weights = fit_index(x, right)
    np.testing.assert_allclose(weights, [0.3, 1, -2], atol=0.2)
    assert calibration_error(1 / (1 + np.exp(-x @ weights)), right) < 0.03
    assert calibration_error(np.full(4000, 0.95), right) > 0.2


METHODS = ("pos", "chrom", "green", "ica", "pbv", "lgi", "omit", "net")
SURE = Evidence(1.0, 0.95, 0.0, 0.0)


def rates_of(waves):
    return {name: heart_rate(wave, 30) for name, wave in waves.items()}


def tone(bpm, rng, noise=0.1):
    return np.sin(2 * np.pi * bpm / 60 * np.arange(300) / 30) + noise * rng.standard_normal(300)


def test_clear_waves_that_agree_have_a_higher_quality_than_noise():
    rng = np.random.default_rng(4)
    clear = rates_of({name: tone(72, rng) for name in METHODS})
    noise = rates_of({name: rng.standard_normal(300) for name in METHODS})
    index = default_index()["network"]
    for method in METHODS:
        assert index.probability(method, quality_features(method, clear, SURE)) > 0.9
        assert index.probability(method, quality_features(method, noise, Evidence(0.0, 0.0))) < 0.4


@pytest.mark.parametrize(
    "evidence", [Evidence(0.0, 0.0), Evidence(1.0, 0.95, motion=1.0), Evidence(1.0, 0.95, background=1.0)]
)
def test_witnesses_against_a_rate_lower_its_quality(evidence):
    rng = np.random.default_rng(4)
    rates = rates_of({name: tone(72, rng, 1.5) for name in METHODS})
    index = default_index()["network"]
    found, sure = (index.probability("pos", quality_features("pos", rates, one)) for one in (evidence, SURE))
    assert found < 0.9 * sure


def test_one_network_against_unanimous_methods_is_not_chosen():
    rng = np.random.default_rng(5)
    waves = {name: tone(72, rng, 0.6) for name in METHODS}
    waves["net"] = tone(120, rng, 0.6)
    rates, index = rates_of(waves), default_index()["network"]
    others = min(index.probability(one, quality_features(one, rates, SURE)) for one in METHODS if one != "net")
    assert index.probability("net", quality_features("net", rates, Evidence(0.0, 0.0))) < others


def test_a_tone_in_one_channel_is_reliable():
    rates = rates_of({"green": tone(72, np.random.default_rng(0), 0.01)})
    assert default_index()["gray_trace"].probability("green", quality_features("green", rates)) > 0.9


def test_a_long_record_is_surer_than_its_windows():
    index = default_index()["gray_trace"]
    assert index.probability_of_record(0.8, 4) > index.probability_of_record(0.8, 1) > 0.8
    assert index.probability_of_record(0.1, 4) < index.probability_of_record(0.1, 1)
    assert index.probability_of_record(0.0, 4) == 0


@pytest.mark.parametrize(
    ("network", "gray", "pictures", "situation"),
    [
        (True, False, True, "network"),
        (False, False, True, "colour"),
        (False, True, True, "gray"),
        (False, False, False, "colour_trace"),
        (False, True, False, "gray_trace"),
    ],
)
def test_the_situation_follows_from_what_there_is(network, gray, pictures, situation):
    assert situation_of(network=network, gray=gray, pictures=pictures) == situation


def test_the_path_through_the_windows_does_not_jump():
    # The first method is a little surer in the middle, where it is wrong.
    bpm = np.array([[72.0, 71], [73, 72], [140, 73], [73, 73], [74, 74]])
    quality = np.array([[0.9, 0.5], [0.9, 0.5], [0.6, 0.5], [0.9, 0.5], [0.9, 0.5]])
    assert viterbi_path(bpm, quality).tolist() == [0, 0, 1, 0, 0]
    alone = viterbi_path(np.array([[np.nan, 80.0], [np.nan, np.nan]]), np.zeros((2, 2)))
    assert alone[0] == 1


def test_one_wrong_window_hardly_changes_the_mean():
    right = np.linspace(70, 74, 10)
    assert robust_mean(np.append(right, 180.0), np.ones(11)) == pytest.approx(72, abs=1)
    assert robust_mean(right, np.ones(10)) == pytest.approx(72, abs=1e-9)
    # A wrong one that nobody believes does not move it at all.
    assert robust_mean(np.append(right, 180.0), np.append(np.ones(10), 0.0)) == pytest.approx(72, abs=0.3)
