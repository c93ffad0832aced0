"""A pair of images as training sees it."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Example:
    """A pair on one grid, linearly aligned, and what is known of it.

    Attributes
    ----------
    fixed, moving
        ``(*shape)`` intensities in [0, 1].
    fixed_shares, moving_shares
        ``(K, *shape)`` share of each of some labels in a voxel, background is none of them; None without labels.
    displacement
        ``(D, *shape)`` voxels, from fixed to moving points; None where nobody knows it.
    """

    fixed: Tensor
    moving: Tensor
    fixed_shares: Tensor | None = None
    moving_shares: Tensor | None = None
    displacement: Tensor | None = None
