"""Bootstrap resamples of items, drawn once for all that is compared on them, and what a score is on each."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from vision_cli.metrics.detection.average_precision import counts_of

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

LEVEL = 0.95


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


def interval(samples: Floats, level: float = LEVEL) -> tuple[float, float]:
    """Return the percentile interval of samples; NaN unless half of them are numbers."""
    known = samples[np.isfinite(samples)]
    if not len(known) or 2 * len(known) < len(samples):
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
