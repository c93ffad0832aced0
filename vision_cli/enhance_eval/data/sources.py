"""Pictures of files, read when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.photographs import photograph_size, read_photograph, write_photograph
from vision_cli.io.pictures.srgb import decode_srgb


@dataclass(frozen=True)
class FileSource:
    """A picture file; `vision_cli.io.pictures.photographs` says how its pixels become RGB.

    Attributes
    ----------
    path
        The file.
    upright
        Whether the orientation that it names is applied; not where its annotation was drawn on the stored pixels.
    """

    path: Path
    upright: bool = True

    def read(self) -> Picture:
        """Return the picture, ``(H, W, 3)`` float32, sRGB-encoded, within [0, 1].

        Raises
        ------
        InputError
            If the file is damaged, cut short or empty.
        """
        pixels = read_photograph(self.path, upright=self.upright)
        return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)

    def read_linear(self) -> Picture:
        """Return its light, by the curve of sRGB: what a camera's own curve did to it is not undone."""
        return decode_srgb(self.read())

    def size(self) -> tuple[int, int]:
        """Return height and width in pixels, from the header alone."""
        return photograph_size(self.path, upright=self.upright)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture with 8 bits; the ending says the format, see `vision_cli.io.pictures.photographs`."""
    write_photograph(path, np.rint(255 * picture).astype(np.uint8))
