"""``vcli register apply``, which writes one file and no run directory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.register.cli.app import EXAMPLES, app


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
    ),
)
def apply(
    call: Call,
    image: Annotated[Path, typer.Option("--input", "-i", metavar="FILE", help="Image or labels to warp.")],
    reference: Annotated[Path, typer.Option("--reference", "-r", metavar="FILE", help="Grid to warp onto.")],
    transforms: Annotated[
        list[Path],
        typer.Option(
            "--transform",
            "-t",
            metavar="FILE",
            help="Transform; repeat in the order in which points are mapped.",
        ),
    ],
    target: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="File to write.")],
    invert: Annotated[
        list[int] | None,
        typer.Option("--invert", min=1, metavar="K", help="Invert the K-th transform; may repeat."),
    ] = None,
    interp: Annotated[Literal["linear", "nearest", "label", "bspline"], typer.Option(help="Interpolation.")] = "linear",
    volume: Annotated[int | None, typer.Option(min=0, metavar="N", help="Which volume of a 4D image.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
) -> None:
    """Warp an image or labels with transforms of this or another program."""
    from vision_cli.register.runs.transform_files import apply_transforms

    facts = apply_transforms(
        image,
        reference,
        transforms,
        target,
        invert=invert or [],
        interpolation=interp,
        volume=volume,
        overwrite=overwrite,
    )
    call.output.result(measures_table(facts), facts)
