"""A face that is moved to and fro sways; one that moves at random, or hardly, does not."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.rppg_adapt.signals.sway import sway_amplitude

FPS, COUNT = 30.0, 300
TIMES = np.arange(COUNT) / FPS


def position(bpm, amplitude, *, walk=0.01, seed=0):
    """Return a face that sways to the right in the rhythm of a rate, and walks at random."""
    rng = np.random.default_rng(seed)
    path = walk * np.cumsum(rng.standard_normal((2, COUNT)), axis=1)
    path[0] += amplitude * np.sin(2 * np.pi * bpm / 60 * TIMES)
    return path


@pytest.mark.parametrize("bpm", [48.0, 72.0, 150.0])
@pytest.mark.parametrize("harmonic", [1, 2])
def test_the_sway_at_a_rate_and_at_half_of_it_is_found(bpm, harmonic):
    found = sway_amplitude(position(bpm, 0.8), FPS, bpm * harmonic)
    assert found == pytest.approx(0.8, abs=0.25)


def test_a_sway_of_another_rhythm_is_none_of_the_rate():
    assert sway_amplitude(position(60.0, 0.8), FPS, 84.0) < 0.05


@pytest.mark.parametrize("seed", range(5))
def test_a_head_that_moves_at_random_does_not_sway(seed):
    # It moves by a pixel and more, but at all frequencies.
    path = position(72.0, 0.0, walk=0.1, seed=seed)
    assert path.std() > 0.3
    assert sway_amplitude(path, FPS, 72.0) < 0.1


def test_a_window_too_short_for_half_of_a_rate_is_asked_for_the_rate_alone():
    assert sway_amplitude(position(60.0, 0.5)[:, :90], FPS, 60.0) > 0.2
    assert sway_amplitude(position(40.0, 0.5)[:, :90], FPS, 80.0) < 0.1
