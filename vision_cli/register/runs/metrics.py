"""Measures of a registered pair: the content of its ``metrics.json`` and of its row in a batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class PairMetrics:
    """Measures of a registered pair; None where the inputs do not allow a measure.

    Attributes
    ----------
    dice_mean, dice_median, dice_affine_mean, dice_before_mean, hd95_mean_mm, labels_scored
        Overlap and surface distance of the labels: after the registration, after the linear alignment, before.
    sdlogj, folds_voxels, folds_pct, jacobian_min, jacobian_max
        Regularity of the warp over the fixed foreground.
    sdlogj_grid, folds_grid_voxels, folds_grid_pct
        The same over the whole grid of the fixed image, as Learn2Reg defines them.
    inverse_error_mean_voxels, inverse_error_p99_voxels
        Error of the inverse warp.
    tre_mean_mm, tre_before_mean_mm
        Mean distance of corresponding landmarks.
    lncc_before, lncc_affine, lncc_after
        Mean squared local correlation.
    contrast_mapped
        Whether the moving intensities were mapped to those of the fixed image, because the contrasts differ.
    rotation_deg, mirrored
        Rotation of the affine from the positions in the headers, and whether it mirrors.
    affine_kept
        Whether no deformation fitted better than the affine, so that the warp is zero.
    fold_repairs
        Rounds of fold repair.
    working_spacing_mm
        Voxel size of the working grid.
    mask_used
        ``fixed``, ``moving``, ``both`` or ``none``.
    """

    dice_mean: float | None = None
    dice_median: float | None = None
    dice_affine_mean: float | None = None
    dice_before_mean: float | None = None
    hd95_mean_mm: float | None = None
    labels_scored: int | None = None
    sdlogj: float | None = None
    folds_voxels: int | None = None
    folds_pct: float | None = None
    sdlogj_grid: float | None = None
    folds_grid_voxels: int | None = None
    folds_grid_pct: float | None = None
    jacobian_min: float | None = None
    jacobian_max: float | None = None
    inverse_error_mean_voxels: float | None = None
    inverse_error_p99_voxels: float | None = None
    tre_mean_mm: float | None = None
    tre_before_mean_mm: float | None = None
    lncc_before: float | None = None
    lncc_affine: float | None = None
    lncc_after: float | None = None
    contrast_mapped: bool | None = None
    rotation_deg: float | None = None
    mirrored: bool | None = None
    affine_kept: bool | None = None
    fold_repairs: int | None = None
    working_spacing_mm: float | None = None
    mask_used: str | None = None

    @classmethod
    def read(cls, values: Mapping[str, object]) -> PairMetrics:
        """Return the measures among named values, as those of ``metrics.json`` or of a row of ``items.csv``."""
        names = {field.name for field in fields(cls)}
        kept = {name: value for name, value in values.items() if name in names and _is_measure(name, value)}
        return cls(**kept)  # type: ignore[arg-type]


def _is_measure(name: str, value: object) -> bool:
    return isinstance(value, str) if name == "mask_used" else isinstance(value, int | float)
