"""Learning rates of a training, step by step."""

from __future__ import annotations

import pytest

from vision_cli.core.compute.training.schedule import Schedule


def test_a_rate_without_decay_is_constant():
    assert {Schedule(steps=5, learning_rate=0.1).rate(step) for step in range(5)} == {0.1}


def test_a_rate_decays_as_a_cosine_and_restarts():
    schedule = Schedule(steps=100, learning_rate=1.0, decay=True, restarts=(0.5,))
    assert schedule.rate(0) == schedule.rate(50) == 1
    assert schedule.rate(25) == schedule.rate(75) == pytest.approx(0.5)
    assert schedule.rate(49) < 0.01


def test_a_rate_rises_while_it_warms_up():
    schedule = Schedule(steps=10, learning_rate=1.0, warm_up=4)
    assert [schedule.rate(step) for step in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
