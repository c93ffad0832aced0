"""Fixed baselines."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.fewshot_seg.scenes import scene, support
from vision_cli.fewshot_seg.gate.overlaps import iou
from vision_cli.fewshot_seg.pixels.baselines import CopySegmenter, ForestSegmenter, LogisticSegmenter

METHODS = {
    "rf": ForestSegmenter(side=64),
    "grabcut": ForestSegmenter(cuts=True, side=64),
    "logistic": LogisticSegmenter(side=64),
    "copy": CopySegmenter(side=64),
}


@pytest.mark.parametrize("name", METHODS)
def test_a_baseline_answers_at_the_size_of_the_query(name):
    method = METHODS[name]
    assert method.name == name
    picture, mask = scene(1, height=80, width=120)
    found = method.learn([support(0)], seed=0).segment(picture)
    assert found.mask.shape == found.probability.shape == (80, 120)
    assert found.candidate == name
    assert 0 <= found.presence <= 1
    if name != "copy":
        assert iou(found.mask, mask) > 0.7
    again = method.learn([support(0)], seed=0).segment(picture)
    np.testing.assert_array_equal(found.mask, again.mask)


def test_the_copy_is_the_mask_of_the_support():
    found = METHODS["copy"].learn([support(0)]).segment(scene(1)[0])
    np.testing.assert_array_equal(found.mask, support(0).mask)


def test_negative_supports_do_not_weaken_the_copy():
    negative = replace(support(1), mask=np.zeros((64, 64), np.bool_))
    found = METHODS["copy"].learn([negative, support(0)]).segment(scene(1)[0])
    np.testing.assert_array_equal(found.mask, support(0).mask)


@pytest.mark.parametrize("name", ["rf", "logistic"])
def test_a_mask_that_fills_the_support_fills_the_query(name):
    full = replace(support(0), mask=np.ones((64, 64), np.bool_))
    assert METHODS[name].learn([full]).segment(scene(1)[0]).mask.all()
