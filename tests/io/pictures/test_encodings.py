"""Encodings of picture files, against Pillow as writer."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms, PngImagePlugin

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.encodings import jpeg_bytes, jpeg_quality, read_encoding, through_jpeg, with_stored_chroma


@pytest.fixture
def pixels():
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((64, 48)))


@pytest.mark.parametrize("quality", [1, 10, 49, 50, 51, 75, 90, 99, 100])
def test_quality_is_that_which_pillow_wrote(tmp_path, pixels, quality):
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, quality=quality)
    found = read_encoding(path)
    assert (found.kind, found.quality, found.width, found.height, found.mode) == ("jpeg", quality, 64, 48, "RGB")
    assert found.file_bytes == path.stat().st_size
    assert len(found.tables) == 2


def test_quality_of_every_table_of_libjpeg_is_found_again():
    qualities = range(1, 101)
    for quality in qualities:
        stream = io.BytesIO()
        Image.new("L", (8, 8)).save(stream, "JPEG", quality=quality)
        with Image.open(stream) as picture:
            table = tuple(picture.quantization[0])
        # Steps of up to 255 are all alike at the lowest qualities, so that the highest of these is named.
        assert jpeg_quality(table) == quality or quality < 3


def test_a_table_that_is_no_scaled_copy_gets_a_near_quality():
    flat = jpeg_quality((8,) * 64)
    assert 75 < flat < 97
    assert jpeg_quality((2,) * 64) > flat > jpeg_quality((40,) * 64)


@pytest.mark.parametrize("table", [(1,) * 63, (0, *(1,) * 63), ()])
def test_what_is_no_table_is_refused(table):
    with pytest.raises(ValueError, match="quantisation steps; 64 of 1 or more expected"):
        jpeg_quality(table)


@pytest.mark.parametrize(("subsampling", "word"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
@pytest.mark.parametrize("progressive", [False, True])
def test_sampling_and_scan_are_read(tmp_path, pixels, subsampling, word, progressive):
    path = tmp_path / "a.jpg"
    Image.fromarray(pixels).save(path, subsampling=subsampling, progressive=progressive)
    found = read_encoding(path)
    assert (found.sampling, found.is_progressive) == (word, progressive)


def test_metadata_is_named(tmp_path, pixels):
    picture = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x010F] = "maker"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(tmp_path / "a.jpg", exif=exif, icc_profile=profile, comment="words")
    assert read_encoding(tmp_path / "a.jpg").metadata == ("comment", "exif", "icc")
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a prompt")
    picture.save(tmp_path / "a.png", pnginfo=text)
    assert read_encoding(tmp_path / "a.png").metadata == ("text",)
    picture.save(tmp_path / "b.png")
    assert read_encoding(tmp_path / "b.png").metadata == ()


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGB"), ("PNG", "L"), ("WEBP", "RGB"), ("BMP", "RGB"), ("GIF", "P")]
)
def test_other_kinds_have_neither_tables_nor_quality(tmp_path, pixels, kind, mode):
    path = tmp_path / "a.bin"
    Image.fromarray(pixels).convert(mode).save(path, kind)
    found = read_encoding(path)
    assert (found.kind, found.mode, found.tables, found.quality, found.sampling) == (kind.lower(), mode, (), None, "")


def test_grey_jpeg_has_one_table(tmp_path, pixels):
    Image.fromarray(pixels).convert("L").save(tmp_path / "a.jpg", quality=80)
    found = read_encoding(tmp_path / "a.jpg")
    assert (len(found.tables), found.quality, found.mode) == (1, 80, "L")


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0\x00\x10JFIF", b"\x89PNG\r\n\x1a\n"])
def test_damaged_files_are_input_errors(tmp_path, content):
    path = tmp_path / "a.jpg"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jpg"):
        read_encoding(path)


def test_a_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"none\.jpg"):
        read_encoding(tmp_path / "none.jpg")


def test_written_bytes_have_the_quality_and_halved_chroma(tmp_path, pixels):
    (tmp_path / "a.jpg").write_bytes(jpeg_bytes(pixels, 83))
    found = read_encoding(tmp_path / "a.jpg")
    assert (found.quality, found.sampling, found.is_progressive, found.metadata) == (83, "4:2:0", False, ())


def test_colours_keep_their_order_through_jpeg():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    assert np.abs(through_jpeg(red, 95).astype(int) - red).max() < 6


def test_the_second_pass_of_jpeg_changes_less(pixels):
    once = through_jpeg(pixels, 75)
    twice = through_jpeg(once, 75)
    first, second = (np.abs(a.astype(int) - b).mean() for a, b in ((pixels, once), (once, twice)))
    assert second < 0.4 * first


@pytest.mark.parametrize(("subsampling", "word"), [(1, "4:2:2"), (2, "4:2:0")])
@pytest.mark.parametrize("shape", [(48, 64), (47, 61), (2, 2), (1, 1)])
def test_chroma_that_was_halved_loses_nothing_when_it_is_halved_again(subsampling, word, shape):
    rng = np.random.default_rng(3)
    noise = 128 + 20 * rng.normal(size=(*shape, 3))
    stream = io.BytesIO()
    Image.fromarray(noise.astype(np.uint8)).save(stream, "JPEG", quality=100, subsampling=subsampling)
    decoded = np.asarray(Image.open(stream))
    stored = with_stored_chroma(decoded, word)
    kept, faded = io.BytesIO(), io.BytesIO()
    Image.fromarray(stored).save(kept, "JPEG", quality=100, subsampling=subsampling)
    Image.fromarray(decoded).save(faded, "JPEG", quality=100, subsampling=subsampling)
    with_stored, without = (np.abs(np.asarray(Image.open(one)).astype(int) - decoded).mean() for one in (kept, faded))
    assert with_stored < 1
    if min(shape) > 40:
        assert with_stored < 0.5 * without


@pytest.mark.parametrize("word", ["4:4:4", "other", ""])
def test_chroma_that_was_not_halved_stays(pixels, word):
    assert with_stored_chroma(pixels, word) is pixels
