"""How well two label maps on one grid agree: overlap, surface distance and volume.

Made for many labels: voxels and surfaces of all labels are found in one pass over a map, whatever their
number, and distances are computed between surface voxels only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

Labels = NDArray[np.integer]
Points = NDArray[np.float64]

_COUNTABLE_RANGE = 1 << 20


def dice_per_label(fixed: Labels, moved: Labels, labels: Sequence[int] | None = None) -> dict[int, float]:
    """Compute ``2 |F ∩ M| / (|F| + |M|)`` of every label, in the order of the labels.

    Parameters
    ----------
    fixed, moved
        Label maps of the same shape.
    labels
        The labels to compare; by default those other than 0 that either map holds.

    Returns
    -------
    dict
        Label to Dice coefficient; NaN for a label that neither map holds.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    _require_same_shape(fixed, moved)
    both, in_fixed, in_moved = (_voxels(found) for found in (fixed[fixed == moved], fixed, moved))
    wanted = (in_fixed.keys() | in_moved.keys()) - {0} if labels is None else labels
    dice = {}
    for label in sorted(wanted):
        total = in_fixed.get(label, 0) + in_moved.get(label, 0)
        dice[label] = 2.0 * both.get(label, 0) / total if total else math.nan
    return dice


def hausdorff95(fixed: Labels, moved: Labels, label: int, spacing: Sequence[float]) -> float:
    """Compute the 95 % Hausdorff distance of one label, in mm.

    The greater of the two directed 95th percentiles of the distances between surfaces, as in Learn2Reg. The
    surface of a label is its voxels with a face neighbour outside it, or at the edge of the image.

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
    in_fixed, in_moved = _surfaces(fixed, spacing), _surfaces(moved, spacing)
    wanted = (in_fixed.keys() | in_moved.keys()) - {0} if labels is None else labels
    return {label: _hausdorff95(in_fixed.get(label), in_moved.get(label)) for label in sorted(wanted)}


def volumes_mm3(labels: Labels, spacing: Sequence[float]) -> dict[int, float]:
    """Compute the volume of every label but 0 in mm³, or its area in mm² where there are two axes."""
    voxel = math.prod(spacing)
    return {label: count * voxel for label, count in _voxels(labels).items() if label != 0}


def volume_mm3(labels: Labels, label: int, spacing: Sequence[float]) -> float:
    """Compute the volume of one label as `volumes_mm3` does; 0 if the map does not hold it."""
    return int(np.count_nonzero(labels == label)) * math.prod(spacing)


def _require_same_shape(fixed: Labels, moved: Labels) -> None:
    if fixed.shape != moved.shape:
        raise ValueError(f"label maps of shapes {fixed.shape} and {moved.shape}; the same shape expected")


def _voxels(labels: Labels) -> dict[int, int]:
    """Count the voxels of each label, in the order of the labels."""
    if labels.size == 0:
        return {}
    lowest, highest = int(labels.min()), int(labels.max())
    if highest - lowest < _COUNTABLE_RANGE:
        counts = np.bincount(labels.ravel().astype(np.int64) - lowest)
        present = np.flatnonzero(counts)
        return dict(zip((present + lowest).tolist(), counts[present].tolist(), strict=True))
    values, counts = np.unique(labels, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def _surfaces(labels: Labels, spacing: Sequence[float]) -> dict[int, Points]:
    """Find the surface voxels of each label: ``(N, D)`` points in mm from the first voxel."""
    on_surface = np.zeros(labels.shape, dtype=bool)
    for axis in range(labels.ndim):
        along, surface_along = np.moveaxis(labels, axis, 0), np.moveaxis(on_surface, axis, 0)
        changes = along[1:] != along[:-1]
        surface_along[1:] |= changes
        surface_along[:-1] |= changes
        surface_along[[0, -1]] = True
    found = labels[on_surface]
    order = np.argsort(found, kind="stable")
    points = np.argwhere(on_surface)[order] * np.asarray(spacing, dtype=np.float64)
    values, starts = np.unique(found[order], return_index=True)
    return dict(zip(values.tolist(), np.split(points, starts[1:]), strict=True))


def _hausdorff95(first: Points | None, second: Points | None) -> float:
    if first is None and second is None:
        return math.nan
    if first is None or second is None:
        return math.inf
    directed = (_distances(first, second), _distances(second, first))
    return max(float(np.percentile(distances, 95)) for distances in directed)


def _distances(points: Points, others: Points) -> NDArray[np.float64]:
    """Return the distance of each point from the nearest of others, in mm."""
    # Voxels of a lattice are spread evenly: splitting at the middle is as good as at the median, and faster.
    tree = KDTree(others, leafsize=32, balanced_tree=False)
    return np.asarray(tree.query(points)[0], dtype=np.float64)
