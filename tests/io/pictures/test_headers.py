"""The size of a picture is read from its header, for every kind of file that commands take."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from vision_cli.core.errors import InputTooLarge
from vision_cli.io import limits
from vision_cli.io.pictures.headers import read_picture_header, require_picture_room

SIZE = (37, 21)


def picture(kind, mode="RGB", **options):
    stream = io.BytesIO()
    Image.new(mode, SIZE).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("TIFF", {"big_tiff": True}),
        ("BMP", {}),
        ("GIF", {}),
        ("PPM", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"exif": b"Exif\0\0"}),
    ],
)
def test_the_size_is_that_of_the_picture(kind, options):
    header = read_picture_header(picture(kind, **options))
    assert (header.width, header.height) == SIZE


def test_a_grey_png_takes_a_byte_a_pixel():
    assert read_picture_header(picture("PNG", "L")).pixel_bytes == 1
    assert read_picture_header(picture("PNG", "I;16")).pixel_bytes == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"words", "not a PNG, JPEG"),
        (picture("PNG")[:18], "cut short or damaged"),
        (picture("JPEG")[:30], "cut short or damaged"),
        (b"P6 width height 255 ", "damaged"),
    ],
)
def test_a_damaged_header_is_refused(content, message):
    with pytest.raises(ValueError, match=message):
        read_picture_header(content)


def test_pixels_beyond_the_memory_are_refused(monkeypatch):
    content = picture("PNG")
    require_picture_room(Path("a.png"), content)
    monkeypatch.setattr(limits, "available_memory", lambda: 10_000)
    with pytest.raises(InputTooLarge, match="the header claims 37 x 21 pixels"):
        require_picture_room(Path("a.png"), content)
