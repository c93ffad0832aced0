"""The pixel method without a gate: the mix of both forests, above 0.5."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vision_cli.fewshot_seg.pixels.candidates import MIX, Candidate, expected_iou_threshold
from vision_cli.fewshot_seg.pixels.learning import Look, PixelModel
from vision_cli.fewshot_seg.pixels.sizes import WORKING_SIDE, resize_map
from vision_cli.fewshot_seg.values import Floats, Mask, Picture, Segmentation, Support


class PixelTask:
    """A class that two forests have learned."""

    def __init__(self, model: PixelModel) -> None:
        self.model = model

    def segment(self, picture: Picture) -> Segmentation:
        """Return where the class is in a query of any size."""
        look = self.model.look(picture)
        size = (picture.shape[0], picture.shape[1])
        mask = Candidate(MIX, look.mix, 0.5)
        return Segmentation(
            probability=resize_map(look.mix, size),
            mask=mask.at(size),
            presence=presence_of(look.mix),
            score=expected_iou(look.mix, mask.mask),
            candidate=MIX,
            best_support=best_support(self.model, look),
            uncertainty=resize_map(disagreement([look.plain, look.positional]), size),
        )


class PixelSegmenter:
    """The pixel core alone: no gate, no network.

    Parameters
    ----------
    side
        Root of the number of pixels that pictures are worked at.
    """

    name = "pixel"

    def __init__(self, side: int = WORKING_SIDE) -> None:
        self._side = side

    def learn(self, supports: Sequence[Support], *, seed: int = 0) -> PixelTask:
        """Return the class that the supports show; at least one of them is positive."""
        return PixelTask(PixelModel(supports, seed=seed, side=self._side))


def presence_of(probability: Floats) -> float:
    """Return how likely the class is in a picture, without anything learned: the greatest expected IoU of a mask."""
    return expected_iou_threshold(probability)[1]


def expected_iou(probability: Floats, mask: Mask) -> float:
    """Return the IoU that is expected of a mask if the probability is right; 0 of an empty one."""
    inside, outside = float(probability[mask].sum()), float(probability[~mask].sum())
    return inside / (float(mask.sum()) + outside) if mask.any() else 0.0


def disagreement(members: Sequence[Floats]) -> Floats:
    """Return twice the standard deviation of values within 0 to 1: 0 if all agree, 1 if they are split in halves."""
    return np.asarray(2 * np.std(np.stack(members), axis=0), np.float32)


def best_support(model: PixelModel, look: Look) -> int:
    """Return the position of the support whose class has the mean features nearest to those of the query's mask."""
    weights = look.mix.ravel() / max(float(look.mix.sum()), 1e-6)
    seen = weights @ look.values
    spread = np.concatenate([one.values[one.pixels.places] for one in model.supports]).std(axis=0) + 1e-3
    distances = [
        np.abs((one.values[one.shown.mask.ravel()].mean(axis=0) - seen) / spread).mean()
        if one.shown.mask.any()
        else np.inf
        for one in model.supports
    ]
    return int(np.argmin(distances))
