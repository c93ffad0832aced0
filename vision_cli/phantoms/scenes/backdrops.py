"""Photographs behind the solids: those that the wheels of scikit-image and scikit-learn hold, as linear light.

Nothing is fetched: what is not in the installed wheels is an error. The photographs of the two splits are disjoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.pictures.srgb import decode_srgb
from vision_cli.phantoms.wheel_photographs import read_wheel_photograph

Split = Literal["train", "test"]

PHOTOS: Mapping[Split, Sequence[str]] = {
    "train": (
        "skimage/data/astronaut.png",
        "skimage/data/brick.png",
        "skimage/data/coffee.png",
        "skimage/data/coins.png",
        "skimage/data/grass.png",
        "skimage/data/hubble_deep_field.jpg",
        "skimage/data/motorcycle_left.png",
        "skimage/data/rocket.jpg",
        "sklearn/datasets/images/china.jpg",
    ),
    "test": (
        "skimage/data/camera.png",
        "skimage/data/chelsea.png",
        "skimage/data/gravel.png",
        "sklearn/datasets/images/flower.jpg",
    ),
}
"""Files by split, below the folder of the installed packages."""

_DARK = 1e-3


def load_photos(split: Split) -> tuple[NDArray[np.float32], ...]:
    """Return the photographs of a split, ``(H, W, 3)`` linear RGB within [0, 1].

    Raises
    ------
    MissingError
        If an installed package lacks one.
    """
    pictures = (read_wheel_photograph(name) for name in PHOTOS[split])
    return tuple(decode_srgb(picture.astype(np.float32) / np.float32(255)) for picture in pictures)


def draw_backdrop(rng: np.random.Generator, photos: Sequence[NDArray[np.float32]], size: int) -> NDArray[np.float32]:
    """Return a random square of a random photograph as the reflectance of a wall, ``(size, size, 3)``.

    Its mean is within 0.08 to 0.3, its colour balance is varied by about 15 %, and it may be mirrored.
    """
    import cv2

    photo = photos[int(rng.integers(len(photos)))]
    height, width = photo.shape[:2]
    side = int(rng.integers(min(size // 2, min(height, width) - 1), min(height, width)))
    top, left = int(rng.integers(height - side + 1)), int(rng.integers(width - side + 1))
    square = cv2.resize(photo[top : top + side, left : left + side], (size, size), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        square = square[:, ::-1]
    scale = rng.uniform(0.08, 0.3) / (float(square.mean()) + _DARK) * np.exp(rng.normal(0, 0.15, 3))
    wall: NDArray[np.float32] = np.clip(square * scale.astype(np.float32), 0, 2)
    return wall
