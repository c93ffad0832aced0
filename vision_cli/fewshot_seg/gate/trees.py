"""Forests of regression trees as arrays: read from a file of numbers, and evaluated for all rows and trees at once.

The nodes of a tree stand in depth-first order: the left child of a node is the next one, so only the distance to the
right child is kept, and whatever a file says, a walk goes forward and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Floats

_LEAF = -1


@dataclass(frozen=True)
class TreeEnsemble:
    """The mean of regression trees.

    Attributes
    ----------
    roots
        ``(T,)`` int32, first node of each tree.
    feature
        ``(N,)`` int16, which column a node asks about; -1 in a leaf.
    number
        ``(N,)`` float32: a row goes to the left child if its column is at most this; in a leaf, the answer.
    right
        ``(N,)`` int16, distance from a node to its right child; 0 in a leaf.
    width
        How many columns a row has.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    number: Floats
    right: NDArray[np.int16]
    width: int

    def predict(self, rows: Floats) -> Floats:
        """Return the mean answer of the trees for rows ``(R, width)``, ``(R,)``.

        Raises
        ------
        ValueError
            If rows have another width.
        """
        if rows.shape[1] != self.width:
            raise ValueError(f"rows of {rows.shape[1]} numbers; {self.width} expected")
        node = np.repeat(self.roots[None].astype(np.int64), len(rows), axis=0)
        line = np.arange(len(rows))[:, None]
        values = rows.astype(np.float32)
        while True:
            asked = self.feature[node]
            inner = asked != _LEAF
            if not inner.any():
                break
            goes_left = values[line, asked] <= self.number[node]
            node += np.where(inner, np.where(goes_left, 1, self.right[node]), 0)
        return np.asarray(self.number[node].mean(axis=1, dtype=np.float64), np.float32)

    @staticmethod
    def from_sklearn(forest: Any) -> TreeEnsemble:
        """Return the trees of a fitted regression forest of scikit-learn; predictions are equal in single precision.

        Raises
        ------
        ValueError
            If a tree has more nodes than int16 can count.
        """
        roots, features, numbers, rights = [], [], [], []
        start = 0
        for one in forest.estimators_:
            tree = one.tree_
            leaf = tree.children_left == _LEAF
            places = np.arange(tree.node_count)
            if tree.node_count > np.iinfo(np.int16).max:
                raise ValueError(f"a tree of {tree.node_count} nodes; at most {np.iinfo(np.int16).max} expected")
            if not np.array_equal(tree.children_left[~leaf], places[~leaf] + 1):
                raise ValueError("nodes of a tree in another order than depth-first")
            roots.append(start)
            features.append(np.where(leaf, _LEAF, tree.feature).astype(np.int16))
            numbers.append(np.where(leaf, tree.value[:, 0, 0], _rounded_down(tree.threshold)).astype(np.float32))
            rights.append(np.where(leaf, 0, tree.children_right - places).astype(np.int16))
            start += tree.node_count
        return TreeEnsemble(
            np.array(roots, np.int32),
            np.concatenate(features),
            np.concatenate(numbers),
            np.concatenate(rights),
            int(forest.n_features_in_),
        )

    def arrays(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return what to write into a file, under names that begin with a prefix."""
        width = np.array([self.width], np.int32)
        found: dict[str, NDArray[Any]] = {
            "roots": self.roots,
            "feature": self.feature,
            "number": self.number,
            "right": self.right,
            "width": width,
        }
        return {f"{prefix}.{name}": values for name, values in found.items()}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str) -> TreeEnsemble:
        """Return the trees that a file holds under a prefix.

        Raises
        ------
        ValueError
            If they are not all there, or are no trees.
        """
        kinds = {"roots": np.int32, "feature": np.int16, "number": np.float32, "right": np.int16, "width": np.int32}
        found = {}
        for name, kind in kinds.items():
            values = arrays.get(f"{prefix}.{name}")
            if values is None or values.dtype != kind or values.ndim != 1 or not len(values):
                raise ValueError(f"{prefix}.{name}: missing or of another kind; {np.dtype(kind).name} numbers expected")
            found[name] = values
        ensemble = TreeEnsemble(
            found["roots"], found["feature"], found["number"], found["right"], int(found["width"][0])
        )
        if not ensemble._is_sound():
            raise ValueError(f"{prefix}: not the arrays of regression trees")
        return ensemble

    def _is_sound(self) -> bool:
        total = len(self.feature)
        if not (len(self.number) == len(self.right) == total and self.width > 0):
            return False
        leaf = self.feature == _LEAF
        places = np.arange(total)
        return bool(
            ((self.roots >= 0) & (self.roots < total)).all()
            and ((self.feature >= _LEAF) & (self.feature < self.width)).all()
            and np.isfinite(self.number).all()
            and (self.right[~leaf] > 1).all()
            and ((places + self.right)[~leaf] < total).all()
        )


def _rounded_down(thresholds: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the greatest single-precision numbers not above; ``x <= t`` means the same for ``x`` of that precision."""
    single = thresholds.astype(np.float32)
    below = np.nextafter(single, np.float32(-np.inf))
    return np.where(single > thresholds, below, single).astype(np.float32)
