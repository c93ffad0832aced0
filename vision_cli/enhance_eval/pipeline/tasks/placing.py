"""How a picture is brought to a network's input, and boxes back to the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Picture

Fit = Literal["stretch", "letterbox", "corner"]
"""``stretch`` changes the sides apart; the others keep their ratio and fill the rest with grey 114 of 255: on both
sides (YOLOv5 and v8), or to the right and below (YOLOX)."""

_GREY = 114 / 255


@dataclass(frozen=True)
class Placement:
    """Where a picture lies in a network's input.

    Attributes
    ----------
    scale
        Pixels of the input along x and y for one of the picture.
    offset
        Where its upper left corner is, x and y.
    size
        Height and width of the picture.
    """

    scale: tuple[float, float]
    offset: tuple[float, float]
    size: tuple[int, int]

    def to_picture(self, corners: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return boxes ``(N, 4)`` of the input as boxes of the picture, cut off at its borders."""
        height, width = self.size
        shifted = (corners - np.tile(self.offset, 2)) / np.tile(self.scale, 2)
        return np.asarray(np.clip(shifted, 0, [width, height, width, height]), dtype=np.float32)


def place(picture: Picture, size: tuple[int, int], fit: Fit) -> tuple[Picture, Placement]:
    """Bring a picture to height and width of an input.

    Smaller pixels are averaged where the picture shrinks, so that no detail aliases.
    """
    import cv2

    height, width = picture.shape[:2]
    if fit == "stretch":
        ratio = (size[1] / width, size[0] / height)
        inner = size
    else:
        one = min(size[0] / height, size[1] / width)
        inner = (max(1, round(height * one)), max(1, round(width * one)))
        ratio = (inner[1] / width, inner[0] / height)
    shrinks = inner[0] < height and inner[1] < width
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    resized = picture if inner == (height, width) else cv2.resize(picture, inner[::-1], interpolation=method)
    if inner == size:
        return np.asarray(resized, dtype=np.float32), Placement(ratio, (0.0, 0.0), (height, width))
    top, left = ((size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2) if fit == "letterbox" else (0, 0)
    whole = np.full((*size, 3), _GREY, dtype=np.float32)
    whole[top : top + inner[0], left : left + inner[1]] = resized
    return whole, Placement(ratio, (float(left), float(top)), (height, width))
