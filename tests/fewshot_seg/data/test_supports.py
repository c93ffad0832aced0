"""Supports of files: orientation, sizes, depth of values, negative ones."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.pictures import read_picture
from vision_cli.fewshot_seg.data.supports import read_support

MASK = np.zeros((6, 9), dtype=np.uint8)
MASK[1:4, 2:5] = 255


def put_turned(path, shape=(6, 9)):
    """Write a picture that is stored as ``shape`` and stands upright as its transpose."""
    exif = Image.Exif()
    exif[274] = 6
    pixels = np.random.default_rng(0).integers(0, 255, (*shape, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return pixels


def test_a_support_has_its_picture_mask_and_share(tmp_path, put):
    picture = put(tmp_path / "a.png", np.full((6, 9, 3), 7, dtype=np.uint8))
    found = read_support(picture, put(tmp_path / "m.png", MASK))
    np.testing.assert_array_equal(found.support.mask, MASK > 0)
    assert found.support.picture.shape == (6, 9, 3)
    assert found.share == pytest.approx(9 / 54)
    assert "16.67% is the class" in str(found)
    assert not found.support.is_negative


def test_the_orientation_is_applied_to_the_picture_and_never_to_the_mask(tmp_path, put):
    pixels = put_turned(tmp_path / "a.png")
    upright = put(tmp_path / "upright.png", MASK.T)
    found = read_support(tmp_path / "a.png", upright).support
    np.testing.assert_array_equal(found.picture, np.rot90(pixels, -1))
    np.testing.assert_array_equal(found.mask, MASK.T > 0)


def test_a_mask_of_the_stored_pixels_has_the_picture_as_stored(tmp_path, put):
    pixels = put_turned(tmp_path / "a.png")
    found = read_support(tmp_path / "a.png", put(tmp_path / "m.png", MASK)).support
    np.testing.assert_array_equal(found.picture, pixels)


def test_sizes_that_differ_are_both_named(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((8, 8, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"a\.png: 8 x 8 pixels; the 9 x 6 pixels of its mask .*m\.png expected"):
        read_support(picture, put(tmp_path / "m.png", MASK))


def test_a_mask_of_everything_is_refused(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((6, 9, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"m\.png: every pixel is the class"):
        read_support(picture, put(tmp_path / "m.png", np.full((6, 9), 255, dtype=np.uint8)))


def test_empty_masks_and_no_mask_are_negative_supports(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((6, 9, 3), dtype=np.uint8))
    for mask in (put(tmp_path / "m.png", MASK * 0), None):
        found = read_support(picture, mask)
        assert found.support.is_negative
        assert "negative support" in str(found)


def test_a_class_of_a_map_and_what_a_mask_leaves_out(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((6, 9, 3), dtype=np.uint8))
    values = np.where(MASK > 0, 3, 1).astype(np.uint8)
    values[0] = 255
    found = read_support(picture, put(tmp_path / "m.png", values), class_id=3, name="one").support
    assert found.name == "one"
    np.testing.assert_array_equal(found.mask, MASK > 0)
    np.testing.assert_array_equal(found.ignored, values == 255)
    rest = read_support(picture, tmp_path / "m.png", class_id=3, inverted=True).support
    np.testing.assert_array_equal(rest.mask, values == 1)


def test_polygons_of_labelme_are_a_mask(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((6, 9, 3), dtype=np.uint8))
    shape = {"label": "cat", "points": [[2, 1], [5, 4]], "shape_type": "rectangle"}
    document = {"imageHeight": 6, "imageWidth": 9, "imagePath": "a.png", "shapes": [shape]}
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = read_support(picture, tmp_path / "a.json")
    np.testing.assert_array_equal(found.support.mask, MASK > 0)
    assert "label cat" in found.rule
    with pytest.raises(InputError, match="no shape of label 'dog'; cat found"):
        read_support(picture, tmp_path / "a.json", class_name="dog")


def test_grey_of_sixteen_bits_is_spread_over_its_percentiles(tmp_path, put):
    values = np.linspace(3000, 4000, 1000).round().astype(np.uint16).reshape(20, 50)
    found = read_picture(put(tmp_path / "a.png", values))
    assert found.dtype == np.uint8
    assert found.min() == 0
    assert found.max() == 255
    assert np.mean((found > 5) & (found < 250)) > 0.9
    assert read_picture(put(tmp_path / "b.png", np.full((4, 4), 900, dtype=np.uint16))).max() == 0


def test_colours_of_sixteen_bits_keep_their_level(tmp_path):
    import cv2

    values = np.zeros((4, 4, 3), dtype=np.uint16)
    values[..., 0] = 40 * 257
    cv2.imwrite(str(tmp_path / "a.png"), values)
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png")[0, 0], [0, 0, 40])


def test_a_damaged_mask_is_an_input_error(tmp_path, put):
    picture = put(tmp_path / "a.png", np.zeros((6, 9, 3), dtype=np.uint8))
    (tmp_path / "m.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"m\.png: damaged"):
        read_support(picture, tmp_path / "m.png")
