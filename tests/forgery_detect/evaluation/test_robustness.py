"""Scores of degraded pictures."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from vision_cli.forgery_detect.evaluation.robustness import LEVELS, degrade, degraded, robustness_points, variants
from vision_cli.forgery_detect.options.evaluating import DEGRADATIONS

LABELS = np.array([0, 1] * 6)
PICTURES = [
    np.clip(np.random.default_rng(n).normal(100 + 60 * label, 20, (40, 40, 3)), 0, 255).astype(np.uint8)
    for n, label in enumerate(LABELS)
]


def brightness(picture):
    return picture.mean() / 260


def roughness(picture):
    return min(np.abs(np.diff(picture.astype(float), axis=0)).mean() / 30, 1)


def points_of(score, degradations=DEGRADATIONS, band=(0.5, 0.5), labels=LABELS):
    scores = {variant: np.zeros(len(labels)) for variant in variants(degradations)}
    for row in range(len(labels)):
        for variant, picture in degraded(PICTURES[row], degradations, np.random.default_rng(row)):
            scores[variant][row] = score(picture)
    plain = np.array([score(picture) for picture in PICTURES[: len(labels)]])
    return robustness_points(labels, plain, scores, band=band)


def test_a_score_that_degradations_do_not_touch_keeps_its_auc_and_verdicts():
    points = points_of(brightness)
    assert len(points) == 1 + sum(map(len, LEVELS.values()))
    assert all((point.auc, point.auc_change, point.flipped) == (1, 0, 0) for point in points)


def test_blur_flips_what_looks_at_noise():
    points = {(p.degradation, p.level): p for p in points_of(roughness, ["blur"])}
    assert points["blur", 2.0].flipped == 1
    assert list(points) == [("none", 0.0), ("blur", 0.5), ("blur", 1.0), ("blur", 2.0)]
    banded = points_of(roughness, ["blur"], band=(0.001, 0.5))
    assert (banded[-1].flipped, banded[-1].undecided) == (0, 1)


def test_noise_does_not_depend_on_what_else_is_tried():
    assert points_of(roughness, ["noise"])[1:] == points_of(roughness)[-3:]


def test_pictures_without_a_degraded_copy_are_counted_out_of_both_aucs():
    rng = np.random.default_rng(1)
    labels, plain, found = rng.integers(0, 2, 60), rng.random(60), rng.random(60)
    found[::3] = math.nan
    known = np.isfinite(found)
    point = robustness_points(labels, plain, {variants(["resize"])[2]: found})[1]
    now, before = (roc_auc_score(labels[known], scores[known]) for scores in (found, plain))
    assert (point.pictures, point.level) == (40, 0.25)
    assert (point.auc, point.auc_change) == (pytest.approx(now), pytest.approx(now - before))
    flips = ((found >= 0.5) != (plain >= 0.5))[known]
    assert (point.flipped, point.undecided) == (pytest.approx(flips.mean()), 0)


def test_one_class_has_no_auc_and_no_verdict_no_flips():
    point = points_of(brightness, ["jpeg"], labels=LABELS[:1])[1]
    assert math.isnan(point.auc)
    assert math.isnan(points_of(brightness, ["jpeg"], band=(0.0, 1.0))[1].flipped)


@pytest.mark.parametrize("kind", DEGRADATIONS)
def test_pictures_stay_pictures(kind):
    for level in LEVELS[kind]:
        found = degrade(PICTURES[0], kind, level, np.random.default_rng(0))
        side = round(40 * level) if kind == "resize" else 40
        assert (found.shape, found.dtype) == ((side, side, 3), np.uint8)
        assert kind == "resize" or np.abs(found.astype(int) - PICTURES[0]).mean() > 0
