"""Squares around faces: their pixels are those of the file."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.forgery_detect.pipeline.crops import LEAST_SIDE, central_crop, crop_around


def numbered(height, width):
    """Return a picture whose pixels name their place."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=2).astype(np.uint8)


def test_a_square_inside_is_a_copy():
    picture = numbered(200, 240)
    crop = crop_around(picture, np.array([80.0, 60, 80, 80]), margin=1.0)
    assert np.array_equal(crop.picture, picture[60:140, 80:160])
    assert crop.box.tolist() == [80, 60, 160, 140]


def test_a_mask_is_cut_with_its_picture():
    mask = np.zeros((200, 240), np.float32)
    mask[100, 120] = 1
    crop = crop_around(numbered(200, 240), np.array([80.0, 60, 80, 80]), margin=1.0, mask=mask)
    assert np.argwhere(crop.mask).tolist() == [[40, 40]]
    assert crop.picture[40, 40, :2].tolist() == [100, 120]


@given(
    st.integers(65, 120),
    st.integers(65, 120),
    st.floats(-20, 90),
    st.floats(-20, 90),
    st.floats(1, 200),
    st.floats(0.5, 4),
)
def test_every_pixel_is_one_of_the_picture(height, width, left, top, side, margin):
    crop = crop_around(numbered(height, width), np.array([left, top, side, side]), margin=margin)
    count = len(crop.picture)
    assert crop.picture.shape == (count, count, 3)
    assert LEAST_SIDE <= count <= min(height, width)
    steps = np.abs(np.diff(crop.picture[:, 0, 0].astype(int)))
    assert (steps == 1).all()


def test_a_face_at_the_edge_is_moved_in_before_it_is_mirrored():
    picture = numbered(200, 200)
    near = crop_around(picture, np.array([-6.0, 40, 80, 80]), margin=1.0)
    assert near.box[0] == 0
    far = crop_around(picture, np.array([-60.0, 40, 80, 80]), margin=1.0)
    assert far.box[0] == -50
    assert far.picture[0, :3, 1].tolist() == [50, 49, 48]


def test_the_middle_of_a_picture():
    crop = central_crop(numbered(120, 200), share=0.8)
    assert crop.box.tolist() == [52, 12, 148, 108]
    assert not crop.is_found
    assert crop.picture[0, 0, :2].tolist() == [12, 52]
