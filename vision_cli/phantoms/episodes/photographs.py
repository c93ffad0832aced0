"""Photographs that the wheels of scikit-image and scikit-learn hold, for textures of generated episodes.

Nothing is fetched. The photographs of training and of validation are disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.phantoms.wheel_photographs import read_wheel_photograph

Split = Literal["train", "validation"]

PHOTOGRAPHS: Mapping[Split, Sequence[str]] = {
    "train": (
        "skimage/data/astronaut.png",
        "skimage/data/brick.png",
        "skimage/data/coffee.png",
        "skimage/data/coins.png",
        "skimage/data/grass.png",
        "skimage/data/hubble_deep_field.jpg",
        "skimage/data/ihc.png",
        "skimage/data/motorcycle_left.png",
        "skimage/data/retina.jpg",
        "skimage/data/rocket.jpg",
        "sklearn/datasets/images/china.jpg",
    ),
    "validation": (
        "skimage/data/camera.png",
        "skimage/data/chelsea.png",
        "skimage/data/gravel.png",
        "skimage/data/moon.png",
        "sklearn/datasets/images/flower.jpg",
    ),
}
"""Files by split, below the folder of the installed packages."""


def load_photographs(split: Split, short_side: int) -> tuple[NDArray[np.uint8], ...]:
    """Return the photographs of a split, ``(H, W, 3)`` RGB, resized so that the shorter side has ``short_side`` px.

    Raises
    ------
    MissingError
        If an installed package lacks one.
    """
    import cv2

    resized = []
    for name in PHOTOGRAPHS[split]:
        picture = read_wheel_photograph(name)
        scale = short_side / min(picture.shape[:2])
        size = (max(short_side, round(picture.shape[1] * scale)), max(short_side, round(picture.shape[0] * scale)))
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        resized.append(np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8))
    return tuple(resized)
