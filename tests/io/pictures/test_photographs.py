"""Photographs become RGB by one rule each; Pillow is the oracle."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.photographs import photograph_size, read_8_bit, read_photograph, write_photograph


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 5), None, 0, 255, cv2.NORM_MINMAX)


def by_pillow(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "1", "LA", "RGBA", "CMYK"])
def test_every_kind_of_pixels_becomes_the_rgb_of_pillow(tmp_path, scene, mode):
    path = tmp_path / f"{mode}{'.jpg' if mode == 'CMYK' else '.png'}"
    Image.fromarray(scene).convert(mode).save(path)
    found = read_photograph(path)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found.astype(int), by_pillow(path), atol=1)


def test_transparency_is_dropped_and_colours_stay(tmp_path, scene):
    Image.fromarray(np.dstack([scene, scene[..., :1] // 2])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_photograph(tmp_path / "a.png"), scene)


def test_16_bits_are_rounded_to_8(tmp_path):
    levels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    write_photograph(tmp_path / "a.png", np.repeat(levels[..., None], 3, axis=2))
    found = read_8_bit(tmp_path / "a.png")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found[..., 0], np.rint(levels.astype(np.float64) * 255 / 65535))
    write_photograph(tmp_path / "b.png", found)
    np.testing.assert_array_equal(read_8_bit(tmp_path / "b.png"), found)


@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_stay(tmp_path, scene, channels):
    deep = scene[..., :channels].astype(np.uint16) * 256 + 7
    cv2.imwrite(str(tmp_path / "a.png"), deep[..., ::-1])
    found = read_photograph(tmp_path / "a.png")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, np.broadcast_to(deep, scene.shape))


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_of_exif_is_applied(tmp_path, scene, orientation, suffix):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(scene)
    exif = image.getexif()
    exif[274] = orientation
    image.save(path, exif=exif, quality=95)
    upright = by_pillow(path)
    found = read_photograph(path)
    np.testing.assert_allclose(found.astype(int), upright, atol=4)
    assert photograph_size(path) == upright.shape[:2]
    assert photograph_size(path, upright=False) == (40, 50)
    assert read_photograph(path, upright=False).shape == scene.shape


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp"])
def test_a_file_cut_short_is_refused_and_nothing_is_printed(tmp_path, scene, suffix, capfd):
    path = tmp_path / f"a{suffix}"
    write_photograph(path, scene)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=f"a{suffix}: damaged, cut short or not an image .its end is missing"):
        read_photograph(path)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "it is empty"), (b"<html>", "not a PNG, JPEG"), (b"BM", "header")]
)
def test_what_is_no_picture_is_refused(tmp_path, content, reason):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_photograph(path)
    with pytest.raises(InputError, match="damaged"):
        photograph_size(path)


def test_pages_and_values_that_are_no_whole_numbers_are_refused(tmp_path, scene):
    cv2.imwritemulti(str(tmp_path / "pages.tif"), [scene] * 3)
    with pytest.raises(InputError, match="3 pages; one expected"):
        read_photograph(tmp_path / "pages.tif")
    cv2.imwrite(str(tmp_path / "light.tif"), scene.astype(np.float32))
    with pytest.raises(InputError, match="pixels of float32; 8 or 16 bits expected"):
        read_photograph(tmp_path / "light.tif")


def test_a_turned_tiff_is_refused(tmp_path, scene):
    image = Image.fromarray(scene)
    exif = image.getexif()
    exif[274] = 6
    image.save(tmp_path / "a.tif", exif=exif)
    with pytest.raises(InputError, match="TIFF of orientation 6; an upright one expected"):
        read_photograph(tmp_path / "a.tif")


def test_pixels_that_no_memory_holds_are_refused_by_the_header(tmp_path, scene):
    path = tmp_path / "a.png"
    write_photograph(path, scene)
    content = bytearray(path.read_bytes())
    content[16:24] = (2_000_000_000).to_bytes(4, "big") * 2
    path.write_bytes(bytes(content))
    with pytest.raises(InputError, match="the header claims 2000000000 x 2000000000 pixels"):
        read_photograph(path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_written_is_read_back(tmp_path, scene, dtype):
    pixels = scene.astype(dtype) * (257 if dtype is np.uint16 else 1)
    write_photograph(tmp_path / "deep" / "a.png", pixels)
    np.testing.assert_array_equal(read_photograph(tmp_path / "deep" / "a.png"), pixels)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a.png"]


def test_arrays_that_are_no_photograph_are_not_written(tmp_path, scene):
    with pytest.raises(ValueError, match="of 8 or 16 bits expected"):
        write_photograph(tmp_path / "a.png", scene[..., 0])
