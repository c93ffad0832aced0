"""A method against none on one condition: difference, interval, test and verdict. Larger is better everywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.enhance_eval.evaluation.resampling import bootstrap_p
from vision_cli.enhance_eval.evaluation.significance import holm, mcnemar, wilcoxon
from vision_cli.metrics.resampling import LEVEL, Counts, Resampled, interval, resampled_mean

Verdict = Literal["up", "down", "same", "n/a"]

LEAST_IMAGES, LEAST_METHODS = 20, 5
"""Below these, differences and correlations are given without stars."""

_STARS = ((0.001, "***"), (0.01, "**"), (0.05, "*"))


@dataclass(frozen=True)
class Cell:
    """What is compared: a measure of a method on a condition."""

    condition: str
    method: str
    measure: str


@dataclass(frozen=True)
class Comparison:
    """A cell against the baseline.

    Attributes
    ----------
    cell
        What is compared.
    value, baseline
        Scores of the method and of the baseline.
    delta, low, high
        Their difference and its percentile interval.
    p
        Of the test, two-sided.
    test
        ``mcnemar``, ``wilcoxon`` or ``bootstrap``.
    images
        How many images both have.
    p_holm
        Corrected for all cells that it was tested with; that of the test until `corrected`.
    """

    cell: Cell
    value: float
    baseline: float
    delta: float
    low: float
    high: float
    p: float
    test: str
    images: int
    p_holm: float

    @property
    def is_underpowered(self) -> bool:
        """Whether there are too few images to mark it."""
        return self.images < LEAST_IMAGES

    def verdict(self, alpha: float = 0.05) -> Verdict:
        """Return whether the method is significantly better or worse than the baseline."""
        if not (np.isfinite(self.delta) and np.isfinite(self.p_holm)):
            return "n/a"
        if self.p_holm > alpha or self.delta == 0:
            return "same"
        return "up" if self.delta > 0 else "down"

    def stars(self) -> str:
        """Return the mark of the corrected p: three stars below 0.001, two below 0.01, one below 0.05."""
        return "" if self.is_underpowered else stars(self.p_holm)


def compare_answers(
    cell: Cell, right: NDArray[np.bool_], baseline: NDArray[np.bool_], counts: Counts, level: float = LEVEL
) -> Comparison:
    """Compare accuracies by McNemar's exact test; answers ``(I,)`` are right or not."""
    delta = resampled_mean(right.astype(np.float64) - baseline, counts)
    low, high = delta.interval(level)
    p = mcnemar(right, baseline)
    value, other = float(right.mean()), float(baseline.mean())
    return Comparison(cell, value, other, delta.value, low, high, p, "mcnemar", len(right), p)


def compare_quality(
    cell: Cell, values: NDArray[np.float64], baseline: NDArray[np.float64], counts: Counts, level: float = LEVEL
) -> Comparison:
    """Compare a measure of each image, ``(I,)``, by Wilcoxon's test; images that lack one (NaN) take no part."""
    both = np.isfinite(values) & np.isfinite(baseline)
    differences = np.where(both, values - np.where(both, baseline, 0.0), np.nan)
    delta = resampled_mean(differences, counts)
    low, high = delta.interval(level)
    value, other = (float(one[both].mean()) if both.any() else float("nan") for one in (values, baseline))
    p = wilcoxon(differences)
    return Comparison(cell, value, other, delta.value, low, high, p, "wilcoxon", int(both.sum()), p)


def compare_resampled(cell: Cell, method: Resampled, baseline: Resampled, level: float = LEVEL) -> Comparison:
    """Compare scores that are known of all images and of the same resamples, such as average precision."""
    delta = method.value - baseline.value
    samples = method.samples - baseline.samples
    low, high = interval(samples, level)
    images = min(method.images, baseline.images)
    p = bootstrap_p(delta, samples, images)
    return Comparison(cell, method.value, baseline.value, delta, low, high, p, "bootstrap", images, p)


def corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """Correct p for all these cells, each measure apart: one family is one measure over methods and conditions."""
    found = list(comparisons)
    for measure in dict.fromkeys(one.cell.measure for one in found):
        places = [place for place, one in enumerate(found) if one.cell.measure == measure]
        for place, p in zip(places, holm([found[place].p for place in places]), strict=True):
            found[place] = replace(found[place], p_holm=float(p))
    return found


def stars(p: float) -> str:
    """Return the mark of a p."""
    return next((mark for bound, mark in _STARS if p < bound), "")
