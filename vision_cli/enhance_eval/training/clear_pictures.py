"""Clear pictures to train on: generated scenes and crops, rendered when first asked for and then kept as 8 bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.compute.training import Order
from vision_cli.enhance_eval.data.crops import crop_object
from vision_cli.enhance_eval.data.night_scenes import NightWorld
from vision_cli.enhance_eval.values import Picture
from vision_cli.io.pictures.srgb import encode_srgb

_EXPOSURES = (0.75, 1.15)
_USES = 11
_CROPS = 12
_ZOOMS, _SHIFT = (0.85, 1.2), 0.06


@dataclass(frozen=True)
class ClearPicture:
    """A picture of 8 bits, ``(H, W, 3)``, with the boxes ``(N, 4)`` and labels ``(N,)`` of its objects."""

    pixels: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


class Pool:
    """So many pictures, each drawn when first asked for; every pass over them is in another order.

    Parameters
    ----------
    count
        How many.
    seed
        Of the order and of `generator`.
    draw
        Draws a picture of a number below ``count``, always the same.
    """

    def __init__(self, count: int, seed: int, draw: Callable[[int], ClearPicture]) -> None:
        self.count, self.seed, self.draw = count, seed, draw
        self._order = Order(count, 1, seed)
        self._kept: dict[int, ClearPicture] = {}

    def __getitem__(self, use: int) -> ClearPicture:
        """Return the picture of a use; uses go on without end."""
        (number,) = self._order.samples(use)
        return self.at(number)

    def at(self, number: int) -> ClearPicture:
        """Return the picture of a number."""
        if number not in self._kept:
            self._kept[number] = self.draw(number)
        return self._kept[number]

    def generator(self, use: int) -> np.random.Generator:
        """Return random numbers for how a use varies its picture."""
        return np.random.default_rng((self.seed, _USES, use))


def scene_pool(count: int, seed: int, world: NightWorld) -> Pool:
    """Return whole scenes with all their objects."""

    def draw(number: int) -> ClearPicture:
        scene = world.scene(number)
        return ClearPicture(to_bytes(scene.radiance), scene.boxes, scene.labels)

    return Pool(count, seed, draw)


def crop_pool(count: int, seed: int, world: NightWorld) -> Pool:
    """Return crops of one object of each scene, varied in size and place; their ``boxes`` are those in the scene."""

    def draw(number: int) -> ClearPicture:
        scene, rng = world.scene(number), np.random.default_rng((seed, _CROPS, number))
        item = int(rng.integers(len(scene.labels)))
        right, down = rng.uniform(-_SHIFT, _SHIFT, 2)
        crop = crop_object(
            scene.radiance, scene.boxes[item], zoom=rng.uniform(*_ZOOMS), shift=(float(right), float(down))
        )
        return ClearPicture(to_bytes(crop), scene.boxes[item : item + 1], scene.labels[item : item + 1])

    return Pool(count, seed, draw)


def vary(picture: ClearPicture, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the pixels of a picture within [0, 1], mirrored or not, exposed a little otherwise, and its boxes so."""
    pixels, boxes = picture.pixels, picture.boxes
    if rng.random() < 0.5:
        pixels, width = pixels[:, ::-1], pixels.shape[1]
        boxes = np.stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]], axis=1)
    scaled = pixels * np.float32(rng.uniform(*_EXPOSURES) / 255)
    return np.minimum(scaled, 1), boxes


def to_bytes(light: Picture) -> NDArray[np.uint8]:
    """Return light as sRGB of 8 bits."""
    return np.rint(encode_srgb(light) * 255).astype(np.uint8)


def to_batch(pictures: Sequence[NDArray[np.float32]]) -> Tensor:
    """Return pictures as a batch ``(B, 3, H, W)``, channels last in memory, which CPUs convolve faster."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2)
