"""Masks that are made of a probability."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fewshot_seg.scenes import scene
from vision_cli.fewshot_seg.pixels.candidates import Candidate, expected_iou_threshold, grabcut, pixel_candidates


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_the_threshold_has_the_greatest_expected_iou(values):
    probability = np.array(values, np.float32)[None]
    threshold, expected = expected_iou_threshold(probability)
    tried = [0.0]
    for cut in [-1.0, *values]:
        inside = probability > np.float32(cut)
        if inside.any():
            wide = probability.astype(np.float64)
            tried.append(wide[inside].sum() / (inside.sum() + wide[~inside].sum()))
    assert expected == pytest.approx(max(tried), abs=1e-6)
    inside = probability > threshold
    assert inside.any()
    reached = probability[inside].sum(dtype=np.float64) / (inside.sum() + probability[~inside].sum(dtype=np.float64))
    assert reached == pytest.approx(expected, abs=1e-6)


def test_the_threshold_of_a_sure_probability_is_between_its_values():
    probability = np.array([[0.05] * 90 + [0.9] * 10], np.float32)
    threshold, _ = expected_iou_threshold(probability)
    assert 0.05 <= threshold < 0.9


def test_grabcut_finds_the_edge_of_a_rough_mask():
    picture, mask = scene(1, height=96, width=96)
    rough = np.roll(mask, 6, axis=1).astype(np.float32)
    cut = grabcut(picture, rough, seed=0)
    assert (cut == mask).mean() > 0.99
    np.testing.assert_array_equal(cut, grabcut(picture, rough, seed=0))


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_grabcut_of_one_side_alone_changes_nothing(value):
    picture, _ = scene(1)
    flat = np.full((64, 64), value, np.float32)
    np.testing.assert_array_equal(grabcut(picture, flat, seed=0), flat > 0.5)


def test_grabcut_of_a_single_pixel_is_a_mask():
    picture, _ = scene(1)
    one = np.zeros((64, 64), np.float32)
    one[3, 3] = 1
    assert grabcut(picture, one, seed=0).dtype == np.bool_


def test_candidates_come_in_their_order():
    picture, mask = scene(2)
    found = pixel_candidates(picture, mask.astype(np.float32) * 0.4, seed=0)
    assert [one.name for one in found] == ["mix", "mix-0.3", "grabcut", "expected-iou"]
    assert not found[0].mask.any()
    np.testing.assert_array_equal(found[1].mask, mask)
    np.testing.assert_array_equal(found[3].mask, mask)


def test_a_mask_at_another_size_covers_the_same_place():
    soft = np.zeros((20, 20), np.float32)
    soft[5:10, 5:15] = 1
    large = Candidate("x", soft, 0.5).at((100, 60))
    assert large.shape == (100, 60)
    expected = np.zeros((100, 60), np.bool_)
    expected[25:50, 15:45] = True
    assert (large == expected).mean() > 0.97
