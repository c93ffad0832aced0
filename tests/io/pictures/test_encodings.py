"""What headers of pictures tell of their encoding."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from vision_cli.core.errors import InputError
from vision_cli.io.pictures.encodings import jpeg_bytes, jpeg_quality, read_encoding, through_jpeg

PICTURE = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)


def test_every_quality_that_pillow_writes_is_recognised(tmp_path):
    path = tmp_path / "a.jpg"
    for quality in range(1, 101):
        Image.fromarray(PICTURE).save(path, quality=quality)
        assert read_encoding(path).quality == quality


def test_tables_that_are_no_scaled_copies_have_the_quality_of_the_nearest():
    assert jpeg_quality((1,) * 64) == 100
    assert jpeg_quality((255,) * 64) == 1
    with pytest.raises(ValueError, match="63 quantisation steps; 64 of 1 or more expected"):
        jpeg_quality((1,) * 63)


def test_sampling_scan_and_metadata_are_told(tmp_path):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[271] = "maker"
    Image.fromarray(PICTURE).save(path, subsampling=0, progressive=True, exif=exif, comment=b"hello")
    found = read_encoding(path)
    assert (found.kind, found.width, found.height, found.mode) == ("jpeg", 48, 32, "RGB")
    assert (found.sampling, found.is_progressive, found.metadata) == ("4:4:4", True, ("comment", "exif"))
    assert found.file_bytes == path.stat().st_size
    text = PngImagePlugin.PngInfo()
    text.add_text("parameters", "a portrait")
    Image.fromarray(PICTURE).convert("L").save(tmp_path / "b.png", pnginfo=text)
    found = read_encoding(tmp_path / "b.png")
    assert (found.kind, found.mode, found.tables, found.quality, found.metadata) == ("png", "L", (), None, ("text",))


def test_our_own_jpeg_is_what_pillow_decodes(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg_bytes(PICTURE, 80))
    found = read_encoding(tmp_path / "a.jpg")
    assert (found.quality, found.sampling, found.is_progressive) == (80, "4:2:0", False)
    decoded = np.asarray(Image.open(io.BytesIO(jpeg_bytes(PICTURE, 80))))
    assert np.abs(decoded.astype(int) - through_jpeg(PICTURE, 80)).max() <= 4


@pytest.mark.parametrize("content", [b"", b"no picture", b"\xff\xd8\xff\xe0\x00", b"\x89PNG\r\n\x1a\n"])
def test_damaged_files_are_said(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.jpg: damaged"):
        read_encoding(tmp_path / "a.jpg")
