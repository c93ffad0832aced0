"""A training example: a pair of images on one grid."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Example:
    """A linearly aligned pair of images on one grid, with labels and displacement if known.

    Attributes
    ----------
    fixed, moving
        ``(*shape)`` intensities in [0, 1].
    fixed_soft_labels, moving_soft_labels
        ``(K, *shape)`` fraction of each of K labels in a voxel, without the background; None without labels.
    displacement_voxels
        ``(D, *shape)``, from fixed to moving points; None if it is not known.
    """

    fixed: Tensor
    moving: Tensor
    fixed_soft_labels: Tensor | None = None
    moving_soft_labels: Tensor | None = None
    displacement_voxels: Tensor | None = None
