"""What is measured, and on what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.words import Names
from vision_cli.forgery_detect.options.faces import FACES, Aggregate
from vision_cli.forgery_detect.options.training import METHODS, Method

EVALUATION = "Evaluation"

Protocol = Literal["within", "cross-generator", "cross-forgery", "cross-dataset", "lodo"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
Degradation = Literal["jpeg", "resize", "blur", "noise"]
DEGRADATIONS: tuple[Degradation, ...] = get_args(Degradation)
Level = Literal["frame", "video"]
LEVELS: tuple[Level, ...] = get_args(Level)

DEFAULT_METHODS: tuple[Method, ...] = ("coherence", "erm")
"""What a protocol trains unless told otherwise."""


@dataclass(frozen=True)
class EvaluateOptions:
    """What is measured, and on what.

    Attributes
    ----------
    protocol
        Which media train and which test, see `vision_cli.forgery_detect.evaluation.protocols`; None to measure
        detectors that are there.
    methods
        What a protocol trains; None for `DEFAULT_METHODS`.
    level
        Whether each frame or each video counts as one.
    agg
        How the scores of a video's frames become one.
    frames
        Frames of a video that are looked at.
    robustness
        Degradations by which the faces are tried, too.
    bootstrap
        Resamples of the sources for the intervals; 0 for none.
    audit
        Whether the data are audited for shortcuts first.
    allow_leak
        Whether training and test may share files, videos, sources or persons.
    pictures
        Whether charts, and thumbnails of the faces, are written.
    """

    protocol: Annotated[
        Protocol | None,
        typer.Option(
            metavar="NAME",
            help="Train and test: within, cross-generator, cross-forgery, cross-dataset or lodo (leave one out).",
            rich_help_panel=EVALUATION,
        ),
    ] = None
    methods: Annotated[
        tuple[Method, ...] | None,
        typer.Option(
            metavar="A,B",
            help="What --protocol trains: coherence, mfclip, gmdf, erm, linear; coherence,erm by default.",
            rich_help_panel=EVALUATION,
        ),
        Names(METHODS, least=1),
    ] = None
    level: Annotated[
        tuple[Level, ...],
        typer.Option(metavar="A,B", help="What counts as one: frame, video.", rich_help_panel=EVALUATION),
        Names(LEVELS, least=1),
    ] = LEVELS
    agg: Annotated[
        Aggregate,
        typer.Option(
            help="Score of a video: mean, median, or mean of its highest fifth (topk).", rich_help_panel=EVALUATION
        ),
    ] = "mean"
    frames: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Frames of a video, spread.", rich_help_panel=FACES)
    ] = 32
    robustness: Annotated[
        tuple[Degradation, ...],
        typer.Option(
            metavar="A,B", help="Degrade the faces, too: jpeg, resize, blur, noise.", rich_help_panel=EVALUATION
        ),
        Names(DEGRADATIONS, every="all", nothing="none"),
    ] = ()
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0, max=100_000, metavar="N", help="Resamples for the 95 % intervals.", rich_help_panel=EVALUATION
        ),
    ] = 1000
    audit: Annotated[
        bool,
        typer.Option(
            "--audit/--no-audit", help="Look for shortcuts in the data set first.", rich_help_panel=EVALUATION
        ),
    ] = True
    allow_leak: Annotated[
        bool,
        typer.Option(
            "--allow-leak", help="Accept that training and test share media or persons.", rich_help_panel=EVALUATION
        ),
    ] = False
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures", help="Write charts and faces for the report.", rich_help_panel=EVALUATION
        ),
    ] = True
