"""Ranking measures are what they are defined as, and agree with scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score

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


def test_auroc_is_the_share_of_pairs_in_order_and_half_of_the_ties(data):
    labels, scores = data
    gaps = scores[labels == 1][:, None] - scores[labels == 0]
    assert auroc(*data) == pytest.approx(((gaps > 0) + (gaps == 0) / 2).mean())


def test_average_precision_is_that_of_each_positive_at_its_rank():
    assert average_precision(np.array([1, 0, 1, 0]), np.array([4.0, 3, 2, 1])) == pytest.approx((1 + 2 / 3) / 2)
    # Two at one threshold are found at once.
    assert average_precision(np.array([1, 0, 1, 0]), np.array([4.0, 2, 2, 1])) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0, 1]), np.array([2.0, 1])) == pytest.approx(1 / 2)


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
