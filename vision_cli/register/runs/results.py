"""Writing of the results of a registration: transforms, images, tables, pictures and report.

File names are those of ANTs, so that scripts written for ANTs can use them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.report import Flicker, Picture
from vision_cli.core.runs.runs import Run
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.register.evaluation.measures import LabelEvaluation, evaluate_labels, target_registration_error
from vision_cli.register.options.registration import SAVED
from vision_cli.register.pipeline.coefficients import coefficients_bytes
from vision_cli.register.pipeline.inputs import Pair, grid_of
from vision_cli.register.pipeline.result import Registration
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.report import draw_pictures, pair_report
from vision_cli.register.transforms import itk_files
from vision_cli.register.transforms.transforms import resample

_MOST_WRITERS = 4
_MASKS = {(False, False): "none", (True, False): "fixed", (False, True): "moving", (True, True): "both"}


def write_results(
    run: Run,
    pair: Pair,
    found: Registration,
    *,
    names: Mapping[int, str] | None = None,
    interpolation: str = "label",
    pictures: bool = True,
    save: Collection[str] = SAVED,
    threads: int = 1,
) -> PairMetrics:
    """Write the results of a registration into its run directory; return the measures in ``metrics.json``.

    Parameters
    ----------
    run
        The open run.
    pair
        The inputs.
    found
        The registration.
    names
        Label names.
    interpolation
        Interpolation of labels: ``label`` or ``nearest``.
    pictures
        Whether to write the QC pictures and the report.
    save
        Files to write, see `Reporting.save`; nothing is computed for the others.
    threads
        Files that are packed and written at once, while the pictures are drawn.
    """
    # Slices were registered in their planes; their files lie in space.
    placed = pair.on_file_grids()
    plane = pair.fixed.plane
    in_files = found if plane is None else found.in_space(plane, pair.moving.plane)
    fixed, moving = grid_of(placed.fixed), grid_of(placed.moving)
    evaluation = None
    if pair.fixed_labels is not None and pair.moving_labels is not None:
        linear = (found.affine,) if found.warp is not None else ()
        evaluation = evaluate_labels(
            pair.fixed_labels,
            pair.moving_labels,
            found.chain,
            linear=linear,
            names=names,
            interpolation=interpolation,
        )
        for side, absent in (("fixed", evaluation.only_moving), ("moving", evaluation.only_fixed)):
            if absent:
                run.warn(f"labels missing in the {side} labels are not scored: {_listed(absent)}.")
    metrics = measure_pair(pair, found, evaluation)

    labels = None
    if evaluation is not None:
        labels = evaluation.warped.reshape(placed.fixed_labels.shape if placed.fixed_labels else ())
    elif placed.moving_labels is not None and "labels" in save:
        own = grid_of(placed.moving_labels)
        labels = resample(placed.moving_labels.data, own, fixed, in_files.chain, interpolation)
    shown: list[Picture | Flicker] = []
    # Compression and writing release the interpreter lock, so these threads work while the pictures are drawn.
    with ThreadPoolExecutor(max_workers=max(1, min(threads - pictures, _MOST_WRITERS))) as pool:
        jobs = [pool.submit(write, run, in_files) for name, write in _TRANSFORMS.items() if name in save]

        def submit(name: str, values: NDArray[np.generic], vox2ras: NDArray[np.float64], dtype: object) -> None:
            jobs.append(pool.submit(_write_image, run, name, values, vox2ras, dtype))

        if in_files.log_jacobian is not None and "jacobian" in save:
            submit("logJacobian.nii.gz", in_files.log_jacobian, placed.fixed.vox2ras, np.float32)
        if labels is not None and pair.moving_labels is not None and "labels" in save:
            # Scored labels are on the grid of the fixed labels, others on that of the fixed image.
            home = placed.fixed if placed.fixed_labels is None else placed.fixed_labels
            submit("LabelsWarped.nii.gz", labels, home.vox2ras, pair.moving_labels.dtype)
        if "images" in save:
            inverse_warped = resample(placed.fixed.data, fixed, moving, in_files.inverse_chain)
            submit("InverseWarped.nii.gz", inverse_warped, placed.moving.vox2ras, pair.fixed.dtype)
            del inverse_warped
        if "images" in save or pictures:
            warped = resample(placed.moving.data, moving, fixed, in_files.chain)
            if "images" in save:
                submit("Warped.nii.gz", warped, placed.fixed.vox2ras, pair.moving.dtype)
            if pictures:
                shown = draw_pictures(run, pair, found, warped.reshape(pair.fixed.shape), metrics)
        _write_tables(run, found, evaluation)
        if "coeffs" in save and found.field_grid is not None:
            with run.output("coeffs.npz") as path:
                path.write_bytes(coefficients_bytes(found))
        for job in jobs:
            job.result()
    run.write_metrics(asdict(metrics))
    if pictures:
        # Written last, because the report lists all other files.
        run.report(pair_report(pair, metrics, evaluation, shown))
    return metrics


def measure_pair(pair: Pair, found: Registration, labels: LabelEvaluation | None) -> PairMetrics:
    """Return the measures of a registration.

    Parameters
    ----------
    pair
        The inputs.
    found
        The registration.
    labels
        Comparison of the label maps; None without labels.
    """
    metrics = PairMetrics(
        sdlogj=found.sdlogj,
        folds_voxels=found.folded_voxels,
        folds_pct=None
        if found.folded_voxels is None
        else 100.0 * found.folded_voxels / max(found.foreground_voxels, 1),
        sdlogj_grid=None if found.over_grid is None else found.over_grid.sdlogj,
        folds_grid_voxels=None if found.over_grid is None else found.over_grid.folded_voxels,
        folds_grid_pct=None if found.over_grid is None else found.over_grid.folds_pct,
        jacobian_min=None if found.jacobian_range is None else found.jacobian_range[0],
        jacobian_max=None if found.jacobian_range is None else found.jacobian_range[1],
        inverse_error_mean_voxels=None if found.inverse_error is None else found.inverse_error.mean_voxels,
        inverse_error_p99_voxels=None if found.inverse_error is None else found.inverse_error.p99_voxels,
        lncc_before=found.similarity.before,
        lncc_affine=found.similarity.affine,
        lncc_after=found.similarity.after,
        contrast_mapped=found.image_term.mapped,
        rotation_deg=found.orientation.rotation_deg,
        mirrored=found.orientation.mirrored,
        affine_kept=None if found.warp is None else found.affine_kept,
        fold_repairs=found.repairs,
        working_spacing_mm=float(found.work_grid.spacing.min()),
        mask_used=_MASKS[pair.fixed_mask is not None, pair.moving_mask is not None],
    )
    if labels is not None:
        dice = [score.dice for score in labels.scores]
        metrics = replace(
            metrics,
            dice_mean=labels.mean("dice"),
            dice_median=float(np.median(dice)) if dice else None,
            dice_affine_mean=labels.mean("dice_affine") if found.warp is not None else labels.mean("dice"),
            dice_before_mean=labels.mean("dice_before"),
            hd95_mean_mm=labels.mean("hd95_mm"),
            labels_scored=len(dice),
        )
    if pair.fixed_points is not None and pair.moving_points is not None:
        before_mm = target_registration_error(pair.fixed_points, pair.moving_points, ())
        after_mm = target_registration_error(pair.fixed_points, pair.moving_points, found.chain)
        metrics = replace(metrics, tre_before_mean_mm=float(before_mm.mean()), tre_mean_mm=float(after_mm.mean()))
    return metrics


def _write_warps(run: Run, found: Registration) -> None:
    with run.output("0GenericAffine.mat") as path:
        itk_files.write_affine(path, found.affine)
    if found.warp is None or found.inverse_warp is None:
        return
    with run.output("1Warp.nii.gz") as path:
        note = itk_files.write_warp(path, found.warp)
    if note:
        run.warn(note)
    with run.output("1InverseWarp.nii.gz") as path:
        itk_files.write_warp(path, found.inverse_warp)


def _write_composites(run: Run, found: Registration) -> None:
    for name, chain in (("composite.h5", found.chain), ("inverse_composite.h5", found.inverse_chain)):
        with run.output(name) as path:
            itk_files.write_composite(path, chain)


_TRANSFORMS: Mapping[str, Callable[[Run, Registration], None]] = {"warp": _write_warps, "composite": _write_composites}


def _write_image(run: Run, name: str, values: NDArray[np.generic], vox2ras: NDArray[np.float64], dtype: object) -> None:
    with run.output(name) as path:
        write_volume(path, values, vox2ras, np.dtype(dtype))  # type: ignore[call-overload]


def _write_tables(run: Run, found: Registration, evaluation: LabelEvaluation | None) -> None:
    if evaluation is not None:
        run.write_csv(
            "labels.csv",
            (
                "label",
                "name",
                "dice_before",
                "dice_affine",
                "dice",
                "hd95_mm",
                "fixed_mm3",
                "warped_mm3",
            ),
            [[_blank(cell) for cell in asdict(score).values()] for score in evaluation.scores],
        )
    if found.warp is None:
        return
    run.write_csv(
        "loss.csv",
        ("stage", "iteration", "similarity", "regularisation", "step"),
        [tuple(asdict(step).values()) for step in found.history],
    )
    run.write_json(
        "scales.json",
        {level.name: {"rms_mm": level.rms_mm, "energy_share": level.energy_share} for level in found.levels},
    )


def _blank(cell: object) -> object:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell


def _listed(labels: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, labels[:10]))
    return shown if len(labels) <= 10 else f"{shown} and {len(labels) - 10} more"


def free_space_needed(pair: Pair) -> int:
    """Return the greatest size of the outputs of a pair in bytes."""
    voxels = int(np.prod(pair.fixed.shape)) * pair.fixed.ndim
    # Two warps, as files of their own and in composites, and images.
    return voxels * 4 * 4 + 4 * (int(np.prod(pair.fixed.shape)) * 3 + int(np.prod(pair.moving.shape)))
