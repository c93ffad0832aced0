"""The solids are distances as sphere tracing needs them, and fit into their ball."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.phantoms.scenes.solids import CLASSES, RADIUS, SOLIDS

seeds = st.integers(0, 2**32 - 1)


def test_there_are_ten():
    assert len(CLASSES) == len(set(CLASSES)) == 10


@pytest.mark.parametrize("name", CLASSES)
@given(seed=seeds)
def test_no_distance_changes_faster_than_the_place(name, seed):
    rng = np.random.default_rng(seed)
    first = rng.uniform(-1.5, 1.5, (3, 200))
    second = first + rng.normal(0, 0.2, (3, 200))
    change = np.abs(SOLIDS[name](*first) - SOLIDS[name](*second))
    assert (change <= np.linalg.norm(first - second, axis=0) * (1 + 1e-6)).all()


@pytest.mark.parametrize("name", CLASSES)
@given(seed=seeds)
def test_nothing_is_outside_the_ball_and_something_is_inside(name, seed):
    rng = np.random.default_rng(seed)
    directions = rng.normal(size=(3, 500))
    directions /= np.linalg.norm(directions, axis=0)
    assert (SOLIDS[name](*(directions * RADIUS)) > 0).all()
    volume = (SOLIDS[name](*rng.uniform(-RADIUS, RADIUS, (3, 5000))) < 0).mean()
    assert 0.01 < volume < 0.4
