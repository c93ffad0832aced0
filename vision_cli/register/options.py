"""Options that several verbs of the task share, spelled once; as light as the task's ``cli`` itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

QUALITY = "Quality options"
INPUT = "Input options"

TransformOption = Annotated[
    Literal["rigid", "affine", "displacement", "diffeo"],
    typer.Option(help="Kind of map; 'diffeo' is invertible and does not fold."),
]
PresetOption = Annotated[
    Literal["fast", "default", "accurate"],
    typer.Option(help="'fast' works at half the images' resolution; 'accurate' iterates longer."),
]
MethodOption = Annotated[
    Literal["auto", "optimize", "network"],
    typer.Option(help="Optimise, let the network predict, or 'auto': optimise, from the prediction if that is better."),
]
MetricOption = Annotated[
    Literal["lncc", "mi", "mind", "mse"],
    typer.Option(help="Image term; 'mi' or 'mind' for images of different kinds."),
]
LambdaOption = Annotated[
    float,
    typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY),
]
VolumeWeightOption = Annotated[
    float,
    typer.Option(
        "--volume-weight",
        min=0,
        metavar="X",
        help="Weight against local changes of volume.",
        rich_help_panel=QUALITY,
    ),
]
WaveletOption = Annotated[
    str,
    typer.Option(metavar="NAME", help="Wavelet of the field, as PyWavelets names it.", rich_help_panel=QUALITY),
]
ItersOption = Annotated[
    str | None,
    typer.Option("--iters", metavar="N,N,...", help="Iterations a stage, finest last.", rich_help_panel=QUALITY),
]
SpacingOption = Annotated[
    float | None,
    typer.Option(min=1e-6, metavar="MM", help="Working spacing; default by preset.", rich_help_panel=QUALITY),
]
SymmetricOption = Annotated[
    bool,
    typer.Option("--symmetric/--no-symmetric", help="Compare the images in both directions.", rich_help_panel=QUALITY),
]
InitOption = Annotated[
    str,
    typer.Option(
        metavar="HOW",
        help="Start: header, moments, search (also axes mixed up), or a transform FILE.",
        rich_help_panel=QUALITY,
    ),
]
MemoryOption = Annotated[
    float | None,
    typer.Option("--max-memory", min=0.1, metavar="GB", help="Work coarser rather than take more than this."),
]
NamesOption = Annotated[
    Path | None,
    typer.Option("--label-names", metavar="FILE", help="Table of label names.", rich_help_panel=INPUT),
]
PicturesOption = Annotated[bool, typer.Option("--pictures/--no-pictures", help="Write QC pictures and report.html.")]
