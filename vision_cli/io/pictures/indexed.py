"""Pictures whose values are no colours: masks, maps of class numbers behind a palette, and probabilities.

Through Pillow, which gives the numbers of a palette where OpenCV gives its colours. No orientation is applied:
annotations are drawn on pixels as they are stored.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import write_bytes
from vision_cli.io.pictures.headers import is_cut_short, require_picture_room
from vision_cli.io.reading import reading

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

Values = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.int32]

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"
_BITS_AT, _COLOUR_AT, _GREY = 24, 25, 0
"""Places of bit depth and colour type in the header of a PNG file, and the type of grey."""

_OPACITY_MODES = {"RGBA", "RGBX", "RGBa"}
_OTHER_COLOURS = {"CMYK", "YCbCr", "HSV", "LAB"}
_PALETTE_SIZE = 256
_PROBABILITY_MOST = 65535


@dataclass(frozen=True)
class StoredValues:
    """The values of a picture as they are stored.

    Attributes
    ----------
    values
        ``(H, W)`` of grey or of palette numbers, or ``(H, W, 3)`` of colours. Opacity is left out.
    palette
        ``(N, 3)`` uint8, the colours that the numbers stand for; None where the values are no such numbers.
    is_lossy
        Whether the format changes values, as JPEG does.
    """

    values: Values
    palette: NDArray[np.uint8] | None
    is_lossy: bool


def read_stored_values(path: Path) -> StoredValues:
    """Read the values of a mask or of a map of numbers.

    Raises
    ------
    InputError
        If the file is damaged, cut short or no picture, or holds values that are no whole numbers.
    InputTooLarge
        If its pixels would not fit into memory.
    """
    from PIL import Image

    with reading(path):
        content = path.read_bytes()
        if not content:
            raise ValueError("it is empty")
        require_picture_room(path, content)
        if is_cut_short(content):
            raise ValueError("its end is missing")
        picture: Image.Image = _open(content)
        mode, palette = picture.mode, None
        if mode == "F":
            raise InputError(f"{path}: values of 32-bit floats; whole numbers expected.", hint="Convert it to PNG.")
        if mode in {"P", "PA"}:
            picture.load()
            palette = np.asarray(picture.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
        if mode in {"PA", "LA", "La"}:
            picture = picture.getchannel(0)
        elif mode in _OPACITY_MODES:
            picture = Image.merge("RGB", picture.split()[:3])
        elif mode in _OTHER_COLOURS:
            picture = picture.convert("RGB")
        values = np.asarray(picture)
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    elif mode == "L" and content.startswith(_PNG) and content[_COLOUR_AT] == _GREY and content[_BITS_AT] < 8:
        # Grey of 2 and 4 bits is spread over 0 to 255 as it is read; numbers of classes are meant as they are stored.
        values = values // (255 // ((1 << content[_BITS_AT]) - 1))
    elif values.dtype not in (np.uint8, np.uint16):
        values = values.astype(np.int32)
    return StoredValues(np.ascontiguousarray(values), palette, content.startswith(_JPEG))


def write_index_picture(path: Path, values: NDArray[np.integer], palette: Sequence[tuple[int, int, int]]) -> None:
    """Write class numbers as a PNG of palette indices, whole or not at all.

    Parameters
    ----------
    path
        The file.
    values
        ``(H, W)``, each the position of an entry of the palette.
    palette
        Colours, 256 at most.

    Raises
    ------
    ValueError
        If a value has no entry.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    from PIL import Image

    if values.ndim != 2 or not 0 < len(palette) <= _PALETTE_SIZE:
        raise ValueError(f"values of shape {values.shape}, {len(palette)} colours; (H, W) and 1 to 256 expected")
    if values.size and not 0 <= int(values.min()) <= int(values.max()) < len(palette):
        raise ValueError(f"values {values.min()} to {values.max()}; 0 to {len(palette) - 1} expected")
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.uint8))
    picture.putpalette([level for colour in palette for level in colour])
    stream = io.BytesIO()
    picture.save(stream, format="PNG")
    write_bytes(path, stream.getvalue())


def write_labels(path: Path, values: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write numbers such as those of objects as a grey PNG of 8 or 16 bits, whole or not at all.

    Parameters
    ----------
    path
        The file.
    values
        ``(H, W)``.

    Raises
    ------
    ValueError
        If the array is of another kind.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    import cv2

    if values.ndim != 2 or values.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{values.dtype} array of shape {values.shape}; (H, W) of 8 or 16 bits expected")
    is_written, content = cv2.imencode(".png", values)
    if not is_written:
        raise ValueError(f"{path.name}: {values.shape} cannot be written as PNG")
    write_bytes(path, content.tobytes())


def class_palette(count: int) -> tuple[tuple[int, int, int], ...]:
    """Return the colours of PASCAL VOC: black for 0, then the bits of the number spread over the three channels.

    Bit ``3 j + c`` of a number becomes bit ``7 - j`` of channel ``c`` (VOC development kit, ``VOClabelcolormap``).
    """
    numbers = np.arange(count)[:, None]
    channels = np.arange(3)
    colours = sum(((numbers >> (3 * j + channels)) & 1) << (7 - j) for j in range(8))
    return tuple((int(r), int(g), int(b)) for r, g, b in np.asarray(colours).reshape(count, 3))


def write_probability(path: Path, probability: NDArray[np.floating]) -> None:
    """Write probabilities as a PNG of 16-bit grey: 65535 is 1; whole or not at all.

    Parameters
    ----------
    path
        The file.
    probability
        ``(H, W)``, within [0, 1].

    Raises
    ------
    ValueError
        If a value is none of these.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    if probability.ndim != 2 or not bool(((probability >= 0) & (probability <= 1)).all()):
        raise ValueError(f"array of shape {probability.shape}; (H, W) within [0, 1] expected")
    write_labels(path, np.rint(probability.astype(np.float64) * _PROBABILITY_MOST).astype(np.uint16))


def _open(content: bytes) -> ImageFile:
    """Open a picture by the module of its kind: Pillow's own limit of pixels is not asked, as the memory was."""
    from PIL import (
        BmpImagePlugin,
        GifImagePlugin,
        JpegImagePlugin,
        PngImagePlugin,
        PpmImagePlugin,
        TiffImagePlugin,
        WebPImagePlugin,
    )

    kinds: tuple[tuple[bytes, type[ImageFile]], ...] = (
        (_PNG, PngImagePlugin.PngImageFile),
        (_JPEG, JpegImagePlugin.JpegImageFile),
        (b"II", TiffImagePlugin.TiffImageFile),
        (b"MM", TiffImagePlugin.TiffImageFile),
        (b"BM", BmpImagePlugin.BmpImageFile),
        (b"GIF8", GifImagePlugin.GifImageFile),
        (b"P", PpmImagePlugin.PpmImageFile),
        (b"RIFF", WebPImagePlugin.WebPImageFile),
    )
    kind = next(made for start, made in kinds if content.startswith(start))
    return kind(io.BytesIO(content))
