"""Training-free methods estimate the pulse of a clip, and tell which of them to trust."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rppg_adapt.conftest import pulsing_clip
from vision_cli.rppg_adapt.adaptation.agreement import TrainingFreeEstimates
from vision_cli.rppg_adapt.signals.classical import METHODS
from vision_cli.rppg_adapt.signals.quality import default_index, quality_features


def test_methods_agree_on_the_rate_of_a_pulsing_clip():
    estimates = TrainingFreeEstimates.of(pulsing_clip(72), 30.0)
    assert set(estimates.rates) == set(METHODS)
    assert estimates.rates["green"].bpm == pytest.approx(72, abs=1)
    agreeing = [abs(rate.bpm - 72) < 5 for rate in estimates.rates.values()]
    assert estimates.agreement(72, 5) == np.mean(agreeing)
    assert estimates.agreement(160, 5) <= 1 - np.mean(agreeing)


def test_the_most_reliable_method_has_the_highest_quality():
    estimates = TrainingFreeEstimates.of(pulsing_clip(72), 30.0)
    method, rate, quality = estimates.most_reliable()
    assert rate == estimates.rates[method]
    index = default_index()["colour_trace"]
    assert quality == max(index.probability(one, quality_features(one, estimates.rates)) for one in estimates.waves)


def test_a_derivative_is_that_of_the_wave_at_unit_variance():
    estimates = TrainingFreeEstimates.of(pulsing_clip(72), 30.0)
    wave = estimates.waves["green"] / estimates.waves["green"].std()
    np.testing.assert_allclose(estimates.derivative("green")[:-1], np.diff(wave), atol=1e-9)
