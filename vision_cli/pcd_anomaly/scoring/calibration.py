"""What good scans look like in numbers: spreads of every channel at every place, p-values, and the limit of a scan.

All of it comes from views of prototypes, each compared with what the other prototypes make (leave one prototype out).
No test scan is ever looked at.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from vision_cli.pcd_anomaly.surfaces.geometry import Points

_QUANTILES = 400
_TAIL = 0.01
_STUDENT_DECADES = 7
_SHRINKAGE = 6.0
_LEAST_FREEDOM, _USUAL_ALPHA = 2, 0.05
TOP_SHARE = 0.01
"""The score of a scan is the mean of this share of its places, the highest."""


@dataclass(frozen=True)
class NullTable:
    """The distribution of a channel over good places, ready to give -log10 p.

    Attributes
    ----------
    levels
        ``(Q,)`` ascending values of the channel.
    surprise
        ``(Q,)`` -log10 of the share of good places above each.
    slope
        How fast the surprise rises beyond the last level, per unit of the channel.
    """

    levels: NDArray[np.float64]
    surprise: NDArray[np.float64]
    slope: float

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give -log10 p of values ``(N,)``; beyond what was seen the tail goes on as an exponential."""
        inside = np.interp(values, self.levels, self.surprise)
        return np.asarray(inside + np.maximum(values - self.levels[-1], 0) * self.slope)


@dataclass(frozen=True)
class ScanLimit:
    """The distribution of the scores of good scans, as a normal distribution of their logarithms.

    Attributes
    ----------
    mean, deviation
        Of the logarithms.
    count
        How many views it comes from.
    """

    mean: float
    deviation: float
    count: int

    def p_value(self, score: float) -> float:
        """Probability that a good scan scores as high."""
        if not math.isfinite(score):
            return math.nan
        return 0.5 * math.erfc((math.log(max(score, 1e-12)) - self.mean) / (self.deviation * math.sqrt(2)))

    def threshold(self, alpha: float) -> float:
        """Score that a share ``alpha`` of good scans exceeds."""
        return math.exp(self.mean - self.deviation * float(ndtri(alpha)))


def local_scales(
    places: Points,
    nearest: Sequence[NDArray[np.int64]],
    values: Sequence[NDArray[np.float64]],
    neighbours: NDArray[np.int64],
    instances: int,
) -> NDArray[np.float64]:
    """Learn how large each channel is at each place of good parts.

    Parameters
    ----------
    places
        Points of the reference, ``(V, 3)``.
    nearest
        For each view the number of the reference's point at each of its nodes, ``(N,)``.
    values
        For each view its channels, ``(N, C)``.
    neighbours
        Nearest places of each place, ``(V, k)``.
    instances
        How many prototypes the views are of. Deviations of one instance are smooth, so all that neighbouring places
        say is that many independent values; the fewer, the more a place is taken for a typical one.

    Returns
    -------
    ndarray
        ``(V, C)`` root mean squares.
    """
    channels = values[0].shape[1]
    square, count = np.zeros((len(places), channels)), np.zeros(len(places))
    for rows, found in zip(nearest, values, strict=True):
        count += np.bincount(rows, minlength=len(places))
        for channel in range(channels):
            square[:, channel] += np.bincount(rows, found[:, channel] ** 2, minlength=len(places))
    typical = square.sum(axis=0) / max(count.sum(), 1)
    seen = count[neighbours].sum(axis=1)[:, None]
    here = np.where(seen > 0, square[neighbours].sum(axis=1) / np.maximum(seen, 1), typical)
    share = instances / (instances + _SHRINKAGE)
    return np.asarray(np.sqrt(share * here + (1 - share) * typical))


def null_table(values: NDArray[np.float64], most: float = math.inf) -> NullTable:
    """Learn the distribution of a channel from values at good places, ``(N,)``; no surprise is above ``most``."""
    values = np.sort(values)
    # Dense where it matters: in the upper tail.
    shares = np.logspace(0, math.log10(10 / max(len(values), 11)), _QUANTILES)
    levels = np.quantile(values, 1 - shares)
    levels = np.maximum.accumulate(levels + np.arange(_QUANTILES) * 1e-12)
    surprise = -np.log10(shares)
    tail = np.searchsorted(surprise, -math.log10(_TAIL))
    rise = levels[-1] - levels[tail]
    slope = float((surprise[-1] - surprise[tail]) / rise) if rise > 0 else 1.0
    return NullTable(levels, np.minimum(surprise, most), slope if math.isinf(most) else 0.0)


def student_table(instances: int) -> NullTable:
    """Give the distribution of a smooth deviation over its scale, where that is known of few instances.

    All places of a warp rise and fall together: however many there are, the scale is known of as many independent
    values as there are instances, and a share of places that are higher says nothing beyond them. What is left is
    Student's t, of one degree of freedom less, two-sided.

    Parameters
    ----------
    instances
        How many prototypes the scale is of.
    """
    shares = np.logspace(0, -_STUDENT_DECADES, _QUANTILES)
    return NullTable(-stdtrit(max(instances - 1, 1), shares / 2), -np.log10(shares), 0.0)


def scan_score(scores: NDArray[np.float64]) -> float:
    """Score a scan by the mean of the highest percent of its places ``(N,)``; NaN where there is none."""
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return math.nan
    count = max(1, int(len(scores) * TOP_SHARE))
    return float(np.sort(scores)[-count:].mean())


def scan_limit(scores: Sequence[float], instances: int | None = None) -> ScanLimit:
    """Learn the limit from the scores of views of good parts.

    Parameters
    ----------
    scores
        Of the views.
    instances
        How many prototypes the views are of. Their deviation is widened until one scan in twenty exceeds a limit that
        is known of no more than so many values (quantiles of Student's t): as many as there are views, if they show
        more than one prototype.
    """
    logs = np.log(np.maximum(np.asarray(scores), 1e-12))
    count = len(logs)
    middle = float(np.median(logs))
    deviation = float(np.std(logs, ddof=1)) if count > 1 else 0.5
    # Views of a single prototype tell nothing of what instances differ by: they count as one.
    known = 1 if instances == 1 else count
    deviation *= float(stdtrit(max(known - 1, _LEAST_FREEDOM), _USUAL_ALPHA) / ndtri(_USUAL_ALPHA))
    return ScanLimit(middle, max(deviation * math.sqrt(1 + 1 / known), 0.08), count)
