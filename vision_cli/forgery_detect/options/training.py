"""How detectors are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, get_args

import typer

TRAINING = "Training"

Method = Literal["coherence", "mfclip", "gmdf", "erm", "linear"]
METHODS: tuple[Method, ...] = get_args(Method)


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
