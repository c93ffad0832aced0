"""What the smaller verbs do: options from words, `apply` and `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.console import Table
from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.files import atomic_path
from vision_cli.io.tables import read_label_names, read_points
from vision_cli.io.volumes import read_volume, write_volume
from vision_cli.register import itk_files
from vision_cli.register.evaluation import evaluate_labels, sdlogj_learn2reg, target_registration_error
from vision_cli.register.fields import Grid
from vision_cli.register.pipeline import Options
from vision_cli.register.transforms import (
    AffineTransform,
    Transform,
    compose_to_displacement,
    invert,
    resample,
)

_STARTS = ("header", "moments", "search")


def parse_options(given: Mapping[str, Any]) -> Options:
    """Check what was typed and make `Options` of it; ``given`` has the options by name, others among them.

    Raises
    ------
    UsageError
        If a word is not a valid value.
    """
    import pywt

    if given["wavelet"] not in pywt.wavelist(kind="discrete"):
        raise UsageError(
            f"--wavelet: {given['wavelet']} found; a discrete wavelet of PyWavelets expected.",
            hint="For instance haar, db2, db4, bior2.2 or bior4.4.",
        )
    return Options(
        transform=given["transform"],
        preset=given["preset"],
        metric=given["metric"],
        smoothness=given["lambda"],
        volume=given["volume_weight"],
        wavelet=given["wavelet"],
        iterations=_iterations(given["iters"]),
        spacing=given["spacing"],
        symmetric=given["symmetric"],
        init=_start(given["init"]),
        max_memory=None if given["max_memory"] is None else given["max_memory"] * 1e9,
        method=given["method"],
        weights=given["weights"],
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
    fixed_label: Path,
    moving_label: Path,
    transforms: Sequence[Path],
    *,
    disp: Path | None,
    fixed_points: Path | None,
    moving_points: Path | None,
    label_names: Path | None,
    interpolation: str,
    l2r_compat: bool,
) -> tuple[dict[str, object], Table]:
    """Score transform files; return the metrics and a table of the labels.

    Raises
    ------
    UsageError
        If both or neither of transforms and a Learn2Reg displacement are given, or landmarks on one side only.
    """
    if bool(transforms) == (disp is not None):
        raise UsageError("evaluate: either --transform or --disp expected.", hint="Give the one that you have.")
    if (fixed_points is None) != (moving_points is None):
        raise UsageError("evaluate: landmarks on one side found; both or none expected.")
    fixed, moving = read_volume(fixed_label, kind="labels"), read_volume(moving_label, kind="labels")
    grid_f, grid_m = Grid(fixed.shape, fixed.vox2ras), Grid(moving.shape, moving.vox2ras)
    chain = [itk_files.read_l2r(disp, grid_f, grid_m)] if disp is not None else read_chain(transforms, fixed.ndim)
    names = None if label_names is None else read_label_names(label_names)
    linear = [part for part in chain if isinstance(part, AffineTransform)] if len(chain) > 1 else []
    scored = evaluate_labels(fixed, moving, chain, linear=linear, names=names, interpolation=interpolation)
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
        errors = target_registration_error(*points, chain)
        metrics |= {"tre_mean_mm": float(errors.mean()), "tre_max_mm": float(errors.max())}
    rows = [(s.label, s.name, s.dice_before, s.dice, s.hd95_mm) for s in scored.scores]
    rows.append(("mean", "", metrics["dice_before_mean"], metrics["dice_mean"], metrics["hd95_mean_mm"]))  # type: ignore[arg-type]
    return metrics, Table(("label", "name", "Dice before", "Dice", "HD95 mm"), rows)


def _regularity(chain: Sequence[Transform], grid: Grid, l2r_compat: bool) -> dict[str, object]:
    """Folding and spread of the log-determinant of the nonlinear part."""
    import torch

    from vision_cli.register.fields import determinant_map

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


def _iterations(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        numbers = tuple(int(word) for word in text.split(","))
    except ValueError:
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise UsageError(f"--iters: {text} found; numbers separated by commas, as in 60,50,40,25, expected.")
    return numbers


def _start(text: str) -> Any:
    if text in _STARTS:
        return text
    chain = itk_files.read_transform(Path(text)) if Path(text).is_file() else []
    if len(chain) != 1 or not isinstance(chain[0], AffineTransform):
        raise UsageError(f"--init: {text} found; header, moments, search or the file of an affine transform expected.")
    return chain[0].matrix
