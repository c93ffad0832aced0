"""QC pictures and report of one registration: alignment, deformation and convergence."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.command.console import Table
from vision_cli.core.report import Flicker, Picture, Report
from vision_cli.core.runs.runs import Run
from vision_cli.register.evaluation.measures import LabelEvaluation
from vision_cli.register.figures import figures
from vision_cli.register.figures.slices import View, choose_views
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.pipeline.inputs import Pair, grid_of
from vision_cli.register.pipeline.result import Registration
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.runs.verdict import RULE, judge

OVERLAY = "qc_overlay.png"
READ_OVERLAY = (
    'In the panels named "after", blue should follow the outer edge of the head or body all around, and amber the '
    "border of its bright tissue; lines beside these edges show misalignment."
)
_READ_FLICKER = (
    "Edges should stand still; an edge that jumps from one picture to the other is not aligned. A change of brightness "
    "alone is no error. Hold the pointer on the picture to stop it."
)


def draw_pictures(
    run: Run, pair: Pair, found: Registration, warped: NDArray[np.float32], metrics: PairMetrics
) -> list[Picture | Flicker]:
    """Draw the QC pictures of a registration into its run; return them, the most informative first.

    Parameters
    ----------
    run
        The open run.
    pair, found
        The inputs and the registration.
    warped
        The moving image on the grid of the fixed image after registration.
    metrics
        Measures of the registration; the headings contain Dice.
    """
    grid, fixed = grid_of(pair.fixed), pair.fixed.data
    views = choose_views(grid, fixed)
    unmoved = np.eye(grid.ndim + 1)

    def resampled(matrix: NDArray[np.float64]) -> NDArray[np.float32]:
        moving = Image(torch.from_numpy(np.ascontiguousarray(pair.moving.data, np.float32)), grid_of(pair.moving))
        # In single precision: a seventh of the time of `transforms.resample`, and the same picture.
        return images.resample(moving, grid, matrix).numpy()

    linear = resampled(unmoved if found.warp is None else found.affine.matrix)
    first = "as given" if found.warp is None else "affine"
    title = f"{pair.moving.path.name} onto {pair.fixed.path.name}"
    if metrics.dice_mean is not None:
        title += f"  ·  Dice {metrics.dice_affine_mean:.3f} → {metrics.dice_mean:.3f}"
    overlay, squares, difference = OVERLAY, "qc_checkerboard.png", "qc_difference.png"
    with run.output(overlay) as path:
        figures.overlay(path, views, fixed, linear, warped, title, first=first)
    with run.output(squares) as path:
        figures.checkerboard(path, views, fixed, warped, title)
    with run.output(difference) as path:
        figures.difference(path, views, fixed, linear, warped, title, first=first)
    # Freed before the next array of its size is allocated.
    del linear
    still, before, after = (run.directory / f"qc_{name}.png" for name in ("fixed", "moving", "warped"))
    with run.output(still.name) as path:
        figures.single_image(path, views, fixed, f"fixed: {pair.fixed.path.name}")
    with run.output(after.name) as path:
        figures.single_image(path, views, warped, f"moving, registered: {pair.moving.path.name}")
    with run.output(before.name) as path:
        figures.single_image(path, views, resampled(unmoved), f"moving, as given: {pair.moving.path.name}")
    shown: list[Picture | Flicker] = [
        Picture(
            run.directory / overlay,
            f"Contours of the moving image over the fixed image: {first}, and after registration.",
            READ_OVERLAY,
        ),
        Flicker(still, after, "Fixed image and registered moving image in turn.", _READ_FLICKER),
        Flicker(
            still,
            before,
            "For comparison: fixed image and moving image as given, before any registration.",
            "The jump shows how far apart the images were; an empty picture means that they did not overlap at all.",
        ),
        Picture(
            run.directory / squares,
            "Fixed and registered moving image in alternating squares.",
            "Edges should continue from square to square; a step at the border of two squares shows misalignment.",
        ),
        Picture(
            run.directory / difference,
            f"Difference of intensities on one scale: {first}, and after registration.",
            "Black is no difference. Afterwards there should be less colour, and no bright rim along edges; a rim in "
            "two colours on opposite sides is a shift. What only one image shows (a lesion, noise) stays.",
        ),
    ]
    if found.warp is not None and found.log_jacobian is not None:
        shown += _draw_deformation(run, pair, found, views, title)
    return shown


def pair_report(
    pair: Pair,
    metrics: PairMetrics,
    evaluation: LabelEvaluation | None,
    pictures: Sequence[Picture | Flicker],
) -> Report:
    """Return the report of a registration.

    Parameters
    ----------
    pair
        The inputs.
    metrics
        Measures of the registration.
    evaluation
        Comparison of the label maps; None without labels.
    pictures
        Pictures of `draw_pictures`.
    """
    tables = [result_table(metrics)]
    if evaluation is not None:
        rows = [
            (
                s.label,
                s.name,
                s.dice_before,
                s.dice_affine if math.isfinite(s.dice_affine) else None,
                s.dice,
                s.hd95_mm if math.isfinite(s.hd95_mm) else None,
                s.fixed_mm3,
                s.warped_mm3,
            )
            for s in sorted(evaluation.scores, key=lambda score: score.dice)
        ]
        columns = ("label", "name", "Dice before", "Dice affine", "Dice", "HD95 mm", "fixed mm³", "warped mm³")
        tables.append(Table(columns, rows, "Labels, the worst first"))
    summary = {
        "mean Dice": metrics.dice_mean,
        "landmark error mm": metrics.tre_mean_mm,
        "local correlation": metrics.lncc_after,
        "folded voxels": metrics.folds_voxels,
        "SD log Jacobian": metrics.sdlogj,
        "working spacing mm": metrics.working_spacing_mm,
    }
    verdict = judge(metrics)
    return Report(
        title=f"Registration of {pair.moving.path.name} onto {pair.fixed.path.name}",
        verdict=verdict.text,
        level=verdict.level,
        rule=RULE,
        summary={label: value for label, value in summary.items() if value is not None},
        pictures=pictures,
        tables=tables,
    )


def result_table(metrics: PairMetrics) -> Table:
    """Return the short table of a registration: measures before, after the linear alignment and after all."""
    rows: list[tuple[str, object, object, object]] = [
        ("local correlation", metrics.lncc_before, metrics.lncc_affine, metrics.lncc_after)
    ]
    if metrics.dice_mean is not None:
        rows.append(("Dice, mean", metrics.dice_before_mean, metrics.dice_affine_mean, metrics.dice_mean))
        rows.append(("HD95 mm, mean", None, None, metrics.hd95_mean_mm))
    if metrics.tre_mean_mm is not None:
        rows.append(("landmark error mm", metrics.tre_before_mean_mm, None, metrics.tre_mean_mm))
    if metrics.contrast_mapped:
        rows.append(("contrast of the moving image mapped", None, None, True))
    if metrics.rotation_deg is not None:
        rows.append(("rotation from the headers, degrees", None, round(metrics.rotation_deg, 1), None))
    if metrics.mirrored:
        rows.append(("LEFT AND RIGHT MIRRORED", None, True, None))
    if metrics.folds_voxels is not None:
        rows.append(("folded voxels", None, None, metrics.folds_voxels))
        rows.append(("SD log Jacobian", None, None, metrics.sdlogj))
        rows.append(("inverse error, voxels", None, None, metrics.inverse_error_mean_voxels))
    return Table(("measure", "before", "affine", "after"), rows)


def _draw_deformation(
    run: Run, pair: Pair, found: Registration, views: Sequence[View], title: str
) -> list[Picture | Flicker]:
    """Draw the deformation as a grid, its energy by wavelet level, and the loss."""
    assert found.warp is not None
    assert found.log_jacobian is not None
    grid, scales, loss = "qc_grid.png", "qc_scales.png", "qc_loss.png"
    with run.output(grid) as path:
        figures.deformation_grid(path, views, pair.fixed.data, found.warp.displacement_mm, found.log_jacobian, title)
    with run.output(scales) as path:
        figures.scales(path, [(level.name, level.energy_share) for level in found.levels])
    with run.output(loss) as path:
        figures.loss_curve(path, _losses_by_stage(found))
    return [
        Picture(
            run.directory / grid,
            "The deformation as a grid, coloured by the log of the local change of volume.",
            "Lines should bend smoothly. Lines that cross and yellow dots are folds; dense lines in strong colour "
            "where the images show no structure mean that noise was fitted.",
        ),
        Picture(
            run.directory / scales,
            "Share of the deformation's energy at each wavelet scale.",
            "Most of it should be at the coarse scales, at the top; much at the finest means that noise was fitted.",
        ),
        Picture(
            run.directory / loss,
            "The loss of each stage, coarse to fine.",
            "Each stage should fall and level out. Stages compare images of different resolution, so only their shapes "
            "are comparable. A stage that still falls steeply at its end needs more iterations; one that rises failed.",
        ),
    ]


def _losses_by_stage(found: Registration) -> list[list[float]]:
    stages: dict[int, list[float]] = {}
    for step in found.history:
        stages.setdefault(step.stage, []).append(step.similarity + step.regularisation)
    return list(stages.values())
