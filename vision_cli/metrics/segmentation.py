"""How well two label maps on one grid agree: overlap, surface distance and volume.

Made for many labels: overlap takes one pass whatever their number, and a distance is computed inside the box
around its label only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Labels = NDArray[np.integer]
Mask = NDArray[np.bool_]


def dice_per_label(fixed: Labels, moved: Labels) -> dict[int, float]:
    """Compute ``2 |F ∩ M| / (|F| + |M|)`` of every label, in the order of the labels.

    Parameters
    ----------
    fixed, moved
        Label maps of the same shape.

    Returns
    -------
    dict
        Label to Dice coefficient, for the labels other than 0 that either map holds.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _require_same_shape(fixed, moved)
    labels = np.union1d(_present(fixed), _present(moved))
    n = len(labels)
    codes = _ranks(fixed, labels) * n + _ranks(moved, labels)
    pairs = np.bincount(codes.ravel(), minlength=n * n).reshape(n, n)
    both, total = np.diagonal(pairs), pairs.sum(axis=0) + pairs.sum(axis=1)
    return {int(label): 2.0 * int(both[i]) / int(total[i]) for i, label in enumerate(labels) if label != 0}


def hausdorff95(fixed: Labels, moved: Labels, label: int, spacing: Sequence[float]) -> float:
    """Compute the 95 % Hausdorff distance of one label, in mm.

    The greater of the two directed 95th percentiles of the distances between surfaces, where the surface of a
    label is its voxels with a face neighbour outside it, or at the edge of the image.

    Parameters
    ----------
    fixed, moved
        Label maps of the same shape.
    label
        The label to compare.
    spacing
        Voxel spacing along each axis, in mm.

    Returns
    -------
    float
        NaN if neither map holds the label, infinity if only one does.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    return hausdorff95_per_label(fixed, moved, spacing, [label])[label]


def hausdorff95_per_label(
    fixed: Labels, moved: Labels, spacing: Sequence[float], labels: Sequence[int] | None = None
) -> dict[int, float]:
    """Compute `hausdorff95` of many labels, by default of all but 0 that either map holds."""
    _require_same_shape(fixed, moved)
    present = np.union1d(_present(fixed), _present(moved))
    wanted = present[present != 0] if labels is None else np.unique(np.asarray(labels, dtype=np.int64))
    if len(wanted) == 0:
        return {}
    found = [ndimage.find_objects(_numbered(a, wanted), len(wanted)) for a in (fixed, moved)]
    distances = {}
    for label, boxes in zip(wanted.tolist(), zip(*found, strict=True), strict=True):
        box = _joined([box for box in boxes if box is not None])
        distances[label] = (
            _hausdorff95(fixed[box] == label, moved[box] == label, spacing) if box else math.nan
        )
    return distances


def volume_mm3(labels: Labels, label: int, spacing: Sequence[float]) -> float:
    """Compute the volume of a label in mm³, or its area in mm² where there are two axes."""
    return float(np.count_nonzero(labels == label) * np.prod(np.asarray(spacing, dtype=np.float64)))


def _require_same_shape(fixed: Labels, moved: Labels) -> None:
    if fixed.shape != moved.shape:
        raise ValueError(f"label maps of shapes {fixed.shape} and {moved.shape}; the same shape expected")


def _present(labels: Labels) -> NDArray[np.int64]:
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest < max(1 << 20, labels.size):
        return np.flatnonzero(np.bincount(labels.ravel().astype(np.int64) - lowest)) + lowest
    return np.unique(labels).astype(np.int64)


def _ranks(labels: Labels, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Replace each label by its place in the sorted ``known``, which holds all of them."""
    lowest, highest = int(known[0]), int(known[-1])
    if highest - lowest < max(1 << 20, labels.size):
        table = np.zeros(highest - lowest + 1, dtype=np.int64)
        table[known - lowest] = np.arange(len(known))
        return np.asarray(table[labels.astype(np.int64) - lowest])
    return np.searchsorted(known, labels)


def _numbered(labels: Labels, wanted: NDArray[np.int64]) -> NDArray[np.int32]:
    """Replace the wanted labels by 1, 2 and so on, and all else by 0."""
    known = np.union1d(_present(labels), wanted)
    numbers = np.zeros(len(known), dtype=np.int32)
    numbers[np.searchsorted(known, wanted)] = np.arange(1, len(wanted) + 1)
    return np.asarray(numbers[_ranks(labels, known)])


def _joined(boxes: Sequence[tuple[slice, ...]]) -> tuple[slice, ...]:
    """Give the smallest box around boxes; empty where there is none."""
    return tuple(
        slice(min(axis.start for axis in axes), max(axis.stop for axis in axes))
        for axes in zip(*boxes, strict=True)
    )


def _hausdorff95(first: Mask, second: Mask, spacing: Sequence[float]) -> float:
    if not first.any() or not second.any():
        return math.inf
    first_surface, second_surface = _surface(first), _surface(second)
    to_first = ndimage.distance_transform_edt(~first_surface, sampling=spacing)
    to_second = ndimage.distance_transform_edt(~second_surface, sampling=spacing)
    return float(
        max(np.percentile(to_second[first_surface], 95), np.percentile(to_first[second_surface], 95))
    )


def _surface(mask: Mask) -> Mask:
    # Beyond the box lies no voxel of the label, so the array's edge counts as outside.
    return np.asarray(mask & ~ndimage.binary_erosion(mask))
