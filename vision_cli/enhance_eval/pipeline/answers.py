"""What a task model makes of each image: right or wrong, and by what margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.values import Boxes, Detections
from vision_cli.metrics.detection.matching import object_scores


@dataclass(frozen=True)
class Answers:
    """Answers of a classifier.

    Attributes
    ----------
    right
        ``(I,)`` bool.
    margins
        ``(I,)``: probability of the true class less the highest of the others; above 0 where the answer is right.
    """

    right: NDArray[np.bool_]
    margins: NDArray[np.float64]


def score_answers(probabilities: NDArray[np.floating], labels: NDArray[np.int64]) -> Answers:
    """Score the probabilities of a classifier, ``(I, C)``, by the true classes, ``(I,)``.

    Equal probabilities are no answer: the margin is 0 and counts as wrong.

    Raises
    ------
    ValueError
        If the numbers do not fit together.
    """
    count, classes = probabilities.shape
    if labels.shape != (count,) or classes < 2 or (count and not 0 <= labels.min() <= labels.max() < classes):
        raise ValueError(f"labels of shape {labels.shape} for probabilities {probabilities.shape}; one a row expected")
    rows = np.arange(count)
    true = probabilities[rows, labels].astype(np.float64)
    others = probabilities.astype(np.float64)
    others[rows, labels] = -np.inf
    margins = true - others.max(axis=1)
    return Answers(margins > 0, margins)


def detection_margins(
    truths: Sequence[Boxes], found: Sequence[Detections], *, threshold: float = 0.5
) -> NDArray[np.float64]:
    """Return how surely the objects of each image are found, ``(I,)``.

    The mean over its objects of the score of the detection that hits them, 0 where they are missed; NaN for an image
    without objects.
    """
    means = np.full(len(truths), np.nan)
    for place, (truth, boxes) in enumerate(zip(truths, found, strict=True)):
        scores = object_scores(truth, boxes, threshold=threshold)
        if np.isfinite(scores).any():
            means[place] = np.nanmean(scores)
    return means
