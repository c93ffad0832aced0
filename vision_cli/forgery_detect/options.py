"""Settings of forgery-detect; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.words import Names

FACES, SCORES, DATA, TRAINING, MODEL = "Faces", "Scores", "Data", "Training", "Model"
EVALUATION = "Evaluation"

DetectorName = Literal["auto", "haar", "lbp", "yunet", "none"]
WhichFaces = Literal["largest", "all"]
WithoutFace = Literal["skip", "centre"]
Aggregate = Literal["mean", "topk", "median"]
Heatmap = Literal["none", "overlay", "raw"]
Method = Literal["coherence", "mfclip", "gmdf", "erm", "linear"]
METHODS: tuple[Method, ...] = get_args(Method)
Protocol = Literal["within", "cross-generator", "cross-forgery", "cross-dataset", "lodo"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
Degradation = Literal["jpeg", "resize", "blur", "noise"]
DEGRADATIONS: tuple[Degradation, ...] = get_args(Degradation)
Level = Literal["frame", "video"]
LEVELS: tuple[Level, ...] = get_args(Level)


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


@dataclass(frozen=True)
class DataOptions:
    """How data sets are read; see `vision_cli.forgery_detect.data.opening.open_media`."""

    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data sets, or auto.", rich_help_panel=DATA)
    ] = "auto"
    compression: Annotated[
        str | None,
        typer.Option(metavar="LEVEL", help="raw, c23 or c40 of FaceForensics++ and its kin.", rich_help_panel=DATA),
    ] = None
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of the data sets: train, val, test or all.", rich_help_panel=DATA),
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
class HistoryOptions:
    """Whether and how copies of equal history are made; see `vision_cli.forgery_detect.data.history`.

    Attributes
    ----------
    match_history
        Whether to make them.
    reduce
        Ratio of the reduction, in words.
    quality
        Of the last JPEG encoding.
    crop
        Side of the crop on the face, px; 0 for whole pictures.
    """

    match_history: Annotated[
        bool,
        typer.Option(
            "--match-history",
            help="Copy the pictures so that both classes have the same encodings and resizes.",
            rich_help_panel=DATA,
        ),
    ] = False
    reduce: Annotated[
        str, typer.Option(metavar="P/Q", help="Ratio by which --match-history reduces.", rich_help_panel=DATA)
    ] = "2/3"
    quality: Annotated[
        int, typer.Option(min=10, max=100, metavar="Q", help="JPEG quality of --match-history.", rich_help_panel=DATA)
    ] = 75
    crop: Annotated[
        int,
        typer.Option(
            min=0, max=4096, metavar="PX", help="Crop on the face of --match-history; 0: whole.", rich_help_panel=DATA
        ),
    ] = 320


@dataclass(frozen=True)
class SynthOptions:
    """What forgeries are simulated; see `vision_cli.forgery_detect.simulation.pairs.simulate_pairs`.

    Attributes
    ----------
    per_portrait
        Pairs of a real face and a forgery of it, of each portrait.
    kinds
        Kinds of forgery, in words.
    rendered
        Rendered faces that are photographed and forged beside the portraits.
    """

    per_portrait: Annotated[
        int,
        typer.Option("--count", "-n", min=1, max=10**6, metavar="N", help="Pairs a portrait.", rich_help_panel=DATA),
    ] = 14
    kinds: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Kinds that take turns: resample, codec, denoise, chroma, blend, mouth, background; one named twice "
            "is made twice as often.",
            rich_help_panel=DATA,
        ),
    ] = "resample,chroma,codec,blend,denoise,chroma,mouth,background"
    rendered: Annotated[
        int,
        typer.Option(min=0, max=10**6, metavar="N", help="Rendered faces beside the portraits.", rich_help_panel=DATA),
    ] = 0


@dataclass(frozen=True)
class RecipeOptions:
    """How detectors of any method are trained.

    Attributes
    ----------
    variant
        Size of the network; ``coherence`` and ``linear`` have one.
    steps, batch_size, learning_rate
        See :class:`vision_cli.core.compute.training.Schedule`; None for the recipe of the method.
    val_fraction
        Share of the persons, or sources, that choose and calibrate the weights.
    pretraining
        Steps of GM-DF's masked image modelling before its experts are trained.
    second_order
        Whether GM-DF's derivative goes through the inner step.
    expert_dim
        Width of the hidden layer of GM-DF's experts; 0 for that of the variant.
    backbone
        CLIP of a linear probe, or for GM-DF's frozen encoder; see
        `vision_cli.forgery_detect.pipeline.clip_files.read_clip`.
    published_pooling
        Whether MFCLIP's text feature is taken at the end of the first level, as the published code does; levels 2 to 4
        are then without effect.
    ablate
        Parts that are left out, in words.
    """

    variant: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="mfclip, erm: nano, vcli or paper; gmdf: nano or base.", rich_help_panel=TRAINING
        ),
    ] = "nano"
    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Optimiser steps.", rich_help_panel=TRAINING)
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(min=4, metavar="N", help="Faces a step.", rich_help_panel=TRAINING)
    ] = None
    learning_rate: Annotated[
        float | None, typer.Option("--lr", min=0, metavar="X", help="Learning rate.", rich_help_panel=TRAINING)
    ] = None
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.05, max=0.9, metavar="X", help="Share of the persons that calibrate.", rich_help_panel=TRAINING
        ),
    ] = 0.2
    pretraining: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="gmdf: steps of masked image modelling.", rich_help_panel=TRAINING),
    ] = None
    second_order: Annotated[
        bool, typer.Option("--second-order", help="gmdf: derive through the inner step.", rich_help_panel=TRAINING)
    ] = False
    expert_dim: Annotated[
        int,
        typer.Option(
            min=0, max=4096, metavar="N", help="gmdf: width of an expert; 3072 as published.", rich_help_panel=TRAINING
        ),
    ] = 0
    backbone: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|FILE|ID", help="CLIP for linear, or for gmdf base (ViT-B/16).", rich_help_panel=TRAINING
        ),
    ] = None
    published_pooling: Annotated[
        bool,
        typer.Option(
            "--published-pooling",
            help="mfclip: text features end at the first level, as in the published code.",
            rich_help_panel=TRAINING,
        ),
    ] = False
    ablate: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="Leave out noise or attention (mfclip), or coherence.", rich_help_panel=TRAINING
        ),
    ] = ""


@dataclass(frozen=True)
class TrainOptions(RecipeOptions):
    """How a detector is trained.

    Attributes
    ----------
    method
        What is trained.
    """

    method: Annotated[
        Method,
        typer.Option(help="coherence (no network), mfclip, gmdf, erm or linear.", rich_help_panel=TRAINING),
    ] = "coherence"


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


DEFAULT_METHODS: tuple[Method, ...] = ("coherence", "erm")
"""What a protocol trains unless told otherwise."""
