"""``vcli register apply``, which writes one file and no run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.core.errors import UsageError
from vision_cli.register.cli.app import EXAMPLES, app
from vision_cli.register.options.pair_files import PointsSpaceOption


@verb(
    app,
    "apply",
    OUTPUT,
    examples=(
        EXAMPLES[4],
        (
            "vcli register apply -i fixed.nii.gz -r moving.nii.gz -t out/0GenericAffine.mat -t out/1InverseWarp.nii.gz "
            "--invert 1 -o back.nii.gz"
        ),
        "vcli register apply -i fixed.nii.gz -r moving.nii.gz -t out/coeffs.npz --invert 1 -o back.nii.gz",
        "vcli register apply --points landmarks.csv --points-space lps -t out/composite.h5 -o mapped.csv",
    ),
)
def apply(
    call: Call,
    image: Annotated[
        Path | None, typer.Option("--input", "-i", metavar="FILE", help="Image, labels or 4D series to warp.")
    ] = None,
    points: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Points (CSV) to map from the fixed to the moving image, instead of --input."
        ),
    ] = None,
    reference: Annotated[
        Path | None, typer.Option("--reference", "-r", metavar="FILE", help="Grid to warp onto.")
    ] = None,
    transforms: Annotated[
        list[Path] | None,
        typer.Option(
            "--transform",
            "-t",
            metavar="FILE",
            help="Transform or coeffs.npz; repeat in the order in which points are mapped.",
        ),
    ] = None,
    target: Annotated[Path | None, typer.Option("--out", "-o", metavar="FILE", help="File to write.")] = None,
    invert: Annotated[
        list[int] | None,
        typer.Option("--invert", min=1, metavar="K", help="Invert the K-th transform; may repeat."),
    ] = None,
    interp: Annotated[Literal["linear", "nearest", "label", "bspline"], typer.Option(help="Interpolation.")] = "linear",
    fill: Annotated[
        float, typer.Option(metavar="X", help="Value outside of the image, such as -1024 for the air of a CT.")
    ] = 0.0,
    points_space: PointsSpaceOption = None,
    volume: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="Which volume of a 4D image; default all.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Warp an image, labels or points with transforms of this or another program."""
    if not transforms or target is None:
        raise call.missing("--transform and --out")
    if (image is None) == (points is None):
        raise UsageError("apply: either --input or --points expected.", hint="Give one of the two.")
    from vision_cli.register.runs.apply import Resampling, apply_to_image, apply_to_points, require_new

    require_new(target, overwrite)
    if points is not None:
        facts = apply_to_points(points, transforms, target, invert or [], points_space, reference)
    elif image is not None and reference is not None:
        facts = apply_to_image(image, reference, transforms, target, invert or [], Resampling(interp, fill, volume))
    else:
        raise UsageError("apply: --input without --reference found; an image on the grid to warp onto expected.")
    call.output.result(measures_table(facts), facts)
