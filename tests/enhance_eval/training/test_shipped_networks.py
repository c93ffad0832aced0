"""The shipped weights: small, and as good on scenes that they never saw as their cards say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.compute.weights import resolve_weights
from vision_cli.enhance_eval.data.night_scenes import NightWorld, night_crops, night_scenes
from vision_cli.enhance_eval.pipeline.darkness.physical import expose
from vision_cli.enhance_eval.pipeline.tasks.builtin import (
    CLASSIFIER,
    CURVE,
    DETECTOR,
    load_classifier,
    load_curve,
    load_detector,
)
from vision_cli.enhance_eval.training.classification import classification_score
from vision_cli.enhance_eval.training.detection import detection_score
from vision_cli.enhance_eval.values import Dataset, Sample

CPU = torch.device("cpu")
# The cards measure on seed 0.
SEED = 1


@pytest.fixture(scope="module")
def scenes():
    return night_scenes(120, SEED)


def test_the_shipped_weights_are_small_and_their_cards_name_the_command():
    cards = [resolve_weights("default", "enhance-eval", name).card for name in (DETECTOR, CLASSIFIER, CURVE)]
    assert sum(card.path.stat().st_size for card in cards) < 2e6
    assert [card.training_command for card in cards] == [
        f"vcli enhance-eval train {name}" for name in ("detector", "classifier", "curve")
    ]


def test_the_detector_finds_clear_objects(scenes):
    assert detection_score(load_detector().network, scenes, CPU) >= 0.8


def test_the_classifier_names_clear_objects():
    assert classification_score(load_classifier().network, night_crops(120, SEED), CPU) >= 0.92


class Darkened:
    def __init__(self, source, ev):
        self.source, self.ev = source, ev

    def read(self):
        return expose(self.source.read_linear(), self.ev, np.random.default_rng(0), full_well=4000, read_noise=4)


def test_the_darker_the_less_is_found(scenes):
    scores = []
    for ev in (0, -2, -4, -6):
        dark = [Sample(one.name, Darkened(one.source, ev), boxes=one.boxes) for one in scenes.samples]
        scores.append(detection_score(load_detector().network, Dataset(scenes.layout, dark, scenes.classes), CPU))
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.5 * scores[0]


def test_the_curve_network_brightens_dark_pictures_more_than_bright_ones():
    curve = load_curve()
    for number in range(5):
        light = NightWorld(SEED).scene(number).radiance
        dark = expose(light, -4, np.random.default_rng(0), full_well=4000, read_noise=4)
        assert curve.enhance(dark).mean() > 2 * dark.mean()
    bright = np.full((40, 60, 3), 0.6, dtype=np.float32)
    assert curve.enhance(bright).mean() < 1.4 * 0.6
