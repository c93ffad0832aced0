from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.enhance_eval.pipeline.tasks.placing import place

FITS = ["stretch", "letterbox", "corner"]


@given(
    height=st.integers(3, 60), width=st.integers(3, 60), size=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    fit=st.sampled_from(FITS),
)  # fmt: skip
def test_a_box_of_the_picture_returns_from_the_input(height, width, size, fit):
    picture = np.zeros((height, width, 3), np.float32)
    placed, placement = place(picture, size, fit)
    assert placed.shape == (*size, 3)
    box = np.array([[width * 0.25, height * 0.25, width * 0.75, height * 0.5]])
    there = box * np.tile(placement.scale, 2) + np.tile(placement.offset, 2)
    assert (there >= 0).all()
    assert (there <= np.tile(size[::-1], 2) + 1e-9).all()
    np.testing.assert_allclose(placement.to_picture(there), box, atol=1e-4)


@pytest.mark.parametrize("fit", FITS)
def test_the_picture_lies_where_the_placement_says(fit):
    picture = np.ones((20, 40, 3), np.float32)
    placed, placement = place(picture, (32, 32), fit)
    x1, y1 = placement.offset
    x2, y2 = x1 + 40 * placement.scale[0], y1 + 20 * placement.scale[1]
    inside = np.zeros((32, 32), bool)
    inside[round(y1) : round(y2), round(x1) : round(x2)] = True
    assert (placed[inside] == 1).all()
    np.testing.assert_allclose(placed[~inside], 114 / 255, rtol=1e-6)
    assert inside.sum() == (1024 if fit == "stretch" else 512)
    assert placement.offset == ((0, 8) if fit == "letterbox" else (0, 0))


def test_boxes_end_at_the_borders_of_the_picture():
    _, placement = place(np.zeros((20, 40, 3), np.float32), (32, 32), "letterbox")
    np.testing.assert_array_equal(placement.to_picture(np.array([[-5.0, 0, 99, 99]])), [[0, 0, 40, 20]])
