"""Overlaps, and what leaves carry, against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_cli.fewshot_seg.gate.overlaps import (
    correlation,
    iou,
    leaf_transfer,
    soft_iou,
    weighted_correlation,
    weighted_iou,
)

masks = arrays(np.bool_, (4, 5))


@given(masks, masks)
def test_iou_counts_pixels(first, second):
    one, other = (set(np.flatnonzero(mask)) for mask in (first, second))
    expected = len(one & other) / len(one | other) if one | other else 1
    assert iou(first, second) == pytest.approx(expected)
    assert soft_iou(first.astype(np.float32), second) == pytest.approx(expected, abs=1e-6)


@given(arrays(np.float32, (4, 5), elements=st.floats(0, 1, width=32)), masks)
def test_soft_iou_is_that_of_minimum_and_maximum(probability, mask):
    larger = np.maximum(probability, mask).sum()
    expected = np.minimum(probability, mask).sum() / larger if larger > 0 else 1
    assert soft_iou(probability, mask) == pytest.approx(expected, abs=1e-4)


def test_weights_are_pixels_counted_several_times():
    rng = np.random.default_rng(0)
    found, labels = rng.random((30, 2)) > 0.5, rng.random(30) > 0.5
    weights = rng.integers(1, 5, 30)
    many = np.repeat(np.arange(30), weights)
    ious = weighted_iou(found, labels, weights.astype(np.float32))
    values = rng.random((30, 2)).astype(np.float32)
    correlations = weighted_correlation(values, labels, weights.astype(np.float32))
    for column in range(2):
        assert ious[column] == pytest.approx(iou(found[many, column], labels[many]), rel=1e-5)
        expected = np.corrcoef(values[many, column], labels[many])[0, 1]
        assert correlations[column] == pytest.approx(expected, rel=1e-4)


def test_leaves_tell_the_mean_of_the_pixels_in_them():
    rng = np.random.default_rng(1)
    given_leaves = np.stack([rng.integers(0, 4, 25), rng.integers(4, 9, 25)], axis=1)
    asked = np.stack([rng.integers(0, 4, 9), rng.integers(4, 9, 9)], axis=1)
    asked[0] = (3, 20)
    asked[1] = (21, 20)
    known = rng.random((25, 3)) > 0.4
    found = leaf_transfer(given_leaves, known, asked)
    for row, leaves in enumerate(asked):
        said = [
            known[(given_leaves == leaf).any(axis=1)].mean(axis=0) for leaf in leaves if (given_leaves == leaf).any()
        ]
        np.testing.assert_allclose(found[row], np.mean(said, axis=0) if said else 0, atol=1e-6)


def test_correlation_is_the_mean_over_channels():
    rng = np.random.default_rng(2)
    first = rng.random((6, 6, 3)).astype(np.float32)
    assert correlation(first, 2 * first + 1) == pytest.approx(1, abs=1e-5)
    flat = first.copy()
    flat[..., 1] = 0.5
    assert correlation(first, flat) == pytest.approx(2 / 3, abs=1e-5)
