"""Which pixels of a mask file are the class."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.masks import is_map_of_classes, map_of_classes, read_mask

SQUARE = np.zeros((20, 30), dtype=bool)
SQUARE[5:15, 8:20] = True


def grey(level, rest=0):
    return np.where(SQUARE, level, rest).astype(np.uint8)


def soft():
    """A square of 255 whose edge has values between."""
    values = grey(255)
    values[5, 8:20] = np.linspace(60, 200, 12)
    values[14, 8:20] = np.linspace(130, 240, 12)
    return values


def colours(colour):
    return (SQUARE[..., None] * np.array(colour)).astype(np.uint8)


def palette_picture(values, palette):
    picture = Image.fromarray(values)
    picture.putpalette([level for colour in palette for level in colour])
    return picture


@pytest.mark.parametrize("level", [1, 128, 255])
def test_of_two_values_the_one_that_is_not_zero_is_the_class(tmp_path, put, level):
    found = read_mask(put(tmp_path / "m.png", grey(level)))
    np.testing.assert_array_equal(found.mask, SQUARE)
    assert found.share == pytest.approx(0.2)
    assert found.ignored is None
    assert f"{level} of the two values 0 and {level}" in found.rule


def test_of_two_values_without_zero_the_bright_one_is_the_class(tmp_path, put):
    np.testing.assert_array_equal(read_mask(put(tmp_path / "m.png", grey(250, 20))).mask, SQUARE)


def test_a_mask_of_one_colour_on_black_is_read_however_dark_it_is(tmp_path, put):
    for colour in ((128, 0, 0), (0, 0, 40), (255, 255, 255)):
        np.testing.assert_array_equal(read_mask(put(tmp_path / "m.png", colours(colour))).mask, SQUARE)


def test_soft_masks_count_from_128(tmp_path, put):
    values = soft()
    found = read_mask(put(tmp_path / "m.png", values))
    np.testing.assert_array_equal(found.mask, values >= 128)
    assert "128 or more" in found.rule


def test_soft_masks_with_opacity_count_by_luminance(tmp_path, put):
    values = np.dstack([soft(), soft(), np.maximum(soft(), 2) - 2, np.full_like(soft(), 255)])
    found = read_mask(put(tmp_path / "m.png", values))
    np.testing.assert_array_equal(found.mask, soft() >= 128)
    assert "luminance" in found.rule


def test_soft_masks_of_one_colour_count_by_its_channel(tmp_path, put):
    values = np.dstack([soft(), soft() * 0, soft() * 0])
    np.testing.assert_array_equal(read_mask(put(tmp_path / "m.png", values)).mask, soft() >= 128)


def test_a_mask_of_several_colours_is_refused(tmp_path, put):
    values = colours((255, 0, 0))
    values[0] = 0, 255, 0
    values[1] = 0, 0, 255
    with pytest.raises(InputError, match=r"m\.png: a mask of 3 colours; one colour on black expected"):
        read_mask(put(tmp_path / "m.png", values))


@pytest.mark.parametrize("unknown", [2, 255])
def test_a_map_of_classes_demands_a_class(tmp_path, put, unknown):
    values = grey(1)
    values[0] = unknown
    path = put(tmp_path / "m.png", values)
    with pytest.raises(InputError, match=rf"a map of 3 classes, 0 \(.*\), 1 \(20\.0%\), {unknown} \(5\.0%\)") as caught:
        read_mask(path)
    assert "--class-id" in caught.value.hint
    found = read_mask(path, 1)
    np.testing.assert_array_equal(found.mask, SQUARE)
    if unknown == 255:
        np.testing.assert_array_equal(np.flatnonzero(found.ignored.any(axis=1)), [0])
        assert found.share == pytest.approx(120 / 570)
    else:
        assert found.ignored is None


def test_a_map_of_more_than_a_hundred_classes_is_no_soft_mask(tmp_path, put):
    values = grey(150)
    values[0], values[1] = 120, 254
    values[2] = 255
    with pytest.raises(InputError, match="a map of 5 classes"):
        read_mask(put(tmp_path / "m.png", values))


def test_a_palette_counts_by_its_numbers(tmp_path):
    palette_picture(grey(1), [(0, 0, 0), (128, 0, 0)]).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png").mask, SQUARE)
    values = grey(2)
    values[0] = 1
    palette_picture(values, [(0, 0, 0), (128, 0, 0), (0, 128, 0)]).save(tmp_path / "m.png")
    with pytest.raises(InputError, match="a map of 3 classes"):
        read_mask(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", 2).mask, SQUARE)


def test_a_palette_of_greys_counts_by_grey_unless_a_class_is_named(tmp_path):
    palette_picture(grey(0, 1), [(255, 255, 255), (0, 0, 0)]).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png").mask, SQUARE)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", 1).mask, ~SQUARE)


def test_a_jpeg_counts_from_128_and_says_so(tmp_path, put):
    found = read_mask(put(tmp_path / "m.jpg", grey(255), quality=60))
    assert np.mean(found.mask != SQUARE) < 0.01
    assert "JPEG" in found.rule
    with pytest.raises(InputError, match="a JPEG, which changes class numbers"):
        read_mask(tmp_path / "m.jpg", 1)


def test_sixteen_bits_count_from_half(tmp_path, put):
    values = soft().astype(np.uint16) * 257
    np.testing.assert_array_equal(read_mask(put(tmp_path / "m.png", values)).mask, soft() >= 128)


def test_one_value_is_empty_or_full(tmp_path, put):
    assert read_mask(put(tmp_path / "m.png", np.zeros((3, 4), dtype=np.uint8))).share == 0
    assert read_mask(put(tmp_path / "m.png", np.full((3, 4), 9, dtype=np.uint8))).share == 1


def test_many_values_that_are_all_dark_are_refused(tmp_path, put):
    values = (np.arange(600) % 100).reshape(20, 30).astype(np.uint8)
    with pytest.raises(InputError, match="values up to 99, none of them bright"):
        read_mask(put(tmp_path / "m.png", values))


def test_a_class_of_a_binary_mask_or_of_colours_is_refused(tmp_path, put):
    with pytest.raises(InputError, match="a mask of 0 and 255; a map with class 3 expected"):
        read_mask(put(tmp_path / "m.png", grey(255)), 3)
    with pytest.raises(InputError, match="a mask of colours; a map of class numbers expected"):
        read_mask(put(tmp_path / "m.png", colours((255, 0, 0))), 3)


def test_maps_are_recognised_and_read(tmp_path, put):
    values = grey(4)
    values[0] = 2
    path = put(tmp_path / "m.png", values)
    assert is_map_of_classes(path)
    np.testing.assert_array_equal(map_of_classes(path), values)
    assert not is_map_of_classes(put(tmp_path / "a.png", grey(255)))
    assert not is_map_of_classes(put(tmp_path / "b.png", soft()))
    assert not is_map_of_classes(put(tmp_path / "c.jpg", grey(255)))


def test_real_masks_are_read_as_their_authors_mean_them(real_data):
    shares = {}
    for folder, pattern in {
        "fss1000/masks/apple": "*.png",
        "perseg": "*.png",
        "magnetic-tile/MT_Blowhole/Imgs": "*.png",
        "magnetic-tile/MT_Break/Imgs": "*.png",
        "em-membrane/label": "*.png",
        "suim/masks/RI": "*.bmp",
    }.items():
        shares[folder] = [read_mask(path).share for path in sorted((real_data / folder).glob(pattern))]
    assert min(shares["fss1000/masks/apple"]) > 0.05
    assert all(0.1 < share < 0.6 for share in shares["perseg"])
    assert all(0 < share < 0.01 for share in shares["magnetic-tile/MT_Blowhole/Imgs"])
    assert all(0.7 < share < 0.9 for share in shares["em-membrane/label"])
    assert 0 in shares["suim/masks/RI"]
    for path in sorted((real_data / "camvid" / "trainannot").glob("*.png"))[:3]:
        with pytest.raises(InputError, match=r"a map of \d+ classes"):
            read_mask(path)
    with pytest.raises(InputError, match="colours; one colour on black expected"):
        read_mask(real_data / "suim" / "masks" / "d_r_47_.bmp")
