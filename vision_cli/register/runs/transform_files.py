"""Reading and evaluation of transform files of this or another program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.tables.tables import read_label_names, read_points
from vision_cli.io.volumes.volumes import Volume, read_volume
from vision_cli.register.evaluation.measures import evaluate_labels, sdlogj_learn2reg, target_registration_error
from vision_cli.register.options.evaluation import ScoredFiles
from vision_cli.register.options.pair_files import LandmarkFiles
from vision_cli.register.pipeline.coefficients import read_coefficients
from vision_cli.register.pipeline.inputs import require_both_landmarks
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.itk_objects import dimension
from vision_cli.register.transforms.regularity import regularity
from vision_cli.register.transforms.transforms import (
    AffineTransform,
    Transform,
    compose_to_displacement,
    invert,
)


def read_chain(paths: Sequence[Path], ndim: int | None, inverted: Sequence[int] = ()) -> list[Transform]:
    """Read transform files as one chain; ``inverted`` has numbers of files to invert, from 1.

    All must have ``ndim`` axes; None for those of the first one.
    """
    wrong = [number for number in inverted if number > len(paths)]
    if wrong:
        raise UsageError(f"--invert: {wrong[0]} found; the number of a transform, 1 to {len(paths)}, expected.")
    chain: list[Transform] = []
    for number, path in enumerate(paths, start=1):
        if path.suffix.lower() == ".npz":
            stored = read_coefficients(path)
            parts, backward = list(stored.chain), list(stored.inverse_chain)
        else:
            parts = itk_files.read_transform(path)
            backward = [invert(part) for part in reversed(parts)] if number in inverted else []
        ndim = itk_files.require_dimension(path, parts, ndim)
        chain += backward if number in inverted else parts
    return chain


def evaluate_transforms(files: ScoredFiles, *, l2r_compat: bool) -> tuple[dict[str, object], Table]:
    """Score transform files by labels, landmarks or both; return the metrics and a table.

    Parameters
    ----------
    files
        Transforms, label maps, landmarks and images.
    l2r_compat
        Whether to add SD log J as the script of Learn2Reg computes it.

    Raises
    ------
    UsageError
        If both or neither of transforms and a Learn2Reg displacement are given, or labels or landmarks of one image
        alone, or neither of them.
    """
    require_both_landmarks(files.landmarks)
    fixed_label, moving_label = files.labels.fixed_label, files.labels.moving_label
    if (fixed_label is None) != (moving_label is None):
        raise UsageError("evaluate: the label map of one image found; those of both or none expected.")
    if fixed_label is None and files.landmarks.fixed_points is None:
        raise UsageError(
            "evaluate: either DATA, or --fixed-label and --moving-label, or landmarks of both images expected."
        )
    transforms, disp = files.transforms or [], files.disp
    if bool(transforms) == (disp is not None):
        raise UsageError("evaluate: either --transform or --disp expected.", hint="Give the one that you have.")
    labels = [None if path is None else read_volume(path, kind="labels") for path in (fixed_label, moving_label)]
    images = [None if path is None else read_volume(path) for path in (files.fixed, files.moving)]
    if disp is None:
        is_plain = all(volume is None or volume.plane is None for volume in (*images, *labels))
        sizes = [volume.ndim for volume in (*images, *labels) if volume is not None]
        chain = read_chain(transforms, sizes[0] if sizes and is_plain else None)
        # Slices lie in space, unless the transforms are between images of two axes.
        labels, images = (
            [None if volume is None else volume.with_axes(dimension(chain[0])) for volume in group]
            for group in (labels, images)
        )
    # The grid of the image, which landmarks in voxels refer to, before that of its labels.
    grids = [
        None if volume is None else Grid(volume.shape, volume.vox2ras)
        for volume in (image or label for image, label in zip(images, labels, strict=True))
    ]
    if disp is not None:
        if grids[0] is None or grids[1] is None:
            raise UsageError("evaluate: --disp without the grids of the images found; --fixed and --moving expected.")
        chain = [itk_files.read_l2r(disp, grids[0], grids[1])]
    metrics, rows = _label_metrics(files, labels, chain)
    metrics |= _regularity(chain, images[0], grids[0], l2r_compat)
    metrics |= _landmark_metrics(files.landmarks, grids, chain)
    columns = ("label", "name", "Dice before", "Dice", "HD95 mm")
    if rows:
        return metrics, Table(columns, rows)
    return metrics, Table(("measure", "value"), [(name, value) for name, value in metrics.items() if value is not None])


def _label_metrics(
    files: ScoredFiles, labels: Sequence[Volume | None], chain: Sequence[Transform]
) -> tuple[dict[str, object], list[tuple[object, ...]]]:
    """Return the measures of the label maps, None without any, and a row of each label."""
    fixed, moving = labels
    if fixed is None or moving is None:
        return {"dice_mean": None, "dice_before_mean": None, "hd95_mean_mm": None, "labels_scored": None}, []
    names = None if files.label_names is None else read_label_names(files.label_names)
    linear = [part for part in chain if isinstance(part, AffineTransform)] if len(chain) > 1 else []
    scored = evaluate_labels(fixed, moving, chain, linear=linear, names=names, interpolation=files.label_interpolation)
    means = scored.mean("dice_before"), scored.mean("dice"), scored.mean("hd95_mm")
    metrics: dict[str, object] = {
        "dice_mean": means[1],
        "dice_before_mean": means[0],
        "hd95_mean_mm": means[2],
        "labels_scored": len(scored.scores),
    }
    rows: list[tuple[object, ...]] = [(s.label, s.name, s.dice_before, s.dice, s.hd95_mm) for s in scored.scores]
    return metrics, [*rows, ("mean", "", *means)]


def _landmark_metrics(
    landmarks: LandmarkFiles, grids: Sequence[Grid | None], chain: Sequence[Transform]
) -> dict[str, object]:
    if landmarks.fixed_points is None or landmarks.moving_points is None:
        return {}
    ndim = dimension(chain[0])
    fixed, moving = (
        read_points(path, ndim, space=landmarks.points_space, vox2ras=None if grid is None else grid.vox2ras)
        for path, grid in zip((landmarks.fixed_points, landmarks.moving_points), grids, strict=True)
    )
    if fixed.shape != moving.shape:
        raise InputError(f"{landmarks.moving_points}: {len(moving)} points found; {len(fixed)} expected.")
    before_mm, errors_mm = (target_registration_error(fixed, moving, steps) for steps in ((), chain))
    return {
        "tre_mean_mm": float(errors_mm.mean()),
        "tre_max_mm": float(errors_mm.max()),
        "tre_before_mean_mm": float(before_mm.mean()),
        "landmarks_scored": len(fixed),
    }


def _regularity(
    chain: Sequence[Transform], image: Volume | None, grid: Grid | None, l2r_compat: bool
) -> dict[str, object]:
    """Return folded voxels and SD log J of the nonlinear part of a chain.

    Over the foreground of the fixed image, if it is given, under the names that a registration has; over its whole grid
    (that of the labels, else of the field itself) under names with ``grid``.
    """
    import torch

    from vision_cli.register.optimisation.images import Image, foreground, normalise
    from vision_cli.register.transforms.fields import jacobian_determinant_by_rows

    nonlinear = [part for part in chain if not isinstance(part, AffineTransform)]
    if not nonlinear:
        return {"folds_voxels": None, "sdlogj": None, "folds_grid_voxels": None, "sdlogj_grid": None}
    grid = grid or nonlinear[0].grid
    displacement_voxels = compose_to_displacement(nonlinear, grid).in_voxels()
    components_voxels = torch.from_numpy(np.moveaxis(displacement_voxels, -1, 0).astype(np.float32))
    determinant = jacobian_determinant_by_rows(components_voxels)
    whole, subject = regularity(determinant), None
    if image is not None:
        inside = foreground(Image(normalise(image.data, torch.device("cpu")), grid))
        subject = regularity(determinant, inside)
    found: dict[str, object] = {
        "folds_voxels": None if subject is None else subject.folded_voxels,
        "folds_pct": None if subject is None else subject.folds_pct,
        "sdlogj": None if subject is None else subject.sdlogj,
        "folds_grid_voxels": whole.folded_voxels,
        "folds_grid_pct": whole.folds_pct,
        "sdlogj_grid": whole.sdlogj,
    }
    if l2r_compat:
        found["sdlogj_l2r"] = sdlogj_learn2reg(displacement_voxels)
    return found
