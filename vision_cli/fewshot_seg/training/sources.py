"""Where training episodes come from: the generator, or a data set of annotated pictures.

Pictures of a data set are brought to a square by a random crop, mirrored, and changed in colour; support and query of
an episode are changed independently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.fewshot_seg.data.datasets import FewShotDataset
from vision_cli.fewshot_seg.values import Mask, Picture, Support
from vision_cli.phantoms.episodes.episodes import Episode as GeneratedEpisode
from vision_cli.phantoms.episodes.episodes import make_episode
from vision_cli.phantoms.episodes.photographs import Split
from vision_cli.phantoms.episodes.textures import TextureBank

Pixels = TypeVar("Pixels", NDArray[np.uint8], NDArray[np.float32])

_ABSENT = 0.1
_SMALLEST_CROP, _ATTEMPTS = 0.5, 10
_LEAST_SHARE = 0.001
_HELD_OUT_EVERY = 10


class ReadablePair(Protocol):
    """A picture with its mask, read when it is asked for."""

    @property
    def name(self) -> str:
        """Name of the picture."""
        ...

    def read(self) -> Support:
        """Return picture and mask."""
        ...


@dataclass(frozen=True)
class GeneratedEpisodes:
    """Episodes of the generator; one in ten is without the class.

    Attributes
    ----------
    bank
        Their textures.
    """

    bank: TextureBank

    @staticmethod
    def of(seed: int, split: Split) -> GeneratedEpisodes:
        """Return the episodes of a seed; the photographs of the splits are disjoint."""
        return GeneratedEpisodes(TextureBank.random(np.random.default_rng(seed), split))

    def __call__(self, rng: np.random.Generator, *, side: int, shots: int) -> GeneratedEpisode:
        """Return a random episode of square pictures."""
        return make_episode(rng, self.bank, side=side, shots=shots, absent=_ABSENT)


@dataclass(frozen=True)
class DrawnEpisode:
    """An episode of a data set.

    Attributes
    ----------
    supports
        Annotated pictures of the class.
    query
        The picture to segment, and its true mask.
    """

    supports: Sequence[Support]
    query: Support


@dataclass(frozen=True)
class DatasetEpisodes:
    """Episodes of a data set: a random class, a query of it or in one of ten a picture without it, and supports.

    Attributes
    ----------
    classes
        Pairs by class, of which each has two or more.
    """

    classes: Sequence[Sequence[ReadablePair]]

    @staticmethod
    def split(dataset: FewShotDataset) -> tuple[DatasetEpisodes, DatasetEpisodes]:
        """Return training and validation episodes: every tenth picture, and two of each class, are for validation.

        Classes with fewer than four pictures are for training alone.

        Raises
        ------
        InputError
            If no class has two pictures or more.
        """
        training: list[Sequence[ReadablePair]] = []
        validation: list[Sequence[ReadablePair]] = []
        for pairs in dataset.classes.values():
            held_out = max(2, len(pairs) // _HELD_OUT_EVERY) if len(pairs) >= 4 else 0
            kept, rest = pairs[held_out:], pairs[:held_out]
            training += [kept] if len(kept) > 1 else []
            validation += [rest] if rest else []
        if not training:
            raise InputError("no class has two pictures or more; a query and a support of the same class expected.")
        return DatasetEpisodes(tuple(training)), DatasetEpisodes(tuple(validation or training))

    def __call__(self, rng: np.random.Generator, *, side: int, shots: int) -> DrawnEpisode:
        """Return a random episode of square pictures; supports repeat where a class has few, each changed anew."""
        number = int(rng.integers(len(self.classes)))
        pairs = self.classes[number]
        places = rng.permutation(len(pairs))
        query = pairs[int(places[0])]
        others = [pairs[int(place)] for place in places[1:]] or [query]
        supports = [_square(others[shot % len(others)].read(), side, rng, shows_class=True) for shot in range(shots)]
        if len(self.classes) > 1 and rng.random() < _ABSENT:
            elsewhere = self.classes[(number + int(rng.integers(1, len(self.classes)))) % len(self.classes)]
            other = elsewhere[int(rng.integers(len(elsewhere)))]
            if other.name not in {pair.name for pair in pairs}:
                absent = _square(other.read(), side, rng, shows_class=False)
                return DrawnEpisode(supports, _without_class(absent))
        return DrawnEpisode(supports, _square(query.read(), side, rng, shows_class=True))


def _without_class(shown: Support) -> Support:
    return Support(shown.name, shown.picture, np.zeros_like(shown.mask), shown.ignored)


def _square(shown: Support, side: int, rng: np.random.Generator, *, shows_class: bool) -> Support:
    """Return a random crop of a picture at ``side``, mirrored in half of the cases, in changed colours."""
    rows, columns = _crop(shown, rng, shows_class=shows_class)
    flipped = bool(rng.random() < 0.5)

    def cut(values: Pixels, method: int) -> Pixels:
        resized = cv2.resize(np.ascontiguousarray(values[rows, columns]), (side, side), interpolation=method)
        return np.ascontiguousarray(resized[:, ::-1] if flipped else resized, values.dtype)

    method = cv2.INTER_AREA if min(shown.mask.shape) > side else cv2.INTER_LINEAR
    picture: Picture = _recoloured(cut(shown.picture, method), rng)
    mask: Mask = cut(shown.mask.astype(np.float32), cv2.INTER_AREA) >= 0.5
    ignored = None if shown.ignored is None else cut(shown.ignored.astype(np.uint8), cv2.INTER_NEAREST) > 0
    return Support(shown.name, picture, mask, ignored)


def _crop(shown: Support, rng: np.random.Generator, *, shows_class: bool) -> tuple[slice, slice]:
    """Return a random part of at least half of each side, with some of the class if it has to show it."""
    height, width = shown.mask.shape
    for _ in range(_ATTEMPTS):
        share = rng.uniform(_SMALLEST_CROP, 1)
        size = max(1, int(height * share)), max(1, int(width * share))
        top, left = int(rng.integers(height - size[0] + 1)), int(rng.integers(width - size[1] + 1))
        part = slice(top, top + size[0]), slice(left, left + size[1])
        if not shows_class or shown.mask[part].mean() > _LEAST_SHARE:
            return part
    return slice(None), slice(None)


def _recoloured(picture: Picture, rng: np.random.Generator) -> Picture:
    """Return a picture with random gamma and gains of the channels."""
    gamma, gains = np.exp(rng.normal(0, 0.2)), np.exp(rng.normal(0, 0.08, 3))
    values = (picture.astype(np.float32) / 255) ** gamma * gains
    return np.asarray(np.clip(255 * values, 0, 255).round(), np.uint8)
