"""Pictures of 8 bits, upright, or as stored where only that fits their mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.values import Picture
from vision_cli.io.pictures.photographs import photograph_size, read_photograph, to_8_bit

_WINDOW = (1.0, 99.0)


def read_picture(path: Path, *, upright: bool = True) -> Picture:
    """Read a picture as RGB of 8 bits.

    Grey of 16 bits is spread from its 1st to its 99th percentile, as scanners and X-rays use part of the range;
    colours of 16 bits are rounded to the nearest of 256 levels.

    Parameters
    ----------
    path
        The file.
    upright
        Whether to apply the orientation that it names.

    Returns
    -------
    ndarray
        ``(H, W, 3)`` uint8.

    Raises
    ------
    InputError
        If the file is damaged or cut short.
    InputTooLarge
        If its pixels would not fit into memory.
    """
    pixels = read_photograph(path, upright=upright)
    if pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    grey = pixels[..., :1]
    if not (grey == pixels).all():
        return to_8_bit(pixels)
    low, high = np.percentile(grey, _WINDOW)
    if high <= low:
        low, high = float(grey.min()), float(max(grey.max(), grey.min() + 1))
    spread = np.clip((grey.astype(np.float32) - low) / (high - low), 0, 1)
    return np.repeat(np.rint(255 * spread).astype(np.uint8), 3, axis=2)


def read_picture_of_size(path: Path, size: tuple[int, int], mask: str) -> Picture:
    """Read a picture that has the size of its mask, upright or else as stored.

    Masks carry no orientation: they are drawn on the upright picture or on the stored pixels, and the size says which.

    Parameters
    ----------
    path
        The file.
    size
        Height and width of the mask.
    mask
        Name of the mask, for messages.

    Raises
    ------
    InputError
        If neither has this size, or the file is damaged.
    """
    for upright in (True, False):
        if photograph_size(path, upright=upright) == size:
            return read_picture(path, upright=upright)
    height, width = photograph_size(path)
    raise InputError(
        f"{path}: {width} x {height} pixels; the {size[1]} x {size[0]} pixels of its mask {mask} expected.",
        hint="Give the mask of this picture, in its size.",
    )
