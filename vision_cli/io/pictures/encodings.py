"""How a picture file was encoded, from its headers alone: kind, size, JPEG tables and quality, metadata."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.reading import reading

Table = tuple[int, ...]

_KINDS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "PPM", "WEBP")

# Tables K.1 and K.2 of ITU-T T.81, row by row.
_LUMA = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_TABLE_VALUES = 64
_LARGEST_STEP = 255
_METADATA = {"exif": "exif", "icc_profile": "icc", "xmp": "xmp", "XML:com.adobe.xmp": "xmp", "comment": "comment"}
_HALVED_AXES = {"4:2:0": (0, 1), "4:2:2": (1,)}
_SAMPLINGS = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}


@dataclass(frozen=True)
class PictureEncoding:
    """What the headers of a picture file say.

    Attributes
    ----------
    kind
        ``jpeg``, ``png`` and so on.
    width, height
        In pixels, as stored.
    mode
        Channels as Pillow names them, such as ``RGB``, ``L``, ``P``, ``CMYK``.
    tables
        Quantisation tables of a JPEG file, 64 steps row by row each; none of other kinds.
    quality
        1 to 100 in libjpeg's scale, the nearest to the luma table; None of other kinds.
    sampling
        Chroma subsampling of a JPEG file, such as ``4:2:0``; empty of other kinds.
    is_progressive
        Whether a JPEG file is progressive.
    metadata
        Which of exif, icc, xmp, comment and text there are, sorted.
    file_bytes
        Length of the file.
    """

    kind: str
    width: int
    height: int
    mode: str
    tables: tuple[Table, ...]
    quality: int | None
    sampling: str
    is_progressive: bool
    metadata: tuple[str, ...]
    file_bytes: int


def read_encoding(path: Path) -> PictureEncoding:
    """Read how a picture file was encoded; its pixels are not decoded.

    Raises
    ------
    InputError
        If it is none of the known kinds, or its header is damaged.
    """
    from PIL import Image, JpegImagePlugin

    with reading(path), warnings.catch_warnings():
        # Only headers are read: a large picture takes no memory here.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(path, formats=_KINDS) as picture:
            kind = (picture.format or "").lower()
            tables: tuple[Table, ...] = ()
            sampling = ""
            if isinstance(picture, JpegImagePlugin.JpegImageFile):
                found = picture.quantization
                tables = tuple(tuple(int(step) for step in found[number]) for number in sorted(found))
                sampling = _SAMPLINGS.get(JpegImagePlugin.get_sampling(picture), "other")
            names = {_METADATA[key] for key in picture.info if key in _METADATA and picture.info[key]}
            if kind == "png" and any(isinstance(value, str) for value in picture.info.values()):
                names.add("text")
            return PictureEncoding(
                kind,
                picture.width,
                picture.height,
                picture.mode,
                tables,
                jpeg_quality(tables[0]) if tables else None,
                sampling,
                bool(picture.info.get("progressive")),
                tuple(sorted(names)),
                path.stat().st_size,
            )


def jpeg_quality(table: Table) -> int:
    """Estimate the quality of a JPEG file from its luma quantisation table, 64 steps row by row.

    The standard table is scaled as libjpeg does (``jcparam.c``, `jpeg_quality_scaling`) for every quality; the nearest
    in mean absolute logarithm of the steps is taken. Tables of other programs are no scaled copies: theirs is the
    quality of libjpeg that removes about as much.

    Raises
    ------
    ValueError
        If there are not 64 steps of 1 or more.
    """
    if len(table) != _TABLE_VALUES or min(table) < 1:
        raise ValueError(f"{len(table)} quantisation steps; {_TABLE_VALUES} of 1 or more expected")
    distances = np.abs(np.log(_standard_tables()) - np.log(np.asarray(table, np.float64))).mean(axis=1)
    # Ties go to the higher quality.
    return int(100 - distances[::-1].argmin())


def jpeg_bytes(pixels: NDArray[np.uint8], quality: int, *, has_full_chroma: bool = False) -> bytes:
    """Return a picture, ``(H, W, 3)`` RGB, as a baseline JPEG file, with chroma halved both ways unless it is full."""
    import cv2

    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444 if has_full_chroma else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    is_written, content = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), settings)
    if not is_written:
        raise ValueError(f"{pixels.dtype} pixels of shape {pixels.shape} cannot be written as JPEG")
    return content.tobytes()


def through_jpeg(pixels: NDArray[np.uint8], quality: int, *, has_full_chroma: bool = False) -> NDArray[np.uint8]:
    """Return what is left of a picture, ``(H, W, 3)`` RGB, after JPEG at a quality; see `jpeg_bytes`."""
    import cv2

    content = np.frombuffer(jpeg_bytes(pixels, quality, has_full_chroma=has_full_chroma), np.uint8)
    return np.ascontiguousarray(np.asarray(cv2.imdecode(content, cv2.IMREAD_COLOR), np.uint8)[..., ::-1])


def with_stored_chroma(pixels: NDArray[np.uint8], sampling: str) -> NDArray[np.uint8]:
    """Return a decoded JPEG picture, ``(H, W, 3)`` RGB, with the chroma samples of its file, each repeated.

    Decoders interpolate halved chroma, a sample from its neighbours by 3/4 and 1/4 (libjpeg, ``jdsample.c``). Halving
    it once more, as the next encoding does, so takes the means ``c[i-1]/8 + 3 c[i]/4 + c[i+1]/8``: chroma fades with
    each encoding. The means are solved for the samples; halving these again changes nothing.

    Parameters
    ----------
    pixels
        The picture as libjpeg decodes it, not turned.
    sampling
        That of the file, see `PictureEncoding`; a picture of any but 4:2:0 and 4:2:2 is returned as it is.
    """
    if sampling not in _HALVED_AXES:
        return pixels
    import cv2

    planes = np.asarray(cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2YCrCb), np.float32)
    chroma = planes[..., 1:].astype(np.float64)
    for axis in _HALVED_AXES[sampling]:
        chroma = _stored(chroma, axis)
    planes[..., 1:] = chroma
    rgb = np.asarray(cv2.cvtColor(planes, cv2.COLOR_YCrCb2RGB), np.float32)
    return np.asarray(np.clip(np.rint(rgb), 0, _LARGEST_STEP), np.uint8)


def _stored(chroma: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Return chroma before it was interpolated to twice the samples along an axis, each sample repeated."""
    from scipy.linalg import solveh_banded

    lines = np.moveaxis(chroma, axis, 0)
    length = len(lines)
    lines = np.pad(lines, ((0, length % 2), *((0, 0),) * (lines.ndim - 1)), mode="edge")
    means = (lines[::2] + lines[1::2]) / 2
    if len(means) == 1:
        return np.moveaxis(np.repeat(means, 2, axis=0)[:length], 0, axis)
    bands = np.full((2, len(means)), 1 / 8)
    bands[1] = 3 / 4
    # The first and the last sample stand in for the neighbours that they lack.
    bands[1, 0] += 1 / 8
    bands[1, -1] += 1 / 8
    samples = solveh_banded(bands, means.reshape(len(means), -1)).reshape(means.shape)
    return np.moveaxis(np.repeat(samples, 2, axis=0)[:length], 0, axis)


def _standard_tables() -> NDArray[np.float64]:
    """Return the luma tables of the qualities 1 to 100, ``(100, 64)``."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    steps = (np.asarray(_LUMA).reshape(1, -1) * scale[:, None] + 50) // 100
    return np.asarray(np.clip(steps, 1, _LARGEST_STEP), np.float64)
