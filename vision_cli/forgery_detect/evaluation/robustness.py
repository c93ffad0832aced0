"""What JPEG, resizing, blur and noise do to the scores of faces: AUC by level, and verdicts that flip."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vision_cli.forgery_detect.options.evaluating import Degradation
from vision_cli.forgery_detect.values import Picture
from vision_cli.io.pictures.encodings import through_jpeg
from vision_cli.metrics.ranking import auroc

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

LEVELS: Mapping[Degradation, tuple[float, ...]] = {
    "jpeg": (90, 75, 60, 45, 30),
    "resize": (0.75, 0.5, 0.25),
    "blur": (0.5, 1.0, 2.0),
    "noise": (2.0, 5.0, 10.0),
}
"""JPEG quality; factor of the size; standard deviation of the blur in pixels, and of the noise in grey levels."""


class Variant(NamedTuple):
    """A degradation at one of its levels."""

    degradation: Degradation
    level: float


@dataclass(frozen=True)
class RobustnessPoint:
    """Scores of degraded pictures.

    Attributes
    ----------
    degradation, level
        What was done, as `LEVELS` has it; ``none`` and 0 of the pictures as they are.
    pictures
        How many were scored; a small one cannot be reduced further.
    auc
        NaN unless both classes occur.
    auc_change
        From the same pictures as they are.
    flipped
        Share, of the pictures that had a verdict, whose verdict became the opposite; NaN where none had one.
    undecided
        Share of these that has none now.
    """

    degradation: str
    level: float
    pictures: int
    auc: float
    auc_change: float
    flipped: float
    undecided: float


def variants(degradations: Sequence[Degradation]) -> tuple[Variant, ...]:
    """Return the degradations at all of their levels."""
    return tuple(Variant(name, level) for name in degradations for level in LEVELS[name])


def degraded(
    picture: Picture, degradations: Sequence[Degradation], rng: np.random.Generator
) -> Iterator[tuple[Variant, Picture]]:
    """Iterate over a picture's degraded copies.

    Parameters
    ----------
    picture
        ``(H, W, 3)``: a face, or a whole picture.
    degradations
        Which to try.
    rng
        Of the noise alone: it does not depend on what else is tried.
    """
    for variant in variants(degradations):
        yield variant, degrade(picture, variant.degradation, variant.level, rng)


def robustness_points(
    labels: Labels, plain: Floats, scores: Mapping[Variant, Floats], *, band: tuple[float, float] = (0.5, 0.5)
) -> tuple[RobustnessPoint, ...]:
    """Return what degradations change.

    Parameters
    ----------
    labels
        ``(N,)``, 1 for fake.
    plain
        ``(N,)`` probabilities of the pictures as they are.
    scores
        ``(N,)`` those of their degraded copies; NaN where there is none.
    band
        Scores above the second are called fake, below the first real, between them is no verdict.
    """
    verdicts = _verdicts(plain, band)
    points = [RobustnessPoint("none", 0.0, len(labels), auroc(labels, plain), 0.0, 0.0, 0.0)]
    for (name, level), found in scores.items():
        known = np.isfinite(found)
        before, after = verdicts[known], _verdicts(found[known], band)
        had_one = float((before != 0).sum()) or np.nan
        now = auroc(labels[known], found[known])
        points.append(
            RobustnessPoint(
                name,
                level,
                int(known.sum()),
                now,
                now - auroc(labels[known], plain[known]),
                float((before * after < 0).sum()) / had_one,
                float(((before != 0) & (after == 0)).sum()) / had_one,
            )
        )
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


def _verdicts(scores: Floats, band: tuple[float, float]) -> NDArray[np.int64]:
    """Return 1 for fake, -1 for real, 0 for none."""
    low, high = band
    is_single = low == high
    return np.where(scores >= high if is_single else scores > high, 1, np.where(scores < low, -1, 0)).astype(np.int64)
