"""What JPEG, resizing, blur and noise do to the scores of faces: AUC by level, and verdicts that flip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.forgery_detect.values import Picture
from vision_cli.io.pictures.encodings import through_jpeg
from vision_cli.metrics.ranking import auroc

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
Degradation = Literal["jpeg", "resize", "blur", "noise"]
DEGRADATIONS: tuple[Degradation, ...] = get_args(Degradation)

Score = Callable[[Sequence[Picture]], Floats]
"""Returns the probability of being fake of each picture."""

LEVELS: Mapping[Degradation, tuple[float, ...]] = {
    "jpeg": (90, 75, 60, 45, 30),
    "resize": (0.75, 0.5, 0.25),
    "blur": (0.5, 1.0, 2.0),
    "noise": (2.0, 5.0, 10.0),
}
"""JPEG quality; factor of the size; standard deviation of the blur in pixels, and of the noise in grey levels."""

_BATCH = 32


@dataclass(frozen=True)
class RobustnessPoint:
    """Scores of degraded pictures.

    Attributes
    ----------
    degradation, level
        What was done, as `LEVELS` has it; ``none`` and 0 of the pictures as they are.
    auc
        NaN unless both classes occur.
    auc_change
        From the pictures as they are.
    flipped
        Share, of the pictures that had a verdict, whose verdict became the opposite.
    undecided
        Share of these that has none now.
    """

    degradation: str
    level: float
    auc: float
    auc_change: float
    flipped: float
    undecided: float


def robustness(
    pictures: Sequence[Picture],
    labels: Labels,
    score: Score,
    *,
    degradations: Sequence[Degradation] = DEGRADATIONS,
    band: tuple[float, float] = (0.5, 0.5),
    seed: int = 0,
) -> tuple[RobustnessPoint, ...]:
    """Measure scores of degraded pictures.

    Parameters
    ----------
    pictures
        Faces, or whole pictures.
    labels
        ``(N,)``, 1 for fake.
    score
        The detector, from the pixels on.
    degradations
        Which to try.
    band
        Scores above the second are called fake, below the first real, between them is no verdict.
    seed
        Of the noise.

    Raises
    ------
    UsageError
        If there is no such degradation.
    """
    for name in degradations:
        if name not in DEGRADATIONS:
            raise UsageError(f"degradation {name!r}; {', '.join(DEGRADATIONS)} expected.")
    plain = _scores(pictures, score)
    before = _verdicts(plain, band)
    auc = auroc(labels, plain)
    points = [RobustnessPoint("none", 0.0, auc, 0.0, 0.0, 0.0)]
    had_one = max(int((before != 0).sum()), 1)
    for name in degradations:
        for level in LEVELS[name]:
            # Each picture has noise of its own, whichever degradations are tried.
            streams = np.random.default_rng(seed).spawn(len(pictures))
            found = _scores([degrade(p, name, level, rng) for p, rng in zip(pictures, streams, strict=True)], score)
            after = _verdicts(found, band)
            now = auroc(labels, found)
            flipped = float((before * after < 0).sum() / had_one)
            undecided = float(((before != 0) & (after == 0)).sum() / had_one)
            points.append(RobustnessPoint(name, level, now, now - auc, flipped, undecided))
    return tuple(points)


def degrade(picture: Picture, degradation: Degradation, level: float, rng: np.random.Generator) -> Picture:
    """Return a degraded picture, ``(H, W, 3)``; resizing returns a smaller one, and nothing enlarges it again."""
    import cv2

    if degradation == "jpeg":
        return through_jpeg(picture, int(level))
    if degradation == "resize":
        size = (max(1, round(picture.shape[1] * level)), max(1, round(picture.shape[0] * level)))
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
    if degradation == "blur":
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), level), np.uint8)
    noisy = picture + rng.normal(0.0, level, picture.shape)
    return np.asarray(np.clip(np.rint(noisy), 0, 255), np.uint8)


def _scores(pictures: Sequence[Picture], score: Score) -> Floats:
    parts = [score(pictures[start : start + _BATCH]) for start in range(0, len(pictures), _BATCH)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _verdicts(scores: Floats, band: tuple[float, float]) -> NDArray[np.int64]:
    """Return 1 for fake, -1 for real, 0 for none."""
    low, high = band
    is_single = low == high
    return np.where(scores >= high if is_single else scores > high, 1, np.where(scores < low, -1, 0)).astype(np.int64)
