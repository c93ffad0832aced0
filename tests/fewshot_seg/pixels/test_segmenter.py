"""The pixel method without a gate."""

from __future__ import annotations

import numpy as np

from tests.fewshot_seg.scenes import scene, support
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.pixels.segmenter import PixelSegmenter, disagreement, expected_iou


def test_a_segmentation_has_the_size_of_its_query():
    task = PixelSegmenter(side=64).learn([support(0)], seed=0)
    picture, mask = scene(1, height=100, width=150)
    found = task.segment(picture)
    for values in (found.mask, found.probability, found.uncertainty):
        assert values.shape == (100, 150)
    assert iou(found.mask, mask) > 0.85
    assert found.candidate == "mix"
    assert 0 <= found.score <= 1
    assert 0 <= found.uncertainty.min() <= found.uncertainty.max() <= 1


def test_presence_is_higher_where_the_class_is():
    task = PixelSegmenter(side=64).learn([support(0)], seed=0)
    assert task.segment(scene(1)[0]).presence > task.segment(scene(2, has_class=False)[0]).presence + 0.2


def test_the_support_that_resembles_the_query_is_named():
    swapped = [support(0), support(1)]
    blue = support(1).picture.copy()
    blue[support(1).mask] = blue[support(1).mask][:, ::-1]
    swapped[0] = type(swapped[0])("blue", blue, support(1).mask)
    task = PixelSegmenter(side=64).learn(swapped, seed=0)
    assert task.segment(scene(2)[0]).best_support == 1


def test_members_that_are_split_disagree_most():
    ones, zeros = np.ones((2, 2), np.float32), np.zeros((2, 2), np.float32)
    np.testing.assert_allclose(disagreement([ones, zeros]), 1)
    np.testing.assert_allclose(disagreement([ones, ones]), 0)


def test_the_expected_iou_of_a_sure_mask_is_one():
    mask = np.eye(4) > 0
    assert expected_iou(mask.astype(np.float32), mask) == 1
    assert expected_iou(mask.astype(np.float32), np.zeros_like(mask)) == 0
