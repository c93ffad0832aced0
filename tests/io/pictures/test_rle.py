"""Run lengths and polygons of COCO, with pycocotools as the oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as oracle

from vision_cli.io.pictures.rle import compress_counts, counts_mask, expand_counts, mask_counts, polygon_mask

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, max_side=40))


@settings(max_examples=80)
@given(masks)
def test_compressed_masks_equal_those_of_pycocotools_both_ways(mask):
    encoded = oracle.encode(np.asfortranarray(mask.astype(np.uint8)))
    text = compress_counts(mask_counts(mask))
    assert text == encoded["counts"].decode()
    np.testing.assert_array_equal(counts_mask(expand_counts(text), *mask.shape), mask)
    decoded = oracle.decode({"size": list(mask.shape), "counts": text.encode()})
    np.testing.assert_array_equal(decoded.astype(bool), mask)


def test_a_large_smooth_mask_equals_that_of_pycocotools():
    y, x = np.mgrid[:700, :900]
    mask = (np.hypot(x - 400, y - 300) < 250) & (np.sin(x / 9) > -0.5)
    text = compress_counts(mask_counts(mask))
    assert text == oracle.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    np.testing.assert_array_equal(counts_mask(expand_counts(text), *mask.shape), mask)


@pytest.mark.parametrize("value", [True, False])
def test_masks_of_one_value_come_back(value):
    mask = np.full((3, 5), value)
    assert mask_counts(mask).tolist() == ([0, 15] if value else [15])
    np.testing.assert_array_equal(counts_mask(mask_counts(mask), 3, 5), mask)


def test_a_mask_without_pixels_has_one_empty_run():
    assert mask_counts(np.zeros((0, 4), dtype=bool)).tolist() == [0]


@pytest.mark.parametrize("counts", [[3], [5, -1, 2], [1 << 62, 1 << 62, 6], []])
def test_run_lengths_that_do_not_fill_the_mask_are_refused(counts):
    with pytest.raises(ValueError, match="do not fill 2 x 3 pixels"):
        counts_mask(counts, 2, 3)


@pytest.mark.parametrize("text", ["P", "52\n", "ö", "o" * 40])
def test_text_that_is_no_run_lengths_is_refused(text):
    with pytest.raises(ValueError, match="run length"):
        expand_counts(text)


@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.floats(-8, 45), st.floats(-8, 45)), min_size=3, max_size=9),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_polygons_equal_those_of_pycocotools(corners, height, width):
    flat = [float(value) for corner in corners for value in corner]
    expected = oracle.decode(oracle.frPyObjects([flat], height, width))[..., 0].astype(bool)
    np.testing.assert_array_equal(polygon_mask(np.array(corners), height, width), expected)


def test_corners_far_away_take_no_time_and_infinite_ones_are_refused():
    assert polygon_mask(np.array([[-1e300, -1e300], [1e300, -1e300], [0.0, 1e300]]), 4, 4).any()
    with pytest.raises(ValueError, match="no number"):
        polygon_mask(np.array([[0.0, 0.0], [np.nan, 1.0], [1.0, 1.0]]), 4, 4)
