"""Tests of paired scores, and the correction for many of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def mcnemar(right: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> float:
    """Return the two-sided p of McNemar's exact test: answers of two methods to the same pictures, ``(I,)`` each."""
    from scipy.stats import binomtest

    won, lost = int(np.count_nonzero(right & ~baseline)), int(np.count_nonzero(~right & baseline))
    return float(binomtest(won, won + lost, 0.5).pvalue) if won + lost else 1.0


def wilcoxon(differences: NDArray[np.float64]) -> float:
    """Return the two-sided p of Wilcoxon's signed-rank test of paired differences, ``(I,)``; 1 where all are 0."""
    from scipy import stats

    known = differences[np.isfinite(differences)]
    if not len(known):
        return float("nan")
    if not known.any():
        return 1.0
    return float(stats.wilcoxon(known).pvalue)


def holm(p_values: Sequence[float]) -> NDArray[np.float64]:
    """Correct p for the number of tests (Holm 1979): each is tested at alpha over the number of those not smaller.

    What is no number stays none, and does not count.
    """
    found = np.asarray(p_values, dtype=np.float64)
    corrected = np.full(len(found), np.nan)
    known = np.flatnonzero(np.isfinite(found))
    order = known[np.argsort(found[known], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(found[order] * factors)) if len(order) else []
    return corrected
