"""How well scores rank what is positive above what is not: ROC, precision and recall, F1.

Made for many millions of scores: from 2¹⁶ up `histogram_auroc` counts in bins and never sorts all of them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.integer] | NDArray[np.bool_]

_BINS = 1 << 16


def auroc(labels: Labels, scores: Scores) -> float:
    """Area under the ROC curve, ties counting half; NaN unless both classes occur.

    Parameters
    ----------
    labels
        ``(N,)``, positive where not 0.
    scores
        ``(N,)``, finite.
    """
    positive = np.asarray(labels).astype(bool)
    hits, misses = int(positive.sum()), int((~positive).sum())
    if not hits or not misses:
        return math.nan
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    return float((ranks[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Area under the curve of precision over recall, by steps; NaN unless both classes occur."""
    positive = np.asarray(labels).astype(bool)
    if not positive.any() or positive.all():
        return math.nan
    true, false, _ = _counts_above(positive, scores)
    recall = true / true[-1]
    precision = true / (true + false)
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def best_f1(labels: Labels, scores: Scores) -> tuple[float, float]:
    """Highest F1 over all thresholds and the threshold; NaN unless both classes occur."""
    positive = np.asarray(labels).astype(bool)
    if not positive.any() or positive.all():
        return math.nan, math.nan
    true, false, levels = _counts_above(positive, scores)
    f1 = 2 * true / (true[-1] + true + false)
    best = int(f1.argmax())
    return float(f1[best]), float(levels[best])


def region_overlap_area(labels: Labels, scores: Scores, regions: NDArray[np.integer], limit: float = 0.3) -> float:
    """Area under the curve of mean overlap per region (PRO) up to a false positive rate, over that rate.

    Parameters
    ----------
    labels
        ``(N,)``.
    scores
        ``(N,)``.
    regions
        Number of the defect that a point belongs to, ``(N,)``, 0 for none: every defect weighs the same.
    limit
        False positive rate where the curve ends (Bergmann et al. 2020, section 4.2).

    Returns
    -------
    float
        0 to 1; NaN without defects or without good points.
    """
    positive = np.asarray(labels).astype(bool)
    names, member = np.unique(regions[positive], return_inverse=True)
    if not len(names) or positive.all():
        return math.nan
    weight = np.zeros(len(positive))
    weight[positive] = 1 / (np.bincount(member)[member] * len(names))
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    overlap = np.cumsum(weight[order])
    false = np.cumsum(~positive[order]) / (~positive).sum()
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    rate, height = np.append(0.0, false[last]), np.append(0.0, overlap[last])
    inside = rate <= limit
    rate = np.append(rate[inside], limit)
    height = np.append(height[inside], np.interp(limit, np.append(0.0, false[last]), np.append(0.0, overlap[last])))
    return float(np.trapezoid(height, rate) / limit)


class HistogramRanking:
    """AUROC and average precision of any number of scores in bins, whose memory does not grow.

    Parameters
    ----------
    low, high
        Scores outside count as at the ends.
    """

    def __init__(self, low: float, high: float) -> None:
        self._low, self._high = low, max(high, low + 1e-12)
        self._counts = np.zeros((2, _BINS), dtype=np.int64)

    def add(self, labels: Labels, scores: Scores) -> None:
        """Count scores ``(N,)`` of points with labels ``(N,)``; NaN is left out."""
        scores = np.asarray(scores)
        known = np.isfinite(scores)
        place = ((scores[known] - self._low) / (self._high - self._low) * (_BINS - 1)).round()
        number = np.clip(place, 0, _BINS - 1).astype(np.int64)
        positive = np.asarray(labels)[known].astype(bool)
        self._counts[1] += np.bincount(number[positive], minlength=_BINS)
        self._counts[0] += np.bincount(number[~positive], minlength=_BINS)

    def auroc(self) -> float:
        """Area under the ROC curve; NaN unless both classes occur."""
        false, true = self._counts[:, ::-1].cumsum(axis=1) / np.maximum(self._counts.sum(axis=1), 1)[:, None]
        if not self._counts.sum(axis=1).all():
            return math.nan
        return float(np.trapezoid(np.append(0.0, true), np.append(0.0, false)))

    def average_precision(self) -> float:
        """Area under the curve of precision over recall; NaN unless both classes occur."""
        if not self._counts.sum(axis=1).all():
            return math.nan
        false, true = self._counts[:, ::-1].cumsum(axis=1)
        precision = true / np.maximum(true + false, 1)
        return float(np.sum(np.diff(true / true[-1], prepend=0.0) * precision))


def _counts_above(
    positive: NDArray[np.bool_], scores: Scores
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]:
    """Give true and false positives at each distinct threshold, from the highest down, and the thresholds."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    true = np.cumsum(positive[order], dtype=np.int64)[last]
    return true, last + 1 - true, ordered[last]
