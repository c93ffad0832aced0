"""Settings of forgery-detect; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

FACES = "Faces"

DetectorName = Literal["auto", "haar", "lbp", "yunet", "none"]
WhichFaces = Literal["largest", "all"]
WithoutFace = Literal["skip", "centre"]
Aggregate = Literal["mean", "topk", "median"]


@dataclass(frozen=True)
class FaceOptions:
    """How faces are found and cut.

    Attributes
    ----------
    face_detector, face_model
        See `vision_cli.io.faces.detection.FaceDetector`; ``none`` takes pictures as cut faces.
    face
        Whether the largest face or all are scored.
    margin
        Side of the square as a multiple of the detector's box.
    without_face
        Whether a picture without a face is left out, or its middle taken.
    """

    face_detector: Annotated[
        DetectorName,
        typer.Option(
            help="auto (haar, then lbp), haar, lbp, yunet, or none: pictures are cut faces.", rich_help_panel=FACES
        ),
    ] = "auto"
    face_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="ONNX file of yunet.", rich_help_panel=FACES)
    ] = None
    face: Annotated[WhichFaces, typer.Option(help="largest: one face a picture; all.", rich_help_panel=FACES)] = (
        "largest"
    )
    margin: Annotated[
        float,
        typer.Option(min=0.5, max=4, metavar="X", help="Side of the cut, in sides of the box.", rich_help_panel=FACES),
    ] = 1.3
    without_face: Annotated[
        WithoutFace,
        typer.Option(help="Pictures in which no face is found: skip, or centre.", rich_help_panel=FACES),
    ] = "skip"
