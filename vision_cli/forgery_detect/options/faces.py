"""How faces are found, and how they become verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

FACES, SCORES, MODEL = "Faces", "Scores", "Model"

DetectorName = Literal["auto", "haar", "lbp", "yunet", "none"]
WhichFaces = Literal["largest", "all"]
WithoutFace = Literal["skip", "centre"]
Aggregate = Literal["mean", "topk", "median"]
Heatmap = Literal["none", "overlay", "raw"]


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


@dataclass(frozen=True)
class ScoreOptions:
    """How faces become verdicts.

    Attributes
    ----------
    frames
        Frames of a video that are looked at.
    agg
        How the scores of a video's frames become one.
    threshold
        Probability above which a face is called fake; None for that of the weights.
    abstain
        Half the width of the band of doubt around the threshold, as a probability; None for that of the weights.
    heatmap
        Pictures of where a face looks forged.
    domain
        Data set that GM-DF takes the input for: ``auto``, ``wildcard``, or a name that it was trained on.
    """

    frames: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Frames of a video, spread.", rich_help_panel=SCORES)
    ] = 32
    agg: Annotated[
        Aggregate,
        typer.Option(
            help="Score of a video: mean, median, or mean of its highest fifth (topk).", rich_help_panel=SCORES
        ),
    ] = "mean"
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="P",
            help="Called fake above it; that of the weights by default.",
            rich_help_panel=SCORES,
        ),
    ] = None
    abstain: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            metavar="P",
            help="Verdict is uncertain so near the threshold; as in the weights by default.",
            rich_help_panel=SCORES,
        ),
    ] = None
    heatmap: Annotated[
        Heatmap,
        typer.Option(
            help="Where a face looks forged: overlay (PNG), raw (also .npy), or none.", rich_help_panel=SCORES
        ),
    ] = "overlay"
    domain: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="gmdf: auto, wildcard, or a data set of its training.", rich_help_panel=SCORES
        ),
    ] = "auto"
