"""One class or several in a picture."""

from __future__ import annotations

import numpy as np

from vision_cli.fewshot_seg.pipeline.classes import Decision, segment_classes
from vision_cli.fewshot_seg.values import Segmentation


class Fixed:
    """A task that always says the same."""

    def __init__(self, columns, *, probability=0.9, presence=0.8):
        self.mask = np.zeros((4, 10), bool)
        self.mask[:, columns] = True
        self.probability, self.presence = np.where(self.mask, probability, 0.1).astype(np.float32), presence

    def segment(self, picture):
        return Segmentation(self.probability, self.mask, self.presence, 0.7, "fixed")


PICTURE = np.zeros((4, 10, 3), np.uint8)


def test_one_class_keeps_its_mask():
    task = Fixed(slice(0, 4))
    results, labels = segment_classes({"a": task}, PICTURE, Decision())
    np.testing.assert_array_equal(results["a"].segmentation.mask, task.mask)
    np.testing.assert_array_equal(labels > 0, task.mask)


def test_a_pixel_of_two_classes_is_of_the_more_probable_one():
    tasks = {"a": Fixed(slice(0, 6), probability=0.6), "b": Fixed(slice(4, 8), probability=0.9)}
    results, labels = segment_classes(tasks, PICTURE, Decision())
    assert labels[0].tolist() == [1, 1, 1, 1, 2, 2, 2, 2, 0, 0]
    assert results["a"].segmentation.mask.sum() == 16
    assert results["b"].segmentation.mask.sum() == 16


def test_a_class_that_is_unlikely_to_be_there_is_absent():
    results, labels = segment_classes({"a": Fixed(slice(0, 4), presence=0.2)}, PICTURE, Decision(absent_below=0.3))
    assert results["a"].is_absent
    assert not results["a"].segmentation.mask.any()
    assert not labels.any()


def test_a_threshold_takes_the_place_of_the_chosen_mask():
    results, _ = segment_classes({"a": Fixed(slice(0, 4))}, PICTURE, Decision(threshold=0.05))
    assert results["a"].segmentation.mask.all()
