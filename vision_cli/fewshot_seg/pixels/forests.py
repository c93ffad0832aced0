"""Forests of extremely randomised trees on pixels.

Source: P. Geurts, D. Ernst and L. Wehenkel, "Extremely randomized trees", Machine Learning 63, 2006.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Floats

_SMALLEST_LEAF = 3


class PixelForest:
    """Tells pixels of the class from others.

    Parameters
    ----------
    values
        ``(N, F)`` features.
    labels
        ``(N,)`` True in the class; if all are the same, so is every answer.
    weights
        ``(N,)``.
    seed
        Of the trees.
    trees
        How many.
    """

    def __init__(
        self, values: Floats, labels: NDArray[np.bool_], weights: Floats, *, seed: int, trees: int = 50
    ) -> None:
        self._constant = float(labels[0]) if len(labels) and labels.all() == labels.any() else None
        self._forest: Any = None
        if len(labels) == 0:
            self._constant = 0.0
        if self._constant is None:
            from sklearn.ensemble import ExtraTreesClassifier

            forest = ExtraTreesClassifier(trees, min_samples_leaf=_SMALLEST_LEAF, n_jobs=1, random_state=seed)
            self._forest = forest.fit(values, labels, weights)

    def probability(self, values: Floats) -> Floats:
        """Return the probability of the class at pixels ``(N, F)``, ``(N,)``."""
        if self._forest is None:
            return np.full(len(values), self._constant, np.float32)
        return np.asarray(self._forest.predict_proba(values)[:, 1], np.float32)

    def leaves(self, values: Floats, trees: int) -> NDArray[np.int64]:
        """Return the leaf of each pixel ``(N, F)`` in the first trees, ``(N, trees)``; no two trees share a number."""
        if self._forest is None:
            return np.zeros((len(values), 1), np.int64)
        chosen = self._forest.estimators_[:trees]
        # A tree takes what the forest has checked: single precision, contiguous.
        rows = np.ascontiguousarray(values, np.float32)
        found = np.stack([tree.tree_.apply(rows) for tree in chosen], axis=1)
        starts = np.cumsum([0, *(tree.tree_.node_count for tree in chosen[:-1])])
        return np.asarray(found + starts, np.int64)
