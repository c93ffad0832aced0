from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.enhance_eval.evaluation.comparisons import Cell, compare_resampled
from vision_cli.enhance_eval.evaluation.resampling import bootstrap_p, resampled_precision
from vision_cli.enhance_eval.values import Boxes, Detections
from vision_cli.metrics.detection.matching import match
from vision_cli.metrics.resampling import image_resamples, interval, resampled_mean


def test_resamples_draw_as_many_images_and_are_those_of_the_seed():
    counts = image_resamples(30, 200, 7)
    assert counts.shape == (200, 30)
    assert (counts.sum(axis=1) == 30).all()
    np.testing.assert_array_equal(counts, image_resamples(30, 200, 7))
    assert (counts != image_resamples(30, 200, 8)).any()


def test_a_mean_of_resamples_is_that_of_the_images_drawn():
    values = np.random.default_rng(0).random(12)
    counts = image_resamples(12, 50, 1)
    found = resampled_mean(values, counts)
    assert found.value == pytest.approx(values.mean())
    np.testing.assert_allclose(found.samples, [np.repeat(values, row).mean() for row in counts])


def test_images_without_a_value_take_no_part():
    values = np.array([1.0, np.nan, 3.0])
    found = resampled_mean(values, np.array([[1, 1, 1], [0, 2, 1], [0, 3, 0]]))
    assert (found.value, found.images) == (2.0, 2)
    np.testing.assert_array_equal(found.samples, [2, 3, np.nan])
    assert math.isnan(resampled_mean(np.full(3, np.nan), np.ones((2, 3), np.int64)).value)


def test_the_interval_of_a_mean_is_about_that_of_the_normal_distribution():
    values = np.random.default_rng(0).normal(5, 2, 400)
    low, high = resampled_mean(values, image_resamples(400, 4000, 0)).interval()
    assert low == pytest.approx(values.mean() - 1.96 * 2 / 20, abs=0.02)
    assert high == pytest.approx(values.mean() + 1.96 * 2 / 20, abs=0.02)
    assert all(map(math.isnan, interval(np.array([1.0, np.nan, np.nan]))))


def test_p_of_a_mean_is_about_that_of_a_paired_t_test():
    from scipy import stats

    values = np.random.default_rng(3).normal(0.2, 1, 60)
    found = resampled_mean(values, image_resamples(60, 5000, 0))
    assert bootstrap_p(found.value, found.samples, 60) == pytest.approx(stats.ttest_1samp(values, 0).pvalue, rel=0.15)


def test_p_where_nothing_differs_and_where_nothing_is_known():
    assert bootstrap_p(0.0, np.zeros(99), 20) == 1
    assert bootstrap_p(0.1, np.full(99, 0.1), 20) == pytest.approx(0.01)
    assert math.isnan(bootstrap_p(math.nan, np.zeros(99), 20))
    assert math.isnan(bootstrap_p(0.1, np.full(99, np.nan), 20))


def noisy(rng, truth):
    """Find seven of ten objects, and some that are not there."""
    kept = rng.random(len(truth.labels)) < 0.7
    corners = truth.corners[kept] + rng.normal(0, 2, (int(kept.sum()), 4))
    false = rng.uniform(0, 80, (int(rng.integers(0, 3)), 2))
    boxes = np.concatenate([corners, np.concatenate([false, false + 20], axis=1)]).astype(np.float32)
    scores = rng.random(len(boxes)).astype(np.float32)
    labels = np.concatenate([truth.labels[kept], rng.integers(0, 3, len(false))])
    return Detections(boxes, scores, labels)


def scene(rng, images):
    truths = []
    for _ in range(images):
        start = rng.uniform(0, 80, (int(rng.integers(1, 5)), 2))
        corners = np.concatenate([start, start + 20], axis=1).astype(np.float32)
        truths.append(Boxes(corners, rng.integers(0, 3, len(start)), np.zeros(len(start), bool)))
    return truths


def null_p(seed, counts):
    rng = np.random.default_rng(seed)
    truths = scene(rng, counts.shape[1])
    pair = [
        resampled_precision(match(truths, [noisy(rng, one) for one in truths], 3, thresholds=[0.5]), counts)
        for _ in range(2)
    ]
    return compare_resampled(Cell("dark", "twin", "ap50"), *pair).p


def test_one_method_under_two_names_does_not_differ():
    rng = np.random.default_rng(0)
    truths = scene(rng, 25)
    found = [noisy(rng, one) for one in truths]
    counts = image_resamples(25, 100, 0)
    first, second = (resampled_precision(match(truths, found, 3), counts) for _ in range(2))
    result = compare_resampled(Cell("dark", "twin", "ap"), first, second)
    assert (result.delta, result.low, result.high, result.p) == (0, 0, 0, 1)
    assert result.verdict() == "same"
    assert first.value > 0


@pytest.mark.slow
def test_200_null_differences_are_rejected_in_at_most_7_percent():
    counts = image_resamples(40, 400, 0)
    p = np.array([null_p(seed, counts) for seed in range(200)])
    assert (p <= 0.05).mean() <= 0.07
    # And p is spread evenly, not merely large.
    assert 0.4 < (p <= 0.5).mean() < 0.6
