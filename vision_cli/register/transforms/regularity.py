"""Regularity of a map from its Jacobian determinant: one definition for every verb.

Measures without a suffix are taken over the foreground of the fixed image; those over the whole grid, as Learn2Reg and
the tables of TransMorph define them, have ``grid`` in their names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LEAST_DETERMINANT = 1e-9
"""Determinants are clipped to this before the log."""


@dataclass(frozen=True)
class Regularity:
    """Regularity of a map over a region.

    Attributes
    ----------
    voxels
        Voxels of the region.
    folded_voxels
        Those whose determinant is not positive.
    sdlogj
        Standard deviation of the log-determinant.
    jacobian_range
        Least and greatest determinant.
    """

    voxels: int
    folded_voxels: int
    sdlogj: float
    jacobian_range: tuple[float, float]

    @property
    def folds_pct(self) -> float:
        """Share of folded voxels in %."""
        return 100.0 * self.folded_voxels / max(self.voxels, 1)


def regularity(determinant: Tensor, inside: Tensor | None = None) -> Regularity:
    """Return the regularity of a map with this Jacobian determinant ``(*grid)`` over ``inside``, or the whole grid.

    An empty region stands for the whole grid.
    """
    values = determinant[inside] if inside is not None and bool(inside.any()) else determinant.reshape(-1)
    return Regularity(
        int(values.numel()),
        int((values <= 0).sum()),
        float(torch.log(values.clamp(min=LEAST_DETERMINANT)).std(correction=0)),
        (float(values.min()), float(values.max())),
    )
