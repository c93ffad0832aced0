"""Photographs as RGB pixels of 8 or 16 bits: PNG, JPEG, TIFF, BMP, GIF, PNM and WebP, through OpenCV.

Every file becomes ``(H, W, 3)`` by the same rules, whatever it stores:

- grey is repeated in the three channels, a palette is looked up, CMYK of a JPEG is turned into RGB without a profile;
- transparency is dropped, and the stored colours stay; a colour profile is not applied;
- 16 bits stay 16 bits, fewer than 8 are spread over 0 to 255;
- the orientation that Exif names is applied, so that the picture stands upright;
- of an animation the first frame is taken; a TIFF file of several pages is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import library_path, write_bytes
from vision_cli.io.pictures.headers import PictureHeader, is_cut_short, read_picture_header, require_picture_room
from vision_cli.io.reading import reading

Pixels = NDArray[np.uint8] | NDArray[np.uint16]

_LEVELS_A_LEVEL = 257.0
"""65535 / 255: levels of 16 bits for one of 8."""

PHOTOGRAPH_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".tif", ".tiff", ".bmp", ".gif", ".ppm", ".pgm", ".pnm", ".webp"}
)
"""Endings of what `read_photograph` reads, in lower case; files may write them in upper case."""

_HEAD = 1 << 18
"""Bytes that hold the size of nearly every file; previews and profiles may stand before it."""

_TURNED = 5
"""Orientations from this one on have rows and columns swapped."""

_PNG_COMPRESSION = 1
_JPEG_QUALITY = 95


def read_photograph(path: Path, *, upright: bool = True) -> Pixels:
    """Read a photograph.

    Parameters
    ----------
    path
        The file.
    upright
        Whether to apply the orientation that it names. Annotations of some data sets were drawn on pixels as stored.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` RGB, uint8 or uint16, by the rules of this module.

    Raises
    ------
    InputError
        If the file is damaged or cut short, holds several pages or values that are no whole numbers.
    InputTooLarge
        If its pixels would not fit into memory.
    """
    import cv2

    name = library_path(path)
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
    with reading(path):
        content = path.read_bytes()
        if not content:
            raise ValueError("it is empty")
        require_picture_room(path, content)
        if is_cut_short(content) or _lacks_its_end(content):
            raise ValueError("its end is missing")
        header = read_picture_header(content)
        is_tiff = content[:2] in {b"II", b"MM"}
        if is_tiff and header.orientation >= _TURNED:
            raise InputError(
                f"{path}: TIFF of orientation {header.orientation}; an upright one expected.",
                hint="Store it upright, or as PNG.",
            )
        if is_tiff and (pages := cv2.imcount(name)) > 1:
            raise InputError(f"{path}: {pages} pages; one expected.", hint="Split its pages.")
        pixels = cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flags)
        if pixels is None:
            raise ValueError("its pixels cannot be decoded")
    if pixels.dtype not in (np.uint8, np.uint16):
        raise InputError(
            f"{path}: pixels of {pixels.dtype}; 8 or 16 bits expected.", hint="Convert it to PNG of 8 or 16 bits."
        )
    # Orientations of TIFF without a turn are applied by the library already.
    turned = _turn(pixels, header.orientation) if upright and not is_tiff else pixels
    return np.ascontiguousarray(turned[..., ::-1])


def read_8_bit(path: Path) -> NDArray[np.uint8]:
    """Read a photograph as ``(H, W, 3)`` RGB of 8 bits; 16 bits are rounded to the nearest of 256 levels.

    Raises
    ------
    InputError
        As `read_photograph`.
    """
    return to_8_bit(read_photograph(path))


def to_8_bit(pixels: Pixels) -> NDArray[np.uint8]:
    """Return pixels of 8 bits as they are, and those of 16 rounded to the nearest of 256 levels."""
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, np.uint8)
    return np.asarray(np.rint(pixels / _LEVELS_A_LEVEL), np.uint8)


def photograph_size(path: Path, *, upright: bool = True) -> tuple[int, int]:
    """Return height and width of a photograph in pixels, from its header alone.

    Raises
    ------
    InputError
        If the file is no picture or its header is damaged.
    """
    with reading(path):
        header = _header(path)
    is_turned = upright and header.orientation >= _TURNED
    return (header.width, header.height) if is_turned else (header.height, header.width)


def write_photograph(path: Path, pixels: Pixels) -> None:
    """Write RGB pixels, whole or not at all; the ending says the format, such as ``.png`` or ``.jpg``.

    PNG is packed lightly, for speed; JPEG has quality 95.

    Parameters
    ----------
    path
        The file.
    pixels
        ``(H, W, 3)``, uint8, or uint16 where the format has it.

    Raises
    ------
    ValueError
        If the array is none of these.
    ResourceError
        If the disk is full or the folder cannot be written to.
    """
    import cv2

    if pixels.ndim != 3 or pixels.shape[2] != 3 or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{pixels.dtype} array of shape {pixels.shape}; (H, W, 3) of 8 or 16 bits expected")
    suffix = path.suffix.lower()
    options = {
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION],
        **{name: [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] for name in (".jpg", ".jpeg", ".jpe")},
    }
    if suffix not in PHOTOGRAPH_SUFFIXES or not cv2.haveImageWriter(f"a{suffix}"):
        raise ValueError(f"{path.name}: its ending names no format that can be written")
    is_written, content = cv2.imencode(suffix, np.ascontiguousarray(pixels[..., ::-1]), options.get(suffix, []))
    if not is_written:
        raise ValueError(f"{path.suffix}: {pixels.dtype} pixels cannot be written in this format")
    write_bytes(path, content.tobytes())


def _header(path: Path) -> PictureHeader:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        try:
            return read_picture_header(head)
        except ValueError:
            return read_picture_header(head + stream.read())


def _lacks_its_end(content: bytes) -> bool:
    """Whether a PNG, BMP or WebP file is shorter than it says: the library would print its complaint."""
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content
    if content.startswith(b"BM"):
        return len(content) < int.from_bytes(content[2:6], "little")
    if content.startswith(b"RIFF"):
        return len(content) < 8 + int.from_bytes(content[4:8], "little")
    return False


def _turn(pixels: NDArray[np.generic], orientation: int) -> NDArray[np.generic]:
    """Turn pixels upright (Exif 2.3, tag 274: where the stored row 0 and column 0 lie in the scene)."""
    if orientation >= _TURNED:
        pixels = pixels.transpose(1, 0, 2)
    # Of a transposed picture, 5 is done, 6 is mirrored left to right, 7 both ways, 8 upside down.
    flips: dict[int, tuple[int, int]] = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
    rows, columns = flips.get(orientation, (1, 1))
    return pixels[::rows, ::columns]
