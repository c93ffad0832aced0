"""Pictures as 2D images: PNG, TIFF and JPEG of 8 or 16 bits, through OpenCV.

A picture carries no geometry: a pixel is 1 mm and the axes are those of LPS, as ITK has it.
Arrays are ``(X, Y)``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import library_path
from vision_cli.io.pictures.headers import is_cut_short, require_picture_room
from vision_cli.io.reading import reading
from vision_cli.io.volumes.raw import RawImage, pixel_grid


def read_picture(path: Path) -> RawImage:
    """Read a picture; colours become luminance, with a note.

    Raises
    ------
    InputError
        If the file is damaged, or holds several pages.
    """
    import cv2

    name = library_path(path)
    with reading(path):
        content = path.read_bytes()
        require_picture_room(path, content)
        if is_cut_short(content):
            raise ValueError("its end is missing")
        pixels = cv2.imread(name, cv2.IMREAD_UNCHANGED)
        if pixels is None:
            raise ValueError("not a whole PNG, TIFF or JPEG file")
        pages = cv2.imcount(name) if path.suffix.lower() in {".tif", ".tiff"} else 1
    if pages > 1:
        raise InputError(
            f"{path}: {pages} pages; one expected.", hint="Convert the stack to NIfTI, or split its pages."
        )
    grey, notes = _grey(pixels)
    return RawImage(grey.T, pixel_grid(2), pixels.dtype, notes)


def write_picture(path: Path, data: NDArray[np.generic]) -> None:
    """Write ``(X, Y)`` values of 8 or 16 bits, or float32 as TIFF; the grid is not kept."""
    import cv2

    if not cv2.imwrite(str(path), np.ascontiguousarray(data.T)):
        raise OSError(f"{path}: the picture could not be written")


def _grey(pixels: NDArray[np.generic]) -> tuple[NDArray[np.generic], tuple[str, ...]]:
    import cv2

    if pixels.ndim == 2:
        return pixels, ()
    colours = pixels[..., :3]
    if np.all(colours == colours[..., :1]):
        return colours[..., 0], ()
    weighed = cv2.cvtColor(np.ascontiguousarray(colours, dtype=np.float32), cv2.COLOR_BGR2GRAY)
    return np.asarray(weighed), ("colours were turned into luminance",)
