"""Ranking measures agree with scikit-learn, and with what is known without it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from vision_cli.metrics.ranking import (
    auroc,
    average_precision,
    best_f1,
    region_overlap_area,
)


@pytest.fixture(params=["smooth", "tied"])
def data(request):
    generator = np.random.default_rng(0)
    labels = generator.random(800) < 0.2
    scores = generator.normal(size=800) + labels
    return labels.astype(np.uint8), scores.round(0 if request.param == "tied" else 9)


def test_auroc_agrees_with_scikit_learn(data):
    assert auroc(*data) == pytest.approx(roc_auc_score(*data))


def test_average_precision_agrees_with_scikit_learn(data):
    assert average_precision(*data) == pytest.approx(average_precision_score(*data))


def test_the_best_f1_is_reached_at_its_threshold_and_nowhere_higher(data):
    labels, scores = data
    best, threshold = best_f1(labels, scores)
    assert best == pytest.approx(f1_score(labels, scores >= threshold))
    assert best == pytest.approx(max(f1_score(labels, scores >= level) for level in np.unique(scores)))


def test_one_class_alone_has_no_measure():
    labels, scores = np.ones(5, np.uint8), np.arange(5.0)
    assert math.isnan(auroc(labels, scores))
    assert math.isnan(average_precision(labels, scores))
    assert math.isnan(best_f1(labels, scores)[0])


def test_perfect_scores_overlap_all_regions_and_reversed_ones_none():
    labels = np.array([0] * 90 + [1] * 10, np.uint8)
    regions = np.array([0] * 90 + [1] * 9 + [2])
    assert region_overlap_area(labels, labels.astype(float), regions) == pytest.approx(1)
    assert region_overlap_area(labels, -labels.astype(float), regions) == pytest.approx(0)


def test_a_small_region_counts_as_much_as_a_large_one():
    labels = np.array([0] * 100 + [1] * 99 + [1], np.uint8)
    regions = np.array([0] * 100 + [1] * 99 + [2])
    scores = np.array([0.5] * 100 + [1.0] * 99 + [0.0])
    assert region_overlap_area(labels, scores, regions) == pytest.approx(0.5)
