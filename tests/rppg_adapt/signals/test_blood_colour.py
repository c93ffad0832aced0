"""Blood changes green most; lamps, cameras and motion do not, and a rhythm that is theirs is no pulse."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rppg_adapt.conftest import BLOOD
from vision_cli.rppg_adapt.signals.blood_colour import (
    COLOUR_FEATURES,
    blood_probability,
    colour_features,
    is_doubtful,
)

FPS, COUNT, BPM = 30.0, 300, 78.0
TIMES = np.arange(COUNT) / FPS
WAVE = np.sin(2 * np.pi * BPM / 60 * TIMES)
STILL = np.zeros((3, COUNT))
NO_SWAY = np.zeros((2, COUNT))


def changes(colour, *, walk=None):
    """Return a rhythm of a colour in noise, and in a random walk of the colour ``walk``."""
    rng = np.random.default_rng(1)
    total = 0.005 * np.outer(colour, WAVE) + 5e-4 * rng.standard_normal((3, COUNT))
    return total if walk is None else total + 1e-3 * np.outer(walk, np.cumsum(rng.standard_normal(COUNT)))


def features(total, of_motion=STILL, position=NO_SWAY, bpm=BPM):
    found = colour_features(total, of_motion, position, FPS, bpm)
    return dict(zip(COLOUR_FEATURES, found.tolist(), strict=True)), blood_probability(found)


def test_a_rhythm_of_the_colour_of_blood_is_a_pulse():
    found, probability = features(changes(BLOOD))
    assert found["along_blood"] > 0.95
    assert found["red_deviation"] < 0.1
    assert found["motion"] < 0.01
    assert probability > 0.9


@pytest.mark.parametrize("colour", [(1.0, 1.0, 1.0), (0.7, 0.8, 1.2)], ids=["light", "edges"])
def test_a_rhythm_of_the_light_or_of_edges_is_no_pulse(colour):
    # A lamp or a hand also moves at other frequencies.
    found, probability = features(changes(np.array(colour), walk=np.array(colour)))
    assert found["red_deviation"] > 0.4
    assert probability < 0.5


def test_a_pulse_in_a_light_that_walks_is_a_pulse():
    assert features(changes(BLOOD, walk=np.ones(3)))[1] > 0.5


def test_what_motion_explains_is_no_pulse():
    total = changes(np.array([0.8, 0.9, 1.0]))
    found, probability = features(total, total - changes(np.zeros(3)))
    assert found["motion"] == pytest.approx(0.5, abs=0.05)
    assert probability < 0.4


def test_a_window_of_few_frequencies_has_no_features():
    assert colour_features(STILL[:, :45], STILL[:, :45], NO_SWAY[:, :45], FPS, 120.0) is None


@pytest.mark.parametrize("harmonic", [1, 2])
def test_a_face_that_sways_at_a_rate_or_at_half_of_it_probably_has_another_rhythm(harmonic):
    sways = np.stack([np.sin(2 * np.pi * BPM / 60 / harmonic * TIMES), np.zeros(COUNT)])
    steady, swaying = (features(changes(BLOOD), position=amplitude * sways) for amplitude in (0.03, 0.8))
    assert steady[0]["sway"] == 0
    assert swaying[0]["sway"] > 2
    assert swaying[1] < steady[1] - 0.1


def test_a_rate_is_doubtful_by_the_odds_of_its_quality_and_of_blood():
    assert is_doubtful(0.8, 0.19)
    assert not is_doubtful(0.8, 0.21)
    # What is probably blood leaves no doubt, whatever the quality.
    assert not is_doubtful(0.3, 0.5)
    assert is_doubtful(0.0, 0.4)
