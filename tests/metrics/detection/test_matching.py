from __future__ import annotations

import numpy as np
import pytest

from vision_cli.metrics.detection.matching import SMALL, assign, box_iou, match, match_voc, object_scores

HERE, THERE = [0, 0, 10, 10], [100, 0, 110, 10]


@pytest.fixture
def make(with_truth):
    objects, boxes, _ = with_truth

    def truth(*corners, ignored=None, crowds=None, labels=None):
        count = len(corners)
        marks = np.zeros(count, bool) if ignored is None else np.array(ignored)
        numbers = np.zeros(count, np.int64) if labels is None else np.array(labels)
        groups = None if crowds is None else np.array(crowds)
        return objects(np.float32(corners).reshape(-1, 4), numbers, marks, groups)

    def found(*rows, labels=None):
        numbers = np.zeros(len(rows), np.int64) if labels is None else np.array(labels)
        corners = np.float32([row[0] for row in rows]).reshape(-1, 4)
        return boxes(corners, np.float32([row[1] for row in rows]), numbers)

    return truth, found


def test_overlap_of_boxes_and_of_a_crowd():
    first, second = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10], [20, 20, 30, 30], [0, 0, 100, 100]])
    np.testing.assert_allclose(box_iou(first, second), [[1 / 3, 0, 0.01]])
    np.testing.assert_allclose(box_iou(first, second, np.array([False, False, True])), [[1 / 3, 0, 1]])
    assert box_iou(np.array([[3.0, 3, 3, 3]]), np.array([[3.0, 3, 3, 3]])).item() == 0


def test_a_second_detection_of_an_object_is_false_however_near(make):
    truth, found = make
    matches = match([truth(HERE)], [found((HERE, 0.5), (HERE, 0.9))], 1)
    (only,) = matches.classes
    np.testing.assert_allclose(only.scores, [0.9, 0.5], rtol=1e-6)
    assert only.hits.tolist() == [[True, False]] * 10
    assert not only.ignored.any()


def test_a_crowd_takes_any_number_and_counts_for_nothing(make):
    truth, found = make
    crowd = truth([0, 0, 100, 100], ignored=[True], crowds=[True])
    (only,) = match([crowd], [found((HERE, 0.9), ([50, 50, 60, 60], 0.8), (THERE, 0.7))], 1).classes
    assert only.positives.tolist() == [0]
    assert only.ignored[0].tolist() == [True, True, False]
    assert not only.hits.any()


def test_an_object_that_counts_is_taken_before_an_ignored_one_that_fits_better(make):
    truth, found = make
    both = truth(HERE, [0, 0, 10, 12], ignored=[True, False])
    (only,) = match([both], [found((HERE, 0.9))], 1, thresholds=[0.5]).classes
    assert only.hits.tolist() == [[True]]


def test_objects_outside_the_range_of_areas_count_for_nothing(make):
    truth, found = make
    large = [0, 0, 200, 200]
    (only,) = match(
        [truth(HERE, large)], [found((large, 0.9), (HERE, 0.8), ([0, 50, 90, 140], 0.7))], 1, area=SMALL
    ).classes
    assert only.positives.tolist() == [1]
    assert only.hits[0].tolist() == [False, True, False]
    assert only.ignored[0].tolist() == [True, False, True]


def test_by_voc_a_detection_stands_for_its_nearest_object_though_taken(make):
    truth, found = make
    pair = truth([0, 0, 10, 10], [0, 0, 10, 13])
    rows = found(([0, 0, 10, 10], 0.9), ([0, 0, 10, 11], 0.8))
    assert match([pair], [rows], 1, thresholds=[0.5]).classes[0].hits.tolist() == [[True, True]]
    assert match_voc([pair], [rows], 1).classes[0].hits.tolist() == [[True, False]]


def test_by_voc_difficult_objects_count_for_nothing(make):
    truth, found = make
    (only,) = match_voc([truth(HERE, ignored=[True])], [found((HERE, 0.9), (HERE, 0.8), (THERE, 0.7))], 1).classes
    assert only.ignored.tolist() == [[True, True, False]]
    assert not only.hits.any()


def test_the_objects_of_detections_and_the_scores_of_objects(make):
    truth, found = make
    objects = truth(THERE, HERE, [50, 50, 60, 60], labels=[0, 1, 1], ignored=[False, False, True])
    rows = found((HERE, 0.4), (THERE, 0.9), (HERE, 0.8), labels=[1, 1, 0])
    assert assign(objects, rows).tolist() == [1, -1, -1]
    np.testing.assert_allclose(object_scores(objects, rows), [0, 0.4, np.nan], rtol=1e-6)


def test_what_does_not_fit_together_is_refused(make):
    truth, found = make
    with pytest.raises(ValueError, match="objects of 1 images and detections of 2"):
        match([truth(HERE)], [found(), found()], 1)
    with pytest.raises(ValueError, match="labels 3 to 3; 0 to 0 expected"):
        match([truth(HERE, labels=[3])], [found()], 1)
