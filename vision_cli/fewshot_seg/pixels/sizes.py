"""The size that pictures are worked at, and the way back to the size they came in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.fewshot_seg.values import Floats, Mask, Picture

WORKING_SIDE = 224
"""Root of the number of pixels that a picture is worked at: one for all, since features have scales in px."""

_SHORTEST = 24


def working_size(shape: Sequence[int], side: int = WORKING_SIDE) -> tuple[int, int]:
    """Return the height and width that a picture ``(H, W, ...)`` is worked at: about ``side²`` px, proportions kept.

    A picture of extreme proportions keeps at least 24 px across, and is shortened to as many pixels.
    """
    height, width = shape[0], shape[1]
    scale = side / (height * width) ** 0.5
    longest = side * side // _SHORTEST
    rows, columns = (int(np.clip(round(length * scale), _SHORTEST, longest)) for length in (height, width))
    return rows, columns


def resize_picture(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture at a height and width."""
    import cv2

    if picture.shape[:2] == size:
        return picture
    shrinks = picture.shape[0] * picture.shape[1] > size[0] * size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=method), np.uint8)


def resize_mask(mask: Mask, size: tuple[int, int]) -> Mask:
    """Return a mask at a height and width; one that is not empty stays so.

    A pixel belongs to it that is covered by half or more. If there is none, as with the smallest objects, those do that
    are covered by half as much as the most covered one.
    """
    if mask.shape == size:
        return mask
    coverage = resize_map(mask.astype(np.float32), size)
    return np.asarray(coverage >= min(0.5, max(float(coverage.max()) / 2, 1e-6)))


def resize_map(values: Floats, size: tuple[int, int]) -> Floats:
    """Return real values at a height and width."""
    import cv2

    if values.shape == size:
        return values
    shrinks = values.shape[0] * values.shape[1] > size[0] * size[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, size[::-1], interpolation=method), np.float32)
