"""What two forests learn from the supports of a class, and what they see in a query.

One forest knows colour and texture, the other position too; the mean of their probabilities is the ``mix``. Both learn
from pixels of all supports and of augmented copies: three copies of a single support, one of each of several.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.pixels.features import all_features, positions
from vision_cli.fewshot_seg.pixels.forests import PixelForest
from vision_cli.fewshot_seg.pixels.sampling import Pixels, Shown, augmented_copies, sample_pixels, show
from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_picture, working_size
from vision_cli.fewshot_seg.values import Floats, Picture, Support

POSITION = slice(-2, None)
"""Where row and column stand in a pixel's values."""

_SAMPLES, _COPY_SAMPLES = 6000, 1500
_CROSS_FIT_TREES, _CROSS_FIT_BLOCK, _CROSS_FIT_SUPPORTS = 15, 28, 2


@dataclass(frozen=True)
class Look:
    """A query as the forests see it, at the size it is worked at.

    Attributes
    ----------
    picture
        ``(h, w, 3)``.
    values
        ``(h·w, 54)`` features and position.
    plain, positional
        ``(h, w)`` probabilities of the forest without and with position.
    """

    picture: Picture
    values: Floats
    plain: Floats
    positional: Floats

    @cached_property
    def mix(self) -> Floats:
        """Mean of both probabilities, ``(h, w)``."""
        return np.asarray((self.plain + self.positional) / 2, np.float32)


@dataclass(frozen=True)
class Learned:
    """A support and the pixels of it that were learned from.

    Attributes
    ----------
    shown
        The support.
    values
        ``(h·w, 54)`` features and position.
    pixels
        Which of them were learned from.
    """

    shown: Shown
    values: Floats
    pixels: Pixels


class PixelModel:
    """The two forests of a class.

    Parameters
    ----------
    supports
        Of the class; negative ones among them.
    seed
        Of sampling, copies and trees.
    side
        Root of the number of pixels that pictures are worked at.
    """

    def __init__(self, supports: Sequence[Support], *, seed: int, side: int = WORKING_SIDE) -> None:
        rng = np.random.default_rng(seed)
        self.seed, self.side = seed, side
        copies, share = (3, 1) if len(supports) == 1 else (1, max(1, len(supports) // 2))
        learned, drawn = [], []
        for support in supports:
            shown = show(support, side)
            one = Learned(shown, _values(shown), sample_pixels(shown, rng, _SAMPLES // share))
            learned.append(one)
            drawn.append((one.values[one.pixels.places], one.pixels))
            for copy in augmented_copies(shown, rng, copies):
                pixels = sample_pixels(copy, rng, _COPY_SAMPLES // share)
                drawn.append((_values(copy)[pixels.places], pixels))
        self.supports: tuple[Learned, ...] = tuple(learned)
        values, labels, weights = _pooled(drawn)
        self.plain = PixelForest(values[:, : POSITION.start], labels, weights, seed=seed)
        self.positional = PixelForest(values, labels, weights, seed=seed)

    def look(self, picture: Picture) -> Look:
        """Return what the forests see in a query of any size."""
        size = working_size(picture.shape, self.side)
        resized = resize_picture(picture, size)
        values = pixel_values(resized)
        plain = self.plain.probability(values[:, : POSITION.start]).reshape(size)
        return Look(resized, values, plain, self.positional.probability(values).reshape(size))

    @cached_property
    def positives(self) -> tuple[Learned, ...]:
        """The supports that show the class."""
        return tuple(one for one in self.supports if one.shown.mask.any())

    @cached_property
    def cross_fit(self) -> tuple[tuple[Learned, Look], ...]:
        """The first positive supports as forests see them that learned from the other half of their blocks of 28 px."""
        halves = [_checkerboard(one.shown.mask.shape) for one in self.supports]
        chosen = [(one, half) for one, half in zip(self.supports, halves, strict=True) if one.shown.mask.any()]
        chosen = chosen[:_CROSS_FIT_SUPPORTS]
        seen = [np.zeros((2, len(one.values)), np.float32) for one, _ in chosen]
        for side in (False, True):
            drawn = []
            for one, half in zip(self.supports, halves, strict=True):
                keep = half[one.pixels.places] == side
                pixels = Pixels(one.pixels.places[keep], one.pixels.labels[keep], one.pixels.weights[keep])
                drawn.append((one.values[pixels.places], pixels))
            values, labels, weights = _pooled(drawn)
            for row, columns in enumerate((slice(None, POSITION.start), slice(None))):
                forest = PixelForest(values[:, columns], labels, weights, seed=self.seed, trees=_CROSS_FIT_TREES)
                for (one, half), maps in zip(chosen, seen, strict=True):
                    other = half != side
                    maps[row, other] = forest.probability(one.values[other][:, columns])
        return tuple(
            (one, Look(one.shown.picture, one.values, *maps.reshape(2, *one.shown.mask.shape)))
            for (one, _), maps in zip(chosen, seen, strict=True)
        )


def pixel_values(picture: Picture, *, mirrored: bool = False) -> Floats:
    """Return features and position of every pixel, ``(h·w, 54)``; positions in a mirrored copy are those before it."""
    places = positions(*picture.shape[:2])
    if mirrored:
        places = places[:, ::-1]
    return np.concatenate([all_features(picture), places], axis=2).reshape(-1, 54)


def _values(shown: Shown) -> Floats:
    return pixel_values(shown.picture, mirrored=shown.mirrored)


def _pooled(drawn: Sequence[tuple[Floats, Pixels]]) -> tuple[Floats, NDArray[np.bool_], Floats]:
    return (
        np.concatenate([values for values, _ in drawn]),
        np.concatenate([pixels.labels for _, pixels in drawn]),
        np.concatenate([pixels.weights for _, pixels in drawn]),
    )


def _checkerboard(shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which half each pixel belongs to, ``(h·w,)``."""
    rows, columns = (np.arange(length) // _CROSS_FIT_BLOCK for length in shape)
    return np.asarray((rows[:, None] + columns[None]) % 2 == 1).ravel()
