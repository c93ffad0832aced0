"""Fixed baselines on the 27 classic features: a forest with position, the same and GrabCut, a logistic model, a copy.

They stay as they are when the features of the method change, so that a comparison keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.pixels.candidates import grabcut
from vision_cli.fewshot_seg.pixels.features import classic_features, positions
from vision_cli.fewshot_seg.pixels.forests import PixelForest
from vision_cli.fewshot_seg.pixels.sampling import sample_pixels, show
from vision_cli.fewshot_seg.pixels.segmenter import expected_iou, presence_of
from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_map, resize_picture, working_size
from vision_cli.fewshot_seg.values import Floats, Mask, Picture, Segmentation, Support

_SAMPLES = 6000
_REGULARISATION = 0.05

Probability = Callable[[Floats], Floats]
"""Gives the probability of the class at pixels ``(N, F)``."""


@dataclass(frozen=True)
class BaselineTask:
    """A class that a baseline has learned.

    Attributes
    ----------
    name
        Of the baseline.
    probability
        Of a picture at the size it is worked at, ``(h, w)``.
    cuts
        Whether GrabCut follows.
    seed, side
        As the baseline was given them.
    """

    name: str
    probability: Callable[[Picture], Floats]
    cuts: bool
    seed: int
    side: int

    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        size = (picture.shape[0], picture.shape[1])
        worked = resize_picture(picture, working_size(size, self.side))
        found = self.probability(worked)
        likely: Mask = found > 0.5
        soft, threshold = found, 0.5
        if self.cuts:
            likely = grabcut(worked, found, seed=self.seed)
            soft = likely.astype(np.float32)
        return Segmentation(
            probability=resize_map(found, size),
            mask=np.asarray(resize_map(soft, size) > threshold),
            presence=presence_of(found),
            score=expected_iou(found, likely),
            candidate=self.name,
        )


class ForestSegmenter:
    """``rf``: extra-trees on classic features and position, above 0.5; ``grabcut``: GrabCut that starts from it.

    Parameters
    ----------
    cuts
        Whether GrabCut follows.
    side
        Root of the number of pixels that pictures are worked at.
    """

    def __init__(self, *, cuts: bool = False, side: int = WORKING_SIDE) -> None:
        self.name = "grabcut" if cuts else "rf"
        self._cuts, self._side = cuts, side

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> BaselineTask:
        """Return the class that the supports show; at least one of them is positive."""
        values, labels, weights = _samples(supports, seed, self._side)
        forest = PixelForest(values, labels, weights, seed=seed)
        probability = _on_pixels(forest.probability, with_position=True)
        return BaselineTask(self.name, probability, self._cuts, seed, self._side)


class LogisticSegmenter:
    """``logistic``: logistic regression on classic features without position.

    Parameters
    ----------
    side
        Root of the number of pixels that pictures are worked at.
    """

    name = "logistic"

    def __init__(self, side: int = WORKING_SIDE) -> None:
        self._side = side

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> BaselineTask:
        """Return the class that the supports show; at least one of them is positive."""
        from sklearn.linear_model import LogisticRegression

        values, labels, weights = _samples(supports, seed, self._side)
        values = values[:, :-2]
        mean, spread = values.mean(axis=0), values.std(axis=0) + np.float32(1e-6)
        if labels.all():
            probability: Probability = lambda pixels: np.ones(len(pixels), np.float32)  # noqa: E731
        else:
            model = LogisticRegression(C=_REGULARISATION, max_iter=100).fit((values - mean) / spread, labels, weights)

            def probability(pixels: Floats) -> Floats:
                return np.asarray(model.predict_proba((pixels - mean) / spread)[:, 1], np.float32)

        return BaselineTask(self.name, _on_pixels(probability, with_position=False), False, seed, self._side)


class CopySegmenter:
    """``copy``: the mean of the supports' masks, wherever the query shows.

    Parameters
    ----------
    side
        Root of the number of pixels that pictures are worked at.
    """

    name = "copy"

    def __init__(self, side: int = WORKING_SIDE) -> None:
        self._side = side

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> BaselineTask:
        """Return the class that the supports show; at least one of them is positive."""
        masks = [support.mask.astype(np.float32) for support in supports if support.mask.any()]

        def probability(picture: Picture) -> Floats:
            size = (picture.shape[0], picture.shape[1])
            return np.asarray(np.mean([resize_map(mask, size) for mask in masks], axis=0), np.float32)

        return BaselineTask(self.name, probability, False, seed, self._side)


def _samples(supports: Sequence[Support], seed: int, side: int) -> tuple[Floats, NDArray[np.bool_], Floats]:
    rng = np.random.default_rng(seed)
    share = max(1, len(supports) // 2)
    drawn = []
    for support in supports:
        shown = show(support, side)
        pixels = sample_pixels(shown, rng, _SAMPLES // share)
        drawn.append((_values(shown.picture)[pixels.places], pixels.labels, pixels.weights))
    values, labels, weights = (np.concatenate(part) for part in zip(*drawn, strict=True))
    return values, labels, weights


def _on_pixels(probability: Probability, *, with_position: bool) -> Callable[[Picture], Floats]:
    def apply(picture: Picture) -> Floats:
        values = _values(picture)
        return probability(values if with_position else values[:, :-2]).reshape(picture.shape[:2])

    return apply


def _values(picture: Picture) -> Floats:
    together = np.concatenate([classic_features(picture), positions(*picture.shape[:2])], axis=2)
    return together.reshape(-1, together.shape[2])
