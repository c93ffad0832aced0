"""Schedules of training."""

from __future__ import annotations

import pytest

from vision_cli.gaze_predict.networks.building import build_smallest
from vision_cli.gaze_predict.training.recipes import PRETRAINED_RATE, SCRATCH_RATE, make_schedule


def test_pretrained_encoders_learn_at_a_tenth_of_the_rate():
    schedule = make_schedule(400, 16, is_pretrained=True, warm_up=10)
    assert schedule.learning_rate == PRETRAINED_RATE == 1e-4
    names = [name for name, _ in build_smallest().named_parameters()]
    for prefix, factor in schedule.rate_factors.items():
        assert factor == 0.1
        assert any(name.startswith(prefix) for name in names)
    assert make_schedule(400, 16, is_pretrained=False).rate_factors == {}


def test_the_rate_rises_and_falls():
    schedule = make_schedule(400, 16, is_pretrained=False)
    rates = [schedule.rate(step) for step in range(400)]
    assert max(rates) == pytest.approx(SCRATCH_RATE, rel=0.01)
    assert rates.index(max(rates)) == schedule.warm_up - 1 == 9
    assert rates[0] < 0.2 * SCRATCH_RATE
    assert rates[-1] < 1e-4 * SCRATCH_RATE


@pytest.mark.parametrize("steps", [1, 7, 5000])
def test_any_number_of_steps_is_validated_and_saved(steps):
    schedule = make_schedule(steps, 4, is_pretrained=False)
    assert 1 <= schedule.save_every <= min(100, max(1, steps))
    assert 1 <= schedule.validate_every <= steps
    assert schedule.monitor == "nss"
