"""Average precision is that of pycocotools, of all images and of every resample."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.metrics.detection.average_precision import (
    average_precision,
    counts_of,
    detection_measures,
    mean_precision,
    mean_precisions,
)
from vision_cli.metrics.detection.matching import match, match_voc


def figures(measures):
    return [measures.ap, measures.ap50, measures.ap75, measures.ap_small, measures.ap_medium, measures.ap_large]


def assert_as_cocoeval(truths, found, classes, cocoeval):
    table, stats = cocoeval(truths, found, classes)
    ours = detection_measures(truths, found, classes)
    expected = np.where(stats[:6] < 0, np.nan, stats[:6])
    np.testing.assert_allclose(figures(ours), expected, atol=1e-6)
    whole = table[:, :, :, 0, 2]
    per_class = [np.nan if (rows < 0).all() else rows.mean() for rows in np.moveaxis(whole, 2, 0)]
    np.testing.assert_allclose(ours.per_class, per_class, atol=1e-6)


@settings(max_examples=25)
@given(seed=st.integers(0, 10**6), images=st.integers(1, 12), classes=st.integers(1, 4))
def test_random_boxes_score_as_with_pycocotools(scene, cocoeval, seed, images, classes):
    assert_as_cocoeval(*scene(seed, images, classes, distinct=False), classes, cocoeval)


def test_more_than_100_detections_of_a_class_score_as_with_pycocotools(scene, cocoeval):
    assert_as_cocoeval(*scene(3, 3, 1, false=400), 1, cocoeval)


@pytest.mark.slow
def test_600_images_of_12_classes_score_as_with_pycocotools(scene, cocoeval):
    assert_as_cocoeval(*scene(1, 600, 12), 12, cocoeval)


@pytest.mark.parametrize("seed", range(5))
def test_a_resample_scores_as_evaluated_afresh(scene, cocoeval, seed):
    truths, found = scene(seed, 40, 3)
    drawn = np.sort(np.random.default_rng(seed).integers(0, 40, 40))
    counts = counts_of(drawn, 40)
    fresh = [truths[place] for place in drawn], [found[place] for place in drawn]
    table, _ = cocoeval(*fresh, 3)
    precision = table[:, :, :, 0, 2].mean(axis=1).T
    ours = average_precision(match(truths, found, 3), counts)
    np.testing.assert_allclose(ours, precision, rtol=0, atol=1e-9)
    np.testing.assert_allclose(ours, average_precision(match(*fresh, 3)), rtol=0, atol=1e-9)
    by_voc = average_precision(match_voc(truths, found, 3), counts, interpolation="area")
    np.testing.assert_allclose(by_voc, average_precision(match_voc(*fresh, 3), interpolation="area"), rtol=0, atol=1e-9)


def test_many_resamples_are_each_as_alone(scene):
    truths, found = scene(5, 30, 4)
    matches = match(truths, found, 4)
    counts = counts_of(np.random.default_rng(0).integers(0, 30, (50, 30)), 30)
    assert (counts.sum(axis=1) == 30).all()
    together = average_precision(matches, counts)
    assert together.shape == (50, 4, 10)
    for row, alone in zip(together, counts, strict=True):
        np.testing.assert_array_equal(row, average_precision(matches, alone))
    means = mean_precisions(together)
    np.testing.assert_allclose(means, [mean_precision(row) for row in together])


def test_a_class_without_objects_is_no_number_and_left_out_of_the_mean(scene):
    truths, found = scene(2, 10, 3)
    more = detection_measures(truths, found, 4)
    assert np.isnan(more.per_class[3])
    assert more.objects[3] == 0
    assert more.ap == pytest.approx(detection_measures(truths, found, 3).ap)
    matches = match(truths, found, 3)
    assert np.isnan(average_precision(matches, np.zeros(10, np.int64))).all()
    assert np.isnan(mean_precisions(average_precision(matches, np.zeros((2, 10), np.int64)))).all()


def test_voc_on_a_case_worked_by_hand(with_truth):
    objects, boxes, _ = with_truth
    truth = objects(np.float32([[0, 0, 10, 10], [20, 0, 30, 10]]), np.array([0, 0]), np.zeros(2, bool))
    corners = np.float32([[0, 0, 10, 10], [50, 50, 60, 60], [20, 0, 30, 10]])
    found = boxes(corners, np.float32([0.9, 0.8, 0.7]), np.zeros(3, np.int64))
    table = average_precision(match_voc([truth], [found], 1), interpolation="area")
    # Recall 0.5 at precision 1, then 1 at precision 2/3.
    assert table.item() == pytest.approx(0.5 + 0.5 * 2 / 3)


@pytest.mark.parametrize("counts", [np.ones(3, np.int64), -np.ones(4, np.int64), np.ones(4)])
def test_counts_that_are_none_are_refused(scene, counts):
    truths, found = scene(0, 4, 2)
    with pytest.raises(ValueError, match="whole numbers, one an image, expected"):
        average_precision(match(truths, found, 2), counts)


@pytest.mark.slow
def test_a_thousand_resamples_take_a_hundredth_of_evaluating_them(scene):
    truths, found = scene(0, 2500, 12)
    start = time.process_time()
    matches = match(truths, found, 12)
    once = average_precision(matches)
    fresh = time.process_time() - start
    counts = counts_of(np.random.default_rng(0).integers(0, 2500, (1000, 2500)), 2500)
    start = time.process_time()
    table = average_precision(matches, counts)
    resampled = time.process_time() - start
    assert table.shape == (1000, 12, 10)
    assert np.abs(table.mean(axis=0) - once).max() < 0.01
    print(f"fresh {fresh:.2f} s, 1000 resamples {resampled:.2f} s, {1000 * fresh / resampled:.0f} times faster")
    assert resampled < 60
    assert 1000 * fresh > 100 * resampled
