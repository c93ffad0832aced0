"""Scores of degraded pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.evaluation.robustness import DEGRADATIONS, LEVELS, degrade, robustness

LABELS = np.array([0, 1] * 6)
PICTURES = [
    np.clip(np.random.default_rng(n).normal(100 + 60 * label, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
    for n, label in enumerate(LABELS)
]


def brightness(pictures):
    return np.array([picture.mean() / 260 for picture in pictures])


def roughness(pictures):
    return np.array([min(np.abs(np.diff(picture.astype(float), axis=0)).mean() / 30, 1) for picture in pictures])


def test_a_score_that_degradations_do_not_touch_keeps_its_auc_and_verdicts():
    points = robustness(PICTURES, LABELS, brightness)
    assert len(points) == 1 + sum(map(len, LEVELS.values()))
    assert all((point.auc, point.auc_change, point.flipped) == (1, 0, 0) for point in points)


def test_blur_flips_what_looks_at_noise():
    points = {(p.degradation, p.level): p for p in robustness(PICTURES, LABELS, roughness, degradations=["blur"])}
    assert points["blur", 2.0].flipped == 1
    assert list(points) == [("none", 0.0), ("blur", 0.5), ("blur", 1.0), ("blur", 2.0)]
    banded = robustness(PICTURES, LABELS, roughness, degradations=["blur"], band=(0.001, 0.5))
    assert (banded[-1].flipped, banded[-1].undecided) == (0, 1)


def test_noise_does_not_depend_on_what_else_is_tried():
    alone = robustness(PICTURES, LABELS, roughness, degradations=["noise"], seed=3)
    among = robustness(PICTURES, LABELS, roughness, seed=3)
    assert alone[1:] == among[-3:]


def test_one_class_has_no_auc_and_an_unknown_word_is_said():
    assert math.isnan(robustness(PICTURES[:1], LABELS[:1], brightness, degradations=["jpeg"])[1].auc)
    with pytest.raises(UsageError, match="degradation 'crop'; jpeg, resize, blur, noise expected"):
        robustness(PICTURES, LABELS, brightness, degradations=["crop"])


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_pictures_stay_pictures(kind):
    for level in LEVELS[kind]:
        found = degrade(PICTURES[0], kind, level, np.random.default_rng(0))
        side = round(40 * level) if kind == "resize" else 40
        assert (found.shape, found.dtype) == ((side, side, 3), np.uint8)
        assert kind == "resize" or np.abs(found.astype(int) - PICTURES[0]).mean() > 0
