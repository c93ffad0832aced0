"""How well scores rank what is positive above what is not: ROC, precision and recall, F1, overlap of regions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating]
Labels = NDArray[np.integer] | NDArray[np.bool_]


def auroc(labels: Labels, scores: Scores) -> float:
    """Return the area under the ROC curve, ties counting half; NaN unless both classes occur.

    Parameters
    ----------
    labels
        ``(N,)``, positive where not 0.
    scores
        ``(N,)``, finite.

    Raises
    ------
    ValueError
        If a score is not finite.
    """
    positive = np.asarray(labels).astype(bool)
    if not positive.any() or positive.all():
        return math.nan
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores))


def average_precision(labels: Labels, scores: Scores) -> float:
    """Return the area under the curve of precision over recall, by steps; as `auroc` otherwise."""
    positive = np.asarray(labels).astype(bool)
    if not positive.any() or positive.all():
        return math.nan
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(positive, scores))


def best_f1(labels: Labels, scores: Scores) -> tuple[float, float]:
    """Return the highest F1 over all thresholds and the threshold; NaN unless both classes occur."""
    positive = np.asarray(labels).astype(bool)
    if not positive.any() or positive.all():
        return math.nan, math.nan
    true, false, levels = _counts_above(positive, scores)
    f1 = 2 * true / (true[-1] + true + false)
    best = int(f1.argmax())
    return float(f1[best]), float(levels[best])


def region_overlap_area(labels: Labels, scores: Scores, regions: NDArray[np.integer], limit: float = 0.3) -> float:
    """Return the area under the curve of mean overlap per region (PRO) up to a false positive rate, over that rate.

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


def _counts_above(
    positive: NDArray[np.bool_], scores: Scores
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.floating]]:
    """Return true and false positives at each distinct threshold, from the highest down, and the thresholds."""
    order = np.argsort(-np.asarray(scores), kind="stable")
    ordered = np.asarray(scores)[order]
    last = np.flatnonzero(np.append(np.diff(ordered) != 0, True))
    true = np.cumsum(positive[order], dtype=np.int64)[last]
    return true, last + 1 - true, ordered[last]
