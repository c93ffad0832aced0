"""How networks are trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Annotated, Literal, TypeAlias

import typer

from vision_cli.synth_faces.options.sets import DATA

TRAINING = "Training"

Target = Literal["expression", "aus"]
"""What a recogniser names: the expression, or intensities of action units."""

EncoderKind = Literal["per-au", "paper", "linear4"]
"""From action units to tokens."""

_Model: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="FILE", help="Model that it is for: default, a file of train-base, a directory of diffusers, a hub id."
    ),
]
_LossShare: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.001,
        max=0.9,
        metavar="X",
        help="Share of the persons that the loss is measured on.",
        rich_help_panel=DATA,
    ),
]
_ChoiceShare: TypeAlias = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=0.9,
        metavar="X",
        help="Share of the persons that the weights are chosen by.",
        rich_help_panel=DATA,
    ),
]


@dataclass(frozen=True)
class Recipe:
    """How a recogniser is trained.

    Attributes
    ----------
    steps, batch_size, learning_rate
        See :class:`vision_cli.core.compute.training.Schedule`.
    side
        Of the cut faces, px.
    """

    steps: int
    batch_size: int
    learning_rate: float
    side: int


RECIPES: Mapping[Target, Recipe] = MappingProxyType(
    {"expression": Recipe(2000, 64, 2e-3, 48), "aus": Recipe(3000, 64, 2e-3, 64)}
)


@dataclass(frozen=True)
class TrainingOptions:
    """Which recogniser is trained, and what of its recipe is changed; None for what the recipe has.

    Attributes
    ----------
    what
        What it names.
    is_judge
        Whether it has the architecture of judges, not that of guides.
    val_fraction
        Share of the persons that choose the weights.
    steps, batch_size, learning_rate, side
        See `Recipe`.
    """

    what: Annotated[Target, typer.Option(help="expression, or aus: intensities of action units.")] = "expression"
    is_judge: Annotated[
        bool,
        typer.Option(
            "--judge/--guide", help="Architecture: that of judges, which evaluate, or that of guides, which steer."
        ),
    ] = False
    val_fraction: _ChoiceShare = 0.1
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Optimiser steps; the recipe's by default.", rich_help_panel=TRAINING),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, metavar="N", help="Faces a step; the recipe's by default.", rich_help_panel=TRAINING),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr", min=0, metavar="X", help="Learning rate; the recipe's by default.", rich_help_panel=TRAINING
        ),
    ] = None
    side: Annotated[
        int | None,
        typer.Option(
            min=32,
            max=256,
            metavar="PX",
            help="Side of the cut faces; the recipe's by default.",
            rich_help_panel=TRAINING,
        ),
    ] = None

    @property
    def recipe(self) -> Recipe:
        """The recipe with these changes."""
        own = ("steps", "batch_size", "learning_rate", "side")
        changed = {name: value for name in own if (value := getattr(self, name)) is not None}
        return replace(RECIPES[self.what], **changed)


@dataclass(frozen=True)
class BaseOptions:
    """How a text-to-face model is trained.

    Attributes
    ----------
    model, rank
        Model to change by low-rank updates of this rank; None for one that begins from nothing.
    steps, autoencoder_steps
        Optimiser steps of the UNet with its text encoder, and of the autoencoder.
    batch_size, autoencoder_batch_size
        Faces a step of each.
    learning_rate, autoencoder_learning_rate
        Of each.
    side
        Of the pictures, px.
    width, autoencoder_width
        Channels of the first level of the UNet, and of the autoencoder.
    val_fraction
        Share of the persons that the loss is measured on.
    """

    model: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Change this model by low-rank updates (LoRA), in place of training one from nothing: a file of "
            "train-base, a directory of diffusers, or a hub id. Its sizes are kept.",
        ),
    ] = None
    rank: Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Of the updates of a --model.")] = 8
    steps: Annotated[
        int, typer.Option(min=1, metavar="N", help="Steps of the UNet and its text encoder.", rich_help_panel=TRAINING)
    ] = 7000
    autoencoder_steps: Annotated[
        int, typer.Option(min=1, metavar="N", help="Steps of the autoencoder, before.", rich_help_panel=TRAINING)
    ] = 15000
    batch_size: Annotated[
        int, typer.Option(min=2, metavar="N", help="Faces a step of the UNet.", rich_help_panel=TRAINING)
    ] = 32
    autoencoder_batch_size: Annotated[
        int, typer.Option(min=2, metavar="N", help="Faces a step of the autoencoder.", rich_help_panel=TRAINING)
    ] = 4
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate of the UNet.", rich_help_panel=TRAINING)
    ] = 1e-3
    autoencoder_learning_rate: Annotated[
        float,
        typer.Option(
            "--autoencoder-lr", min=0, metavar="X", help="Learning rate of the autoencoder.", rich_help_panel=TRAINING
        ),
    ] = 1e-3
    side: Annotated[
        int, typer.Option(min=32, max=256, metavar="PX", help="Side of the pictures, a multiple of 16.")
    ] = 64
    width: Annotated[
        int, typer.Option(min=8, max=320, metavar="N", help="Channels of the UNet's first level, a multiple of 8.")
    ] = 48
    autoencoder_width: Annotated[
        int, typer.Option(min=4, max=128, metavar="N", help="Channels of the autoencoder, a multiple of 4.")
    ] = 32
    val_fraction: _LossShare = 0.02


@dataclass(frozen=True)
class AdapterOptions:
    """How an adapter of action units is trained.

    Attributes
    ----------
    model
        The model that it is for, see `DiffusionOptions`.
    au_encoder
        See `vision_cli.synth_faces.networks.conditioning.encoders`.
    steps, batch_size, learning_rate, val_fraction
        As those of `BaseOptions`.
    """

    model: _Model = "default"
    au_encoder: Annotated[
        EncoderKind,
        typer.Option(help="per-au: a token an action unit; paper: one token of all; linear4: four, by a linear layer."),
    ] = "per-au"
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps.", rich_help_panel=TRAINING)] = 2000
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Faces a step.", rich_help_panel=TRAINING)] = 32
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.", rich_help_panel=TRAINING)
    ] = 2e-3
    val_fraction: _LossShare = 0.02


@dataclass(frozen=True)
class AnnotatorOptions:
    """How an annotator is trained.

    Attributes
    ----------
    model
        The model by whose features it sees faces, see `DiffusionOptions`.
    feat_blocks
        See `vision_cli.synth_faces.pipeline.annotation.blocks_of`.
    steps, batch_size, learning_rate, val_fraction
        As those of `BaseOptions`.
    """

    model: _Model = "default"
    feat_blocks: Annotated[
        str,
        typer.Option(
            metavar="A,B",
            help="Blocks of the UNet that it reads: up, all of the decoder, or some of mid, up0, up1, ...",
        ),
    ] = "up"
    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps.", rich_help_panel=TRAINING)] = 2000
    batch_size: Annotated[int, typer.Option(min=2, metavar="N", help="Faces a step.", rich_help_panel=TRAINING)] = 64
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.", rich_help_panel=TRAINING)
    ] = 1e-3
    val_fraction: _ChoiceShare = 0.1
