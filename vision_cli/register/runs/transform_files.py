"""Application and evaluation of transform files of this or another program."""

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
    """Read transform files of ``ndim`` axes as one chain; ``inverted`` has numbers of files to invert, from 1."""
    wrong = [number for number in inverted if number > len(paths)]
    if wrong:
        raise UsageError(f"--invert: {wrong[0]} found; the number of a transform, 1 to {len(paths)}, expected.")
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
    """Warp an image file onto the grid of another one; return file, shape, transforms and interpolation.

    Parameters
    ----------
    image, reference
        The image to warp, and one on the grid to warp it onto.
    transforms
        Transform files in the order in which they are applied to points.
    target
        File to write.
    invert
        Numbers of transforms to invert, from 1.
    interpolation
        See `vision_cli.register.transforms.transforms.resample`.
    volume
        Index of the volume of 4D images.
    overwrite
        Whether an existing target is replaced.

    Raises
    ------
    UsageError
        If the target exists and ``overwrite`` is False.
    InputError
        If a file cannot be used.
    """
    if target.exists() and not overwrite:
        raise UsageError(
            f"{target}: an existing file found; a new name expected.",
            hint="Replace the file with --overwrite, or choose another name.",
        )
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
        Transforms and landmarks.
    fixed_label, moving_label
        Label maps.
    l2r_compat
        Whether to add SD log J as the script of Learn2Reg computes it.

    Raises
    ------
    UsageError
        If both or neither of transforms and a Learn2Reg displacement are given, or landmarks on one side only.
    """
    transforms, disp = files.transforms or [], files.disp
    if bool(transforms) == (disp is not None):
        raise UsageError("evaluate: either --transform or --disp expected.", hint="Give the one that you have.")
    fixed_points, moving_points = files.landmarks.fixed_points, files.landmarks.moving_points
    if (fixed_points is None) != (moving_points is None):
        raise UsageError("evaluate: landmarks of one image found; those of both or none expected.")
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
    if fixed_points is not None and moving_points is not None:
        points = read_points(fixed_points, fixed.ndim), read_points(moving_points, fixed.ndim)
        if points[0].shape != points[1].shape:
            raise InputError(f"{moving_points}: {len(points[1])} points found; {len(points[0])} expected.")
        errors_mm = target_registration_error(*points, chain)
        metrics |= {"tre_mean_mm": float(errors_mm.mean()), "tre_max_mm": float(errors_mm.max())}
    rows = [(s.label, s.name, s.dice_before, s.dice, s.hd95_mm) for s in scored.scores]
    rows.append(("mean", "", metrics["dice_before_mean"], metrics["dice_mean"], metrics["hd95_mean_mm"]))  # type: ignore[arg-type]
    return metrics, Table(("label", "name", "Dice before", "Dice", "HD95 mm"), rows)


def _regularity(chain: Sequence[Transform], grid: Grid, l2r_compat: bool) -> dict[str, object]:
    """Return folded voxels and the SD of the log-determinant of the nonlinear part of a chain."""
    import torch

    from vision_cli.register.transforms.fields import jacobian_determinant_by_rows

    nonlinear = [part for part in chain if not isinstance(part, AffineTransform)]
    if not nonlinear:
        return {"folds_voxels": None, "sdlogj": None}
    displacement_voxels = compose_to_displacement(nonlinear, grid).in_voxels()
    components_voxels = torch.from_numpy(np.moveaxis(displacement_voxels, -1, 0).astype(np.float32))
    determinant = jacobian_determinant_by_rows(components_voxels).numpy()
    found: dict[str, object] = {
        "folds_voxels": int((determinant <= 0).sum()),
        "folds_pct": 100 * float((determinant <= 0).mean()),
        "sdlogj": float(np.log(np.clip(determinant, 1e-9, None)).std()),
    }
    if l2r_compat:
        found["sdlogj_l2r"] = sdlogj_learn2reg(displacement_voxels)
    return found
