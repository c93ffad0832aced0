"""From scores of faces to verdicts, with a band in which there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.forgery_detect.options.faces import Aggregate
from vision_cli.forgery_detect.values import Verdict

_TOP_SHARE = 0.2


@dataclass(frozen=True)
class DecisionRule:
    """When a face is called fake.

    Attributes
    ----------
    threshold
        Probability in the middle of the band of doubt.
    doubt
        Half its width; within it the verdict is ``uncertain``.
    """

    threshold: float
    doubt: float

    def __call__(self, p_fake: float) -> Verdict:
        """Return the verdict on a probability."""
        if p_fake > self.threshold + self.doubt:
            return "fake"
        return "real" if p_fake < self.threshold - self.doubt else "uncertain"


@dataclass(frozen=True)
class ClipScore:
    """The score of a video, or of one face in it.

    Attributes
    ----------
    p_fake
        As aggregated.
    low, high
        10th and 90th percentile of its frames.
    """

    p_fake: float
    low: float
    high: float


def probability(logit: float) -> float:
    """Return the probability of a logit."""
    return float(1 / (1 + np.exp(-np.clip(logit, -60, 60))))


def aggregate(chances: Sequence[float], how: Aggregate) -> ClipScore:
    """Return the score of a face from its probabilities in the frames, one or more.

    Parameters
    ----------
    chances
        One a frame.
    how
        ``mean``, ``median``, or ``topk``: the mean of the highest fifth.
    """
    ranked = np.sort(np.asarray(chances, np.float64))
    if how == "topk":
        value = ranked[-max(round(_TOP_SHARE * len(ranked)), 1) :].mean()
    else:
        value = ranked.mean() if how == "mean" else np.median(ranked)
    low, high = np.percentile(ranked, [10, 90])
    return ClipScore(float(value), float(low), float(high))
