"""Measures of a registration: overlap, surface distance, landmark error, and regularity of the map."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.io.volumes.volumes import Volume
from vision_cli.metrics.segmentation import dice_per_label, hausdorff95_per_label, volumes_mm3
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import Transform, map_points, resample


@dataclass(frozen=True)
class LabelScore:
    """Measures of one label.

    Attributes
    ----------
    label, name
        Number of the label, and its name, empty if it is not known.
    dice_before, dice_affine, dice
        Dice with the positions in the headers, with the linear part and with the whole transform.
    hd95_mm
        95 % Hausdorff distance with the whole transform.
    fixed_mm3, warped_mm3
        Volumes of the label in the fixed and in the warped label map.
    """

    label: int
    name: str
    dice_before: float
    dice_affine: float
    dice: float
    hd95_mm: float
    fixed_mm3: float
    warped_mm3: float


@dataclass(frozen=True)
class LabelEvaluation:
    """Comparison of two label maps.

    Attributes
    ----------
    scores
        Measures of each label that is in both maps.
    only_fixed, only_moving
        Labels that are in one map only; they are not scored.
    warped
        The moving labels on the grid of the fixed labels.
    """

    scores: tuple[LabelScore, ...]
    only_fixed: tuple[int, ...]
    only_moving: tuple[int, ...]
    warped: NDArray[np.int32]

    def mean(self, field: str) -> float | None:
        """Return the mean of a field of `LabelScore` over the labels; None without finite values."""
        values = [getattr(score, field) for score in self.scores]
        finite = [value for value in values if math.isfinite(value)]
        return statistics.fmean(finite) if finite else None


def evaluate_labels(
    fixed: Volume,
    moving: Volume,
    chain: Sequence[Transform],
    *,
    linear: Sequence[Transform] = (),
    names: Mapping[int, str] | None = None,
    interpolation: str = "label",
) -> LabelEvaluation:
    """Warp the moving labels onto the grid of the fixed labels and compare them.

    Parameters
    ----------
    fixed, moving
        Label maps.
    chain
        Transforms fixed -> moving, in the order in which they are applied.
    linear
        Linear part of the chain, for ``dice_affine``.
    names
        Label names.
    interpolation
        ``label`` (greatest linear weight) or ``nearest``.
    """
    grid_f, grid_m = Grid(fixed.shape, fixed.vox2ras), Grid(moving.shape, moving.vox2ras)
    method: str = interpolation
    warped = resample(moving.data, grid_m, grid_f, chain, method)
    present_f, present_m = (set(np.unique(v.data).tolist()) - {0} for v in (fixed, moving))
    shared = sorted(present_f & present_m)
    dice = dice_per_label(fixed.data, warped)
    before = dice_per_label(fixed.data, resample(moving.data, grid_m, grid_f, (), "nearest"))
    by_linear = dice_per_label(fixed.data, resample(moving.data, grid_m, grid_f, linear, method)) if linear else {}
    distances = hausdorff95_per_label(fixed.data, warped, fixed.spacing, shared)
    volumes_fixed, volumes_warped = (volumes_mm3(labels, fixed.spacing) for labels in (fixed.data, warped))
    scores = tuple(
        LabelScore(
            label,
            (names or {}).get(label, ""),
            before.get(label, 0.0),
            by_linear.get(label, math.nan),
            dice.get(label, 0.0),
            distances[label],
            volumes_fixed[label],
            volumes_warped.get(label, 0.0),
        )
        for label in shared
    )
    return LabelEvaluation(scores, tuple(sorted(present_f - present_m)), tuple(sorted(present_m - present_f)), warped)


def target_registration_error(
    fixed_points: NDArray[np.float64], moving_points: NDArray[np.float64], chain: Sequence[Transform]
) -> NDArray[np.float64]:
    """Return the distances in mm between mapped fixed landmarks and the corresponding moving landmarks, ``(N,)``.

    Parameters
    ----------
    fixed_points, moving_points
        ``(N, D)`` in RAS mm.
    chain
        Transforms fixed -> moving, in the order in which they are applied.
    """
    difference_mm = map_points(chain, fixed_points) - moving_points
    distances_mm: NDArray[np.float64] = np.linalg.norm(difference_mm, axis=1)
    return distances_mm


def sdlogj_learn2reg(displacement_voxels: NDArray[np.floating]) -> float:
    """Return the SD of the log-determinant as the evaluation of Learn2Reg computes it (MDL-UzL/L2R, evaluation.py).

    The determinant of the displacement ``(*grid, D)`` is shifted by 3 and clipped to [1e-9, 1e9] before the log, and a
    border of two voxels is left out. The value is not comparable with SD log J.
    """
    determinant = _central_determinant(np.asarray(displacement_voxels, dtype=np.float64))
    return float(np.log(np.clip(determinant + 3, 1e-9, 1e9)).std())


def _central_determinant(displacement_voxels: NDArray[np.float64]) -> NDArray[np.float64]:
    dim = displacement_voxels.shape[-1]
    rim = tuple(slice(2, -2) for _ in range(dim))
    jacobian = np.stack(
        [np.stack([np.gradient(displacement_voxels[..., c], axis=a) for a in range(dim)], -1) for c in range(dim)],
        -2,
    )[rim]
    determinant: NDArray[np.float64] = np.linalg.det(jacobian + np.eye(dim))
    return determinant
