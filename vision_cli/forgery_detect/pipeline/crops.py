"""Squares around faces, at the resolution of the file: every resampling changes the traces that a generator leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.values import FaceCrop, Floats, Picture

LEAST_SIDE = 64
"""Side of the smallest square that is scored, px."""


def crop_around(
    picture: Picture, box: Floats, *, margin: float, mask: NDArray[np.float32] | None = None, is_found: bool = True
) -> FaceCrop:
    """Return the square around a box; beyond the edge of the picture it is mirrored.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    box
        ``(4,)`` left, top, width and height in pixels, as a detector returns them.
    margin
        Side of the square as a multiple of the longer side of the box. A square that is longer than the shorter side
        of the picture is reduced to it, so that no mirrored strip is wider than the picture.
    mask
        ``(H, W)`` in 0 to 1: how far each pixel is forged.
    is_found
        Whether a detector found the box.
    """
    height, width = picture.shape[:2]
    side = min(max(round(margin * float(max(box[2], box[3]))), LEAST_SIDE), height, width)
    left = round(float(box[0] + box[2] / 2) - side / 2)
    top = round(float(box[1] + box[3] / 2) - side / 2)
    # A square that fits is moved into the picture before anything is mirrored, by at most an eighth of its side.
    most = side // 8
    left = int(np.clip(np.clip(left, 0, width - side), left - most, left + most))
    top = int(np.clip(np.clip(top, 0, height - side), top - most, top + most))
    rows, columns = _mirrored(top, side, height), _mirrored(left, side, width)
    return FaceCrop(
        np.ascontiguousarray(picture[rows][:, columns]),
        np.array([left, top, left + side, top + side], np.float64),
        is_found,
        None if mask is None else np.ascontiguousarray(mask[rows][:, columns], np.float32),
    )


def central_crop(picture: Picture, *, share: float = 1.0, mask: NDArray[np.float32] | None = None) -> FaceCrop:
    """Return the square in the middle of a picture, for pictures in which no face is found.

    Parameters
    ----------
    picture
        ``(H, W, 3)``.
    share
        Its side as a share of the shorter side.
    mask
        As in `crop_around`.
    """
    height, width = picture.shape[:2]
    side = share * min(height, width)
    box = np.array([(width - side) / 2, (height - side) / 2, side, side])
    return crop_around(picture, box, margin=1.0, mask=mask, is_found=False)


def _mirrored(start: int, count: int, size: int) -> NDArray[np.int64]:
    """Return places of a row of pixels, mirrored at both ends without repeating the last one."""
    period = max(2 * size - 2, 1)
    places = np.abs(np.arange(start, start + count)) % period
    return np.where(places < size, places, period - places)
