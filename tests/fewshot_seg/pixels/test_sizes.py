"""The size that pictures are worked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.fewshot_seg.pixels.sizes import resize_map, resize_mask, resize_picture, working_size


@given(st.integers(1, 20000), st.integers(1, 20000))
def test_every_picture_is_worked_at_about_the_same_number_of_pixels(height, width):
    rows, columns = working_size((height, width), 224)
    assert min(rows, columns) >= 24
    assert rows * columns <= 1.1 * 224 * 224
    if 1 / 80 < height / width < 80:
        assert rows * columns == pytest.approx(224 * 224, rel=0.05)
        assert rows / columns == pytest.approx(height / width, rel=0.05)


@given(st.integers(0, 499), st.integers(0, 299), st.integers(1, 3))
def test_the_smallest_object_survives(row, column, size):
    mask = np.zeros((500, 300), np.bool_)
    mask[row : row + size, column : column + size] = True
    small = resize_mask(mask, (50, 30))
    assert small.any()
    rows, columns = np.nonzero(small)
    assert abs(10 * rows.mean() + 5 - row) < 12
    assert abs(10 * columns.mean() + 5 - column) < 12


def test_an_empty_mask_stays_empty():
    assert not resize_mask(np.zeros((400, 400), np.bool_), (32, 32)).any()


def test_a_picture_of_the_right_size_is_left_alone():
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert resize_picture(picture, (32, 32)) is picture
    values = np.zeros((8, 8), np.float32)
    assert resize_map(values, (8, 8)) is values


def test_halving_averages():
    values = np.arange(16, dtype=np.float32).reshape(4, 4)
    np.testing.assert_allclose(resize_map(values, (2, 2)), [[2.5, 4.5], [10.5, 12.5]])
