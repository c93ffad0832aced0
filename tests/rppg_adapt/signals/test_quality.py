"""The quality is a calibrated probability, and rates of windows are joined without jumps."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.rppg_adapt.signals.quality import (
    calibration_error,
    default_index,
    fit_index,
    quality_features,
    robust_mean,
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


def test_clear_waves_that_agree_have_a_higher_quality_than_noise():
    t = np.arange(300) / 30
    rng = np.random.default_rng(4)
    clear = {
        name: heart_rate(np.sin(2 * np.pi * 1.2 * t) + 0.1 * rng.standard_normal(300), 30)
        for name in ("pos", "chrom", "net")
    }
    noise = {name: heart_rate(rng.standard_normal(300), 30) for name in ("pos", "chrom", "net")}
    index = default_index()
    for method in clear:
        assert index.probability(method, quality_features(method, clear)) > 0.9
        assert index.probability(method, quality_features(method, noise)) < 0.6


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
