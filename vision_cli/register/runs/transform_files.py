"""Transform files of this or another program: warp an image with them, score them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import atomic_path
from vision_cli.io.tables.tables import read_label_names, read_points
from vision_cli.io.volumes.volumes import read_volume, write_volume
from vision_cli.register.evaluation.measures import evaluate_labels, sdlogj_learn2reg, target_registration_error
from vision_cli.register.options.evaluation import ScoredFiles
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import (
    AffineTransform,
    Transform,
    compose_to_displacement,
    invert,
    resample,
)


def read_chain(paths: Sequence[Path], ndim: int, inverted: Sequence[int] = ()) -> list[Transform]:
    """Read transform files of ``ndim`` axes as one chain; numbers in ``inverted`` count from 1."""
    wrong = [number for number in inverted if number > len(paths)]
    if wrong:
        raise UsageError(f"--invert {wrong[0]}: {len(paths)} transforms found; a number up to that expected.")
    chain: list[Transform] = []
    for number, path in enumerate(paths, start=1):
        parts = itk_files.read_transform(path, ndim)
        chain += [invert(part) for part in reversed(parts)] if number in inverted else parts
    return chain


def apply_transforms(
    image: Path,
    reference: Path,
    transforms: Sequence[Path],
    target: Path,
    *,
    invert: Sequence[int],
    interpolation: str,
    volume: int | None,
    overwrite: bool,
) -> dict[str, object]:
    """Warp an image file onto the grid of another; return what was written.

    Raises
    ------
    UsageError
        If the target exists and may not be replaced.
    InputError
        If a file cannot be used.
    """
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: a file is already here.", hint="Replace it with --overwrite, or choose another.")
    kind: Any = "labels" if interpolation in ("label", "nearest") else "image"
    moving = read_volume(image, kind=kind, volume=volume)
    fixed = read_volume(reference, kind="labels" if kind == "labels" and reference == image else "image", volume=volume)
    if moving.ndim != fixed.ndim:
        raise InputError(f"{image}: {moving.ndim}D found; {fixed.ndim}D, as {reference}, expected.")
    chain = read_chain(transforms, fixed.ndim, invert)
    onto = Grid(fixed.shape, fixed.vox2ras)
    warped = resample(moving.data, Grid(moving.shape, moving.vox2ras), onto, chain, interpolation)
    with atomic_path(target) as hidden:
        write_volume(hidden, warped, fixed.vox2ras, moving.dtype)
    return {
        "file": str(target),
        "shape": list(warped.shape),
        "transforms": len(chain),
        "interpolation": interpolation,
    }


def evaluate_transforms(
    files: ScoredFiles, fixed_label: Path, moving_label: Path, *, l2r_compat: bool
) -> tuple[dict[str, object], Table]:
    """Score transform files; return the metrics and a table of the labels.

    Parameters
    ----------
    files
        The transforms and what comes with the labels.
    fixed_label, moving_label
        The labels.
    l2r_compat
        Also give SDlogJ as Learn2Reg's script computes it.

    Raises
    ------
    UsageError
        If both or neither of transforms and a Learn2Reg displacement are given, or landmarks on one side only.
    """
    transforms, disp = files.transforms or [], files.disp
    if bool(transforms) == (disp is not None):
        raise UsageError("evaluate: either --transform or --disp expected.", hint="Give the one that you have.")
    if (files.fixed_points is None) != (files.moving_points is None):
        raise UsageError("evaluate: landmarks on one side found; both or none expected.")
    fixed, moving = read_volume(fixed_label, kind="labels"), read_volume(moving_label, kind="labels")
    grid_f, grid_m = Grid(fixed.shape, fixed.vox2ras), Grid(moving.shape, moving.vox2ras)
    chain = [itk_files.read_l2r(disp, grid_f, grid_m)] if disp is not None else read_chain(transforms, fixed.ndim)
    names = None if files.label_names is None else read_label_names(files.label_names)
    linear = [part for part in chain if isinstance(part, AffineTransform)] if len(chain) > 1 else []
    scored = evaluate_labels(fixed, moving, chain, linear=linear, names=names, interpolation=files.label_interpolation)
    metrics: dict[str, object] = {
        "dice_mean": scored.mean("dice"),
        "dice_before_mean": scored.mean("dice_before"),
        "hd95_mean_mm": scored.mean("hd95_mm"),
        "labels_scored": len(scored.scores),
        **_regularity(chain, grid_f, l2r_compat),
    }
    if files.fixed_points is not None and files.moving_points is not None:
        points = read_points(files.fixed_points, fixed.ndim), read_points(files.moving_points, fixed.ndim)
        if points[0].shape != points[1].shape:
            raise InputError(f"{files.moving_points}: {len(points[1])} points found; {len(points[0])} expected.")
        errors = target_registration_error(*points, chain)
        metrics |= {"tre_mean_mm": float(errors.mean()), "tre_max_mm": float(errors.max())}
    rows = [(s.label, s.name, s.dice_before, s.dice, s.hd95_mm) for s in scored.scores]
    rows.append(("mean", "", metrics["dice_before_mean"], metrics["dice_mean"], metrics["hd95_mean_mm"]))  # type: ignore[arg-type]
    return metrics, Table(("label", "name", "Dice before", "Dice", "HD95 mm"), rows)


def _regularity(chain: Sequence[Transform], grid: Grid, l2r_compat: bool) -> dict[str, object]:
    """Folding and spread of the log-determinant of the nonlinear part."""
    import torch

    from vision_cli.register.transforms.fields import determinant_map

    bent = [part for part in chain if not isinstance(part, AffineTransform)]
    if not bent:
        return {"folds_voxels": None, "sdlogj": None}
    axes = np.linalg.inv(grid.vox2ras[:-1, :-1])
    voxels = compose_to_displacement(bent, grid).displacement @ axes.T
    determinant = determinant_map(torch.from_numpy(np.moveaxis(voxels, -1, 0).astype(np.float32))).numpy()
    found: dict[str, object] = {
        "folds_voxels": int((determinant <= 0).sum()),
        "folds_pct": 100 * float((determinant <= 0).mean()),
        "sdlogj": float(np.log(np.clip(determinant, 1e-9, None)).std()),
    }
    if l2r_compat:
        found["sdlogj_l2r"] = sdlogj_learn2reg(voxels)
    return found
