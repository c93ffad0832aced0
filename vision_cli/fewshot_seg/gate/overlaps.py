"""How much masks agree, and what the leaves of a forest carry from one picture to another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vision_cli.fewshot_seg.values import Floats


def iou(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the intersection over union of two masks; 1 if both are empty."""
    union = int(np.count_nonzero(first | second))
    return float(np.count_nonzero(first & second) / union) if union else 1.0


def soft_iou(probability: Floats, mask: NDArray[np.bool_]) -> float:
    """Return ``Σ min(p, m) / Σ max(p, m)`` of a probability and a mask; 1 if both are empty."""
    inside = float(probability[mask].sum())
    larger = float(mask.sum()) + float(probability.sum()) - inside
    return inside / larger if larger > 0 else 1.0


def weighted_iou(found: NDArray[np.bool_], labels: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the IoU of each column ``(N, C)`` with labels ``(N,)`` when pixels have weights, ``(C,)``."""
    truth, heavy = labels[:, None], weights[:, None]
    union = ((found | truth) * heavy).sum(axis=0)
    return np.asarray(((found & truth) * heavy).sum(axis=0) / np.maximum(union, 1e-6), np.float32)


def weighted_correlation(values: Floats, labels: NDArray[np.bool_], weights: Floats) -> Floats:
    """Return the weighted correlation of each column ``(N, C)`` with labels ``(N,)``, ``(C,)``."""
    share = weights[:, None] / max(float(weights.sum()), 1e-9)
    centred = values - (values * share).sum(axis=0)
    truth = labels[:, None] - float((labels * share[:, 0]).sum())
    norm = (centred**2 * share).sum(axis=0) * (truth**2 * share).sum()
    return np.asarray((centred * truth * share).sum(axis=0) / np.sqrt(np.maximum(norm, 1e-12)), np.float32)


def leaf_transfer(given: NDArray[np.int64], masks: NDArray[np.bool_], asked: NDArray[np.int64]) -> Floats:
    """Return what a mask says of other pixels that share leaves with its own.

    A leaf says the mean of the mask over the given pixels in it; a pixel is told the mean of what its leaves say, those
    without any given pixel left out, and 0 if there is no other.

    Parameters
    ----------
    given
        ``(N, T)`` leaves of pixels where the masks are known.
    masks
        ``(N, C)``.
    asked
        ``(M, T)`` leaves of the other pixels.

    Returns
    -------
    ndarray
        ``(M, C)`` within 0 to 1.
    """
    size = 1 + max(int(given.max(initial=0)), int(asked.max(initial=0)))
    trees = given.shape[1]
    counts = np.bincount(given.ravel(), minlength=size).astype(np.float32)
    known = (counts > 0)[asked]
    among = np.maximum(known.sum(axis=1), 1)
    columns = []
    for mask in masks.T:
        inside = np.bincount(given.ravel(), weights=np.repeat(mask, trees), minlength=size)
        says = (inside / np.maximum(counts, 1)).astype(np.float32)
        columns.append(says[asked].sum(axis=1) / among)
    return np.stack(columns, axis=1).astype(np.float32)


def correlation(first: Floats, second: Floats) -> float:
    """Return the mean over channels of the correlation of two pictures ``(h, w, 3)``; 0 for a flat channel."""
    found = []
    for channel in range(first.shape[2]):
        one, other = first[..., channel].ravel(), second[..., channel].ravel()
        flat = min(float(one.std()), float(other.std())) < 1e-3
        found.append(0.0 if flat else float(np.corrcoef(one, other)[0, 1]))
    return float(np.mean(found))
