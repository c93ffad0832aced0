"""Values of masks as they are stored, palettes, and probabilities of 16 bits."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.indexed import class_palette, read_stored_values, write_index_picture, write_probability

VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4) % 5


def test_an_index_picture_comes_back_as_numbers_and_shows_the_colours(tmp_path):
    write_index_picture(tmp_path / "a.png", VALUES, class_palette(21))
    found = read_stored_values(tmp_path / "a.png")
    np.testing.assert_array_equal(found.values, VALUES)
    np.testing.assert_array_equal(found.palette[:5], class_palette(5))
    shown = np.asarray(Image.open(tmp_path / "a.png").convert("RGB"))
    np.testing.assert_array_equal(shown, np.array(class_palette(21), dtype=np.uint8)[VALUES])


def test_the_palette_of_voc_has_its_published_colours():
    palette = class_palette(256)
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[20] == (0, 64, 128)
    assert palette[255] == (224, 224, 192)


@pytest.mark.parametrize(("values", "colours"), [(VALUES, 4), (VALUES.astype(int) - 1, 9), (VALUES[0], 9)])
def test_values_without_a_colour_are_refused(tmp_path, values, colours):
    with pytest.raises(ValueError, match="expected"):
        write_index_picture(tmp_path / "a.png", values, class_palette(colours))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_grey_of_few_bits_gives_the_stored_numbers(tmp_path, bits):
    import struct
    import zlib

    rows = np.array([[0, 1, 1, 0, 0, 1, 0, 1]], dtype=np.uint8) * ((1 << bits) - 1)
    digits = "".join(f"{value:0{bits}b}" for value in rows[0])
    packed = bytes(int(digits[at : at + 8], 2) for at in range(0, len(digits), 8))

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 8, 1, bits, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" + packed)), chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    np.testing.assert_array_equal(read_stored_values(tmp_path / "a.png").values, rows)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "gif", "webp", "ppm"])
def test_every_format_that_keeps_values_gives_them(tmp_path, ending):
    grey = np.array([[0, 255], [255, 0]], dtype=np.uint8)
    Image.fromarray(grey).save(tmp_path / f"a.{ending}", lossless=True)
    found = read_stored_values(tmp_path / f"a.{ending}")
    assert not found.is_lossy
    first = found.values if found.values.ndim == 2 else found.values[..., 0]
    shown = first if found.palette is None else found.palette[first][..., 0]
    np.testing.assert_array_equal(shown, grey)


def test_opacity_is_left_out(tmp_path):
    pixels = np.zeros((2, 3, 4), dtype=np.uint8)
    pixels[0, 0] = 9, 8, 7, 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_stored_values(tmp_path / "a.png").values, pixels[..., :3])


def test_sixteen_bits_stay(tmp_path):
    values = np.array([[0, 300], [65535, 1]], dtype=np.uint16)
    Image.fromarray(values).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_stored_values(tmp_path / "a.png").values, values)


def test_a_jpeg_is_lossy_and_the_orientation_is_not_applied(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(np.zeros((4, 8), dtype=np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    found = read_stored_values(tmp_path / "a.jpg")
    assert found.is_lossy
    assert found.values.shape == (4, 8)


@pytest.mark.parametrize("content", [b"", b"hello", b"P", b"RIFF", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_picture_is_an_input_error(tmp_path, content):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png: damaged"):
        read_stored_values(tmp_path / "a.png")


@pytest.mark.parametrize("ending", ["png", "bmp", "tif", "jpg", "webp", "gif"])
def test_a_file_cut_short_is_an_input_error(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / f"a.{ending}")
    content = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"a.{ending}").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_stored_values(tmp_path / f"a.{ending}")


def test_floats_are_refused(tmp_path):
    Image.fromarray(np.zeros((2, 2), dtype=np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(InputError, match="32-bit floats; whole numbers expected"):
        read_stored_values(tmp_path / "a.tif")


def test_probabilities_are_written_with_sixteen_bits(tmp_path):
    probability = np.linspace(0, 1, 50, dtype=np.float32).reshape(5, 10)
    write_probability(tmp_path / "p.png", probability)
    found = np.asarray(Image.open(tmp_path / "p.png"))
    assert found.dtype == np.uint16
    np.testing.assert_allclose(found / 65535, probability, atol=0.5 / 65535 + 1e-7)


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
def test_what_is_no_probability_is_refused(tmp_path, value):
    with pytest.raises(ValueError, match="within"):
        write_probability(tmp_path / "p.png", np.full((2, 2), value, dtype=np.float32))
