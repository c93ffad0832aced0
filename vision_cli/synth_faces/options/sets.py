"""How data sets are read, exported and measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

DATA = "Data"

Crop = Literal["face", "none"]
"""Whether the face of a picture is looked for, or the whole picture is the face."""

ExportLayout = Literal["rafdb", "affectnet", "webdataset", "imagefolder"]

NO_WEIGHTS = "none"
"""Word for weights that are left out."""


@dataclass(frozen=True)
class SetOptions:
    """How data sets are read whose pictures are taken as they are.

    Attributes
    ----------
    layout, split, strict, allow_skips
        See `vision_cli.synth_faces.data.opening.open_faces`.
    """

    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data set, or auto.", rich_help_panel=DATA)
    ] = "auto"
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of the data set: train, val, test or all.", rich_help_panel=DATA),
    ] = None
    strict: Annotated[
        bool, typer.Option("--strict", help="End at the first entry that cannot be used.", rich_help_panel=DATA)
    ] = False
    allow_skips: Annotated[
        bool,
        typer.Option(
            "--allow-skips", help="Accept that more than 5 % of the entries cannot be used.", rich_help_panel=DATA
        ),
    ] = False


@dataclass(frozen=True)
class FaceSetOptions(SetOptions):
    """How data sets are read whose faces may be cut out.

    Attributes
    ----------
    crop
        Whether the face of a picture is looked for.
    """

    crop: Annotated[
        Crop,
        typer.Option(help="face: cut the largest face; none: pictures are aligned faces.", rich_help_panel=DATA),
    ] = "face"


@dataclass(frozen=True)
class EvaluationOptions:
    """What a set of faces is measured with.

    Attributes
    ----------
    real
        Real faces to compare with.
    judge, au_judge
        Weights of recognisers: ``default``, a file, a hub's id, or ``none``.
    guide
        Weights that guided or labelled what is measured; the judge must be others.
    faces
        Settings of the data sets.
    bootstrap
        Resamples of the intervals.
    """

    real: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Real faces to measure distances from.", rich_help_panel=DATA),
    ] = None
    judge: Annotated[
        str, typer.Option(metavar="FILE", help="Recogniser of expressions: default, a file, a hub id, or none.")
    ] = "default"
    au_judge: Annotated[
        str, typer.Option(metavar="FILE", help="Recogniser of action units: default, a file, a hub id, or none.")
    ] = NO_WEIGHTS
    guide: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Weights that guided what is measured; the judge must be others."),
    ] = None
    bootstrap: Annotated[
        int, typer.Option(min=10, max=100_000, metavar="N", help="Resamples of the 95 % intervals.")
    ] = 1000
    faces: FaceSetOptions = FaceSetOptions()
