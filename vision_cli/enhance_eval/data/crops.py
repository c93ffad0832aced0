"""Square crops of objects with some of what surrounds them: what a classifier of objects looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

CROP_SIDE = 64
"""Rows and columns of a crop."""

CONTEXT = 1.3
"""Side of a crop as a multiple of the longer side of the box."""


def crop_object(
    picture: Picture,
    corners: NDArray[np.float32],
    *,
    zoom: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
) -> Picture:
    """Return the square around an object, ``(64, 64, 3)``; beyond its borders the picture goes on mirrored.

    Parameters
    ----------
    picture
        ``(H, W, 3)``, encoded or linear.
    corners
        ``(4,)``, pixels.
    zoom
        Factor on the side of the square, which is `CONTEXT` times the longer side of the box.
    shift
        Of its centre, right and down, as shares of its side.
    """
    import cv2

    left, top, right, bottom = (float(value) for value in corners)
    length = max(2, round(max(right - left, bottom - top) * CONTEXT * zoom))
    x = round((left + right) / 2 + shift[0] * length - length / 2)
    y = round((top + bottom) / 2 + shift[1] * length - length / 2)
    height, width = picture.shape[:2]
    margin = max(0, -x, -y, x + length - width, y + length - height)
    padded = cv2.copyMakeBorder(picture, margin, margin, margin, margin, borderType=cv2.BORDER_REFLECT_101)
    square = padded[y + margin : y + margin + length, x + margin : x + margin + length]
    method = cv2.INTER_AREA if length > CROP_SIDE else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (CROP_SIDE, CROP_SIDE), interpolation=method), np.float32)
