"""Scores of all images and of bootstrap resamples of them; the same resamples serve every method, so all are paired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.metrics.detection.average_precision import (
    Interpolation,
    average_precision,
    counts_of,
    mean_precision,
    mean_precisions,
)
from vision_cli.metrics.detection.matching import Matches

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEVEL = 0.95
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Resampled:
    """A score and what it is on each resample of the images; larger is better.

    Attributes
    ----------
    value
        Of all images; NaN where it is not defined.
    samples
        ``(R,)``.
    images
        How many images it comes from.
    """

    value: float
    samples: Floats = field(repr=False)
    images: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the percentile interval; NaN where too few resamples have a value."""
        return interval(self.samples, level)


def image_resamples(images: int, count: int, seed: int) -> Counts:
    """Return how often each image is drawn in each resample with replacement, ``(count, images)``."""
    rng = np.random.default_rng(seed)
    return counts_of(rng.integers(0, images, (count, images)), images)


def resampled_mean(values: Floats, counts: Counts) -> Resampled:
    """Return the mean of values, ``(I,)``, images without one (NaN) aside."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    weight = counts[:, known].sum(axis=1)
    means = np.divide(counts @ filled, weight, out=np.full(len(counts), np.nan), where=weight > 0)
    return Resampled(float(values[known].mean()) if known.any() else float("nan"), means, int(known.sum()))


def resampled_precisions(
    matches: Matches,
    counts: Counts,
    scores: Mapping[str, Sequence[int] | None],
    *,
    interpolation: Interpolation = "points",
) -> dict[str, Resampled]:
    """Return mean average precisions of cached matches, by name.

    Parameters
    ----------
    matches
        Of all images.
    counts
        Of `image_resamples`.
    scores
        Positions of the IoU thresholds that each mean is over; None for all.
    interpolation
        As of `vision_cli.metrics.detection.average_precision.average_precision`.
    """
    whole = average_precision(matches, interpolation=interpolation)
    table = average_precision(matches, counts, interpolation=interpolation)
    found = {}
    for name, thresholds in scores.items():
        chosen = slice(None) if thresholds is None else list(thresholds)
        found[name] = Resampled(mean_precision(whole[:, chosen]), mean_precisions(table[:, :, chosen]), matches.images)
    return found


def resampled_precision(
    matches: Matches,
    counts: Counts,
    *,
    thresholds: Sequence[int] | None = None,
    interpolation: Interpolation = "points",
) -> Resampled:
    """Return one mean average precision of cached matches; see `resampled_precisions`."""
    return resampled_precisions(matches, counts, {"": thresholds}, interpolation=interpolation)[""]


def interval(samples: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of samples; NaN unless half of them are numbers."""
    known = samples[np.isfinite(samples)]
    if not len(known) or 2 * len(known) < len(samples):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_p(delta: float, samples: Floats, images: int) -> float:
    """Return the two-sided p of a difference, from its spread over the resamples and Student's t.

    Counting resamples beyond 0 gives no p below 2 / (R + 1), which the correction for some forty cells lifts above
    0.05 however large the difference is; the bootstrap standard error (Efron and Tibshirani 1993, chapter 6) gives
    one. With ``images - 1`` degrees of freedom 1,000 null differences of AP50 were rejected at 0.05 in 5.8 % (20
    images) and 5.0 % (50 images) of cases, with the normal distribution in 7.5 % and 6.2 %, by counting in 6.5 % and
    5.3 %.

    Parameters
    ----------
    delta
        The difference.
    samples
        What it is on each resample, ``(R,)``.
    images
        How many images there are.
    """
    from scipy import stats

    known = samples[np.isfinite(samples)]
    if not np.isfinite(delta) or len(known) < 2 or images < 2:
        return float("nan")
    # A difference of rounding errors is none.
    if abs(delta) < _ROUNDING:
        return 1.0
    spread = float(known.std(ddof=1))
    if spread < _ROUNDING:
        return 1 / (1 + len(known))
    return float(2 * stats.t.sf(abs(delta) / spread, images - 1))
