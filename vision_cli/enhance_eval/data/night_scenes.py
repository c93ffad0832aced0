"""The generated data set NightScenes-10: scenes with boxes to detect, crops of their objects to classify.

A scene is named by seed, split and number, and rendered again whenever it is read, so that a data set of any size
takes no memory. Test scenes share neither photographs nor random numbers with the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.data.crops import crop_object
from vision_cli.enhance_eval.values import Boxes, Dataset, Picture, Sample
from vision_cli.io.pictures.srgb import encode_srgb
from vision_cli.phantoms.scenes import CLASSES, Scene, load_photos, make_scene

LAYOUT = "night-scenes"
WorldSplit = Literal["train", "validation", "test"]
"""``validation`` has the photographs of ``train`` and random numbers of its own: to choose by, not to report."""

_STREAMS: Mapping[WorldSplit, int] = {"train": 0, "test": 1, "validation": 2}
_KEPT = 8


class NightWorld:
    """The scenes of a split, by number.

    Parameters
    ----------
    seed
        Of all of them.
    split
        Which photographs and which stream of random numbers.
    """

    def __init__(self, seed: int, split: WorldSplit = "test") -> None:
        self.seed, self.split = seed, split
        self.scene = lru_cache(maxsize=_KEPT)(self._make)

    @cached_property
    def photos(self) -> tuple[NDArray[np.float32], ...]:
        """The photographs behind the objects, see `vision_cli.phantoms.scenes.load_photos`."""
        return load_photos("test" if self.split == "test" else "train")

    def generator(self, number: int) -> np.random.Generator:
        """Return the random numbers of a scene."""
        return np.random.default_rng((self.seed, _STREAMS[self.split], number))

    def _make(self, number: int) -> Scene:
        return make_scene(self.generator(number), self.photos)


@dataclass(frozen=True)
class SceneSource:
    """A scene of a world, or the crop of one of its objects; see `vision_cli.enhance_eval.values.Source`.

    Attributes
    ----------
    world, number
        Which scene.
    item
        Position of the object to crop; None for the whole scene.
    """

    world: NightWorld
    number: int
    item: int | None = None

    def read(self) -> Picture:
        """Return the picture, sRGB-encoded; what is brighter than white is white."""
        return encode_srgb(self.read_linear())

    def read_linear(self) -> Picture:
        """Return the radiance."""
        scene = self.world.scene(self.number)
        return scene.radiance if self.item is None else crop_object(scene.radiance, scene.boxes[self.item])


def night_scenes(count: int, seed: int, split: WorldSplit = "test") -> Dataset:
    """Return a data set of scenes with boxes; each is its own well-exposed reference.

    Parameters
    ----------
    count
        Scenes.
    seed
        Of all of them; the first scenes of a larger data set are those of a smaller one.
    split
        See `WorldSplit`.

    Raises
    ------
    MissingError
        If an installed package lacks a photograph.
    """
    world = NightWorld(seed, split)
    samples = []
    for number in range(count):
        scene, source = world.scene(number), SceneSource(world, number)
        boxes = Boxes(scene.boxes, scene.labels, np.zeros(len(scene.labels), dtype=np.bool_))
        samples.append(Sample(_name(split, number), source, reference=source, boxes=boxes))
    return Dataset(LAYOUT, tuple(samples), CLASSES)


def night_crops(count: int, seed: int, split: WorldSplit = "test") -> Dataset:
    """Return a data set of 64² crops with labels: one of every object in the first ``count`` scenes.

    Parameters and errors are those of `night_scenes`.
    """
    world = NightWorld(seed, split)
    samples = []
    for number in range(count):
        for item, label in enumerate(world.scene(number).labels):
            source = SceneSource(world, number, item)
            samples.append(Sample(f"{_name(split, number)}-{item}", source, reference=source, label=int(label)))
    return Dataset(LAYOUT, tuple(samples), CLASSES)


def _name(split: WorldSplit, number: int) -> str:
    return f"{split}/{number:06d}"
