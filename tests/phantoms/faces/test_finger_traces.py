"""Traces of fingers have the pulse that they say."""

from __future__ import annotations

import numpy as np

from vision_cli.phantoms.faces.finger_traces import make_finger_trace
from vision_cli.phantoms.faces.pulse import Variability


def test_the_same_state_gives_the_same_trace():
    one, two = (make_finger_trace(np.random.default_rng(7), 10) for _ in range(2))
    np.testing.assert_array_equal(one.values, two.values)
    np.testing.assert_array_equal(one.times, two.times)


def test_some_traces_are_clear_and_some_are_hidden():
    correlations = []
    for seed in range(40):
        trace = make_finger_trace(np.random.default_rng(seed), 10)
        assert (np.diff(trace.times) >= 0).all()
        smooth = trace.values - np.convolve(trace.values, np.ones(31) / 31, "same")
        correlations.append(-np.corrcoef(smooth[40:-40], trace.pulse.at(trace.times)[40:-40])[0, 1])
    assert max(correlations) > 0.9
    assert min(correlations) < 0.2


def test_a_trace_without_a_finger_has_no_pulse():
    assert make_finger_trace(np.random.default_rng(0), 10, is_alive=False).pulse is None


def test_a_given_variability_is_used():
    steady = Variability(breathing=0, slow=0, drift=0, depth=0)
    pulse = make_finger_trace(np.random.default_rng(0), 10, variability=steady).pulse
    assert np.diff(pulse.beats_s).std() < 1e-6
