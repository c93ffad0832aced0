"""DeepGlobe in the form in which cross-domain few-shot segmentation measures it: tiles of 408 px, a folder a class.

PATNet (Lei et al., ECCV 2022) cuts the 2448 px pictures into six by six tiles, and leaves out tiles of a single class
and the unknown class. Its list of tiles is not published with a rule for slivers: here a class needs 1 % of a tile, and
leaves 1 % to others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vision_cli.fewshot_seg.data.datasets import lit_channels
from vision_cli.fewshot_seg.data.layouts.maps import DEEPGLOBE
from vision_cli.fewshot_seg.data.pictures import read_picture_of_size
from vision_cli.fewshot_seg.values import Mask, Picture

TILES = 6
_LEAST_SHARE = 0.01
_UNKNOWN = 0


@dataclass(frozen=True)
class Tile:
    """A part of a picture with a class.

    Attributes
    ----------
    folder
        Number of the class, as PATNet counts them, from 1.
    name
        File name without ending.
    picture
        The part.
    mask
        Where the class is.
    """

    folder: str
    name: str
    picture: Picture
    mask: Mask


def cut_deepglobe(number: str, picture: Path, mask: Path) -> Iterator[Tile]:
    """Yield the tiles of a picture, each class of each tile by itself.

    Parameters
    ----------
    number
        Name of the picture.
    picture, mask
        ``*_sat.jpg`` and ``*_mask.png``.

    Raises
    ------
    InputError
        If a file is damaged, or the sizes differ.
    """
    colours = lit_channels(mask)
    height, width = colours.shape
    pixels = read_picture_of_size(picture, (height, width), str(mask))
    rows, columns = (np.linspace(0, length, TILES + 1).round().astype(int) for length in (height, width))
    for row in range(TILES):
        for column in range(TILES):
            part = slice(rows[row], rows[row + 1]), slice(columns[column], columns[column + 1])
            found = colours[part]
            known = found != _UNKNOWN
            for place, colour in enumerate(DEEPGLOBE.values(), 1):
                own = found == colour
                if own.mean() >= _LEAST_SHARE and (known & ~own).mean() >= _LEAST_SHARE:
                    yield Tile(str(place), f"{number}_{row}{column}", np.ascontiguousarray(pixels[part]), own)
