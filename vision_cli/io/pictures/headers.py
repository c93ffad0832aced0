"""How large a picture says that it is, read from its header alone: a small file may claim pixels that no memory holds.

Only kinds that the commands take are known here; OpenCV knows more, and goes by the content whatever the suffix says.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vision_cli.io.limits import DEFLATE, require_room

_JPEG, _START_OF_SCAN, _END_OF_IMAGE = b"\xff\xd8\xff", b"\xff\xda", b"\xff\xd9"

_WORKING_BYTES = 16
"""Bytes a pixel of the copies that are made of a decoded picture: three channels of float32 and a grey one."""

_NO_FRAME = {0xC4, 0xC8, 0xCC}
"""Markers of JPEG among those of frames that begin none."""

_APP1 = 0xE1
_BARE = {0x01, *range(0xD0, 0xD9)}
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS, _SAMPLES, _TILE_WIDTH, _TILE_HEIGHT = 256, 257, 258, 277, 322, 323
_ORIENTATION = 274
_UPRIGHT = 1
_EXIF = b"Exif\0\0"


@dataclass(frozen=True)
class PictureHeader:
    """What a header says.

    Attributes
    ----------
    width, height
        Pixels along each axis.
    pixel_bytes
        Bytes of a decoded pixel.
    most
        Bytes that the file can hold at most, by its kind and length.
    orientation
        How the stored rows and columns lie in the scene, 1 to 8 as Exif 2.3 numbers them (tag 274); 1 is upright.
    """

    width: int
    height: int
    pixel_bytes: int
    most: float = math.inf
    orientation: int = _UPRIGHT


def require_picture_room(path: Path, content: bytes) -> None:
    """Refuse a picture whose pixels would not fit into memory.

    Parameters
    ----------
    path
        The file, for messages.
    content
        Its bytes.

    Raises
    ------
    ValueError
        If it is none of the known kinds, or its header is cut short.
    InputError, InputTooLarge
        As `require_room`.
    """
    found = read_picture_header(content)
    pixels = found.width * found.height
    require_room(
        path,
        pixels * (2 * found.pixel_bytes + _WORKING_BYTES),
        f"the header claims {found.width} x {found.height} pixels",
        stored=pixels / 8,
        most=found.most,
        hint="Crop the picture or make it smaller, or use a machine with more memory.",
    )


def read_picture_header(content: bytes) -> PictureHeader:
    """Read the size of a PNG, JPEG, TIFF, BMP, GIF, PNM or WebP file.

    Raises
    ------
    ValueError
        If it is none of these, or its header is cut short.
    """
    for start, read in _KINDS:
        if start.match(content):
            try:
                return read(content)
            except (struct.error, IndexError, KeyError) as error:
                raise ValueError("its header is cut short or damaged") from error
    raise ValueError("not a PNG, JPEG, TIFF, BMP, GIF, PNM or WebP file")


def _png(content: bytes) -> PictureHeader:
    width, height, bits, colour = struct.unpack_from(">IIBB", content, 16)
    return PictureHeader(
        width,
        height,
        (4 if colour else 1) * (2 if bits == 16 else 1),
        DEFLATE * len(content),
        _chunk_orientation(content, 8, ">I4s", b"eXIf"),
    )


def _jpeg(content: bytes) -> PictureHeader:
    place, orientation = 2, _UPRIGHT
    while True:
        if content[place] != 0xFF:
            raise ValueError("its header is damaged")
        marker = content[place + 1]
        if marker == 0xFF:
            place += 1
        elif marker in _BARE:
            place += 2
        elif 0xC0 <= marker <= 0xCF and marker not in _NO_FRAME:
            height, width, channels = struct.unpack_from(">HHB", content, place + 5)
            return PictureHeader(width, height, channels, orientation=orientation)
        else:
            (length,) = struct.unpack_from(">H", content, place + 2)
            if marker == _APP1 and content.startswith(_EXIF, place + 4):
                orientation = _exif_orientation(content[place + 4 : place + 2 + length])
            place += 2 + max(2, length)


def _tiff(content: bytes) -> PictureHeader:
    values = {_BITS: 1, _SAMPLES: 1, _TILE_WIDTH: 0, _TILE_HEIGHT: 0, _ORIENTATION: _UPRIGHT}
    values |= _tiff_values(content, {_WIDTH, _HEIGHT, *values})
    depth = max(1, -(-values[_BITS] // 8))
    # A tile is decoded whole, however small the picture in it.
    return PictureHeader(
        max(values[_WIDTH], values[_TILE_WIDTH]),
        max(values[_HEIGHT], values[_TILE_HEIGHT]),
        depth * max(values[_SAMPLES], 3),
        orientation=values[_ORIENTATION],
    )


def _tiff_values(content: bytes, tags: set[int]) -> dict[int, int]:
    """Read the first number of each of these tags in the first directory of a TIFF file."""
    order = "<" if content[:2] == b"II" else ">"
    is_big = struct.unpack_from(f"{order}H", content, 2)[0] == 43
    (place,) = struct.unpack_from(f"{order}Q" if is_big else f"{order}I", content, 8 if is_big else 4)
    (count,) = struct.unpack_from(f"{order}Q" if is_big else f"{order}H", content, place)
    start, step, inline = (place + 8, 20, 8) if is_big else (place + 2, 12, 4)
    values: dict[int, int] = {}
    for entry in range(start, start + step * min(count, 1 << 16), step):
        tag, kind = struct.unpack_from(f"{order}HH", content, entry)
        if tag not in tags or kind not in _TIFF_TYPES:
            continue
        (number,) = struct.unpack_from(f"{order}Q" if is_big else f"{order}I", content, entry + 4)
        at = entry + 4 + inline
        if number * struct.calcsize(_TIFF_TYPES[kind]) > inline:
            (at,) = struct.unpack_from(f"{order}Q" if is_big else f"{order}I", content, at)
        values[tag] = struct.unpack_from(order + _TIFF_TYPES[kind], content, at)[0]
    return values


def _exif_orientation(content: bytes) -> int:
    """Read the orientation in a block of Exif; what cannot be understood turns nothing."""
    block = content.removeprefix(_EXIF)
    try:
        found = _tiff_values(block, {_ORIENTATION}).get(_ORIENTATION, _UPRIGHT)
    except struct.error:
        return _UPRIGHT
    return found if 1 <= found <= 8 else _UPRIGHT


def _chunk_orientation(content: bytes, place: int, header: str, wanted: bytes) -> int:
    """Read the orientation in the block of Exif of a PNG or WebP file, one chunk behind the other."""
    is_riff = header[0] == "<"
    while place + 8 <= len(content):
        first, second = struct.unpack_from(header, content, place)
        length, name = (second, first) if is_riff else (first, second)
        if name == wanted:
            return _exif_orientation(content[place + 8 : place + 8 + length])
        place += 8 + length + (length & 1 if is_riff else 4)
    return _UPRIGHT


def _bmp(content: bytes) -> PictureHeader:
    (length,) = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", content, 18)
    return PictureHeader(abs(width), abs(height), 4)


def _gif(content: bytes) -> PictureHeader:
    width, height = struct.unpack_from("<HH", content, 6)
    return PictureHeader(width, height, 4)


def _pnm(content: bytes) -> PictureHeader:
    # Comments may stand between the numbers.
    words = re.sub(rb"#[^\n]*\n", b" ", content[:4096]).split(maxsplit=4)
    if len(words) < 3 or not (words[1].isdigit() and words[2].isdigit() and len(words[1] + words[2]) < 20):
        raise ValueError("its header is damaged")
    return PictureHeader(int(words[1]), int(words[2]), 6, 8 * len(content))


def _webp(content: bytes) -> PictureHeader:
    kind = content[12:16]
    if kind == b"VP8X":
        width, height = (1 + int.from_bytes(content[at : at + 3], "little") for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", content, 21)
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (n & 0x3FFF for n in struct.unpack_from("<HH", content, 26))
    return PictureHeader(width, height, 4, orientation=_chunk_orientation(content, 12, "<4sI", b"EXIF"))


_KINDS: tuple[tuple[re.Pattern[bytes], Callable[[bytes], PictureHeader]], ...] = (
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), _tiff),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"GIF8"), _gif),
    (re.compile(rb"P[1-6]\s"), _pnm),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
)


def is_cut_short(content: bytes) -> bool:
    """Whether a file is empty, or a JPEG that ends within a scan: the library would fill what is missing with grey."""
    return not content or (content.startswith(_JPEG) and content.rfind(_END_OF_IMAGE) < content.rfind(_START_OF_SCAN))
