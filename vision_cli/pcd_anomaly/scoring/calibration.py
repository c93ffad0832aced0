"""Calibration on good parts: scales of every channel at every place, p-values, and the limit of a scan.

It uses views of the prototypes only, each compared with the reference of the other prototypes (leave one out), and no
test scans.
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
"""The score of a scan is the mean over this share of its places, those with the highest scores."""


@dataclass(frozen=True)
class NullTable:
    """Null distribution of a channel over good places, as a table of -log10 p.

    Attributes
    ----------
    levels
        Ascending values of the channel, ``(Q,)``.
    neg_log_p
        -log10 of the share of good places above each, ``(Q,)``.
    slope
        Increase of -log10 p beyond the last level, per unit of the channel.
    """

    levels: NDArray[np.float64]
    neg_log_p: NDArray[np.float64]
    slope: float

    def at(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return -log10 p of values ``(N,)``; the tail beyond the last level is exponential."""
        inside = np.interp(values, self.levels, self.neg_log_p)
        return np.asarray(inside + np.maximum(values - self.levels[-1], 0) * self.slope)


@dataclass(frozen=True)
class ScanLimit:
    """Distribution of the scores of good scans, as a normal distribution of their logarithms.

    Attributes
    ----------
    mean, deviation
        Mean and standard deviation of the logarithms.
    count
        Number of views that it was estimated from.
    is_guess
        Whether these are views of a single part with assumed noise.
    """

    mean: float
    deviation: float
    count: int
    is_guess: bool = False

    def p_value(self, score: float) -> float:
        """Return the probability that a good scan scores as high; NaN for a NaN score."""
        if not math.isfinite(score):
            return math.nan
        return 0.5 * math.erfc((math.log(max(score, 1e-12)) - self.mean) / (self.deviation * math.sqrt(2)))

    def threshold(self, alpha: float) -> float:
        """Return the score that a share ``alpha`` of good scans exceeds."""
        return math.exp(self.mean - self.deviation * float(ndtri(alpha)))


def local_scales(
    places: Points,
    nearest: Sequence[NDArray[np.int64]],
    values: Sequence[NDArray[np.float64]],
    neighbours: NDArray[np.int64],
    instances: int,
) -> NDArray[np.float64]:
    """Return the scale of each channel at each place of good parts.

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
        Number of prototypes of the views. Deviations of one instance are smooth, so that neighbouring places hold only
        so many independent values; with few of them, scales are shrunk towards the typical one.

    Returns
    -------
    ndarray
        Root mean squares, ``(V, C)``.
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
    """Return the null distribution of a channel from values at good places, ``(N,)``; -log10 p is at most ``most``."""
    values = np.sort(values)
    # Dense where it matters: in the upper tail.
    shares = np.logspace(0, math.log10(10 / max(len(values), 11)), _QUANTILES)
    levels = np.quantile(values, 1 - shares)
    levels = np.maximum.accumulate(levels + np.arange(_QUANTILES) * 1e-12)
    neg_log_p = -np.log10(shares)
    tail = np.searchsorted(neg_log_p, -math.log10(_TAIL))
    rise = levels[-1] - levels[tail]
    slope = float((neg_log_p[-1] - neg_log_p[tail]) / rise) if rise > 0 else 1.0
    return NullTable(levels, np.minimum(neg_log_p, most), slope if math.isinf(most) else 0.0)


def student_table(instances: int) -> NullTable:
    """Return the null distribution of a smooth deviation divided by its scale, for a scale from few instances.

    All places of a warp vary together: however many places there are, the scale is estimated from as many independent
    values as there are instances. The ratio follows Student's t with one degree of freedom less; the p-value is
    two-sided.

    Parameters
    ----------
    instances
        Number of prototypes that the scale was estimated from.
    """
    shares = np.logspace(0, -_STUDENT_DECADES, _QUANTILES)
    return NullTable(-stdtrit(max(instances - 1, 1), shares / 2), -np.log10(shares), 0.0)


def scan_score(scores: NDArray[np.float64]) -> float:
    """Return the score of a scan, the mean of the highest percent of its places ``(N,)``; NaN without finite places."""
    scores = scores[np.isfinite(scores)]
    if not len(scores):
        return math.nan
    count = max(1, int(len(scores) * TOP_SHARE))
    return float(np.sort(scores)[-count:].mean())


def scan_limit(scores: Sequence[float], instances: int | None = None) -> ScanLimit:
    """Return the distribution of scores of good scans, from the scores of views of good parts.

    Parameters
    ----------
    scores
        Scores of the views.
    instances
        Number of prototypes of the views. The deviation is widened by quantiles of Student's t so that one good scan in
        twenty exceeds the limit, with as many values as there are views, or one value for a single prototype.
    """
    logs = np.log(np.maximum(np.asarray(scores), 1e-12))
    count = len(logs)
    middle = float(np.median(logs))
    deviation = float(np.std(logs, ddof=1)) if count > 1 else 0.5
    # Views of a single prototype do not show how instances differ: they count as one value.
    known = 1 if instances == 1 else count
    deviation *= float(stdtrit(max(known - 1, _LEAST_FREEDOM), _USUAL_ALPHA) / ndtri(_USUAL_ALPHA))
    return ScanLimit(middle, max(deviation * math.sqrt(1 + 1 / known), 0.08), count)
