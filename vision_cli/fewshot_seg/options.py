"""Settings of fewshot-seg; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import typer

from vision_cli.core.command.words import Names, Words
from vision_cli.core.errors import UsageError

DATA, TRAINING = "Data", "Training"

Preset = Literal["embedded", "tiny", "sam"]
"""Recipes of ``train``."""

ABLATIONS = ("fusion", "domain_prototype", "contrastive", "dense_prompt", "task_weights", "prompts")
"""Parts of the network that can be left out."""


@dataclass(frozen=True)
class Shots(Words):
    """Least and greatest number of supports of a training episode, such as ``1-5``."""

    def parse(self, option: str, text: str) -> tuple[int, int]:
        """Return both numbers."""
        low, _, high = text.partition("-")
        if not (low.isdecimal() and (high or low).isdecimal() and 1 <= int(low) <= int(high or low)):
            raise UsageError(f"{option}: {text} found; a number of supports such as 1, or a range such as 1-5 expected.")
        return int(low), int(high or low)

    def text(self, value: tuple[int, int]) -> str:
        """Return the range."""
        return f"{value[0]}-{value[1]}"


@dataclass(frozen=True)
class Recipe:
    """How the method is trained.

    Attributes
    ----------
    backbone
        Encoder of the network; None for that of the checkpoint of SAM.
    steps, batch_size, learning_rate
        See :class:`vision_cli.core.compute.training.Schedule`.
    side
        Of the pictures, px.
    shots
        Least and greatest number of supports.
    gate_episodes
        Generated episodes that the gate learns from.
    decoder_rate
        Factor on the learning rate of the mask decoder, which SAM has trained.
    """

    backbone: Literal["conv", "tiny"] | None
    steps: int
    batch_size: int
    learning_rate: float
    side: int
    shots: tuple[int, int]
    gate_episodes: int
    decoder_rate: float = 1.0


RECIPES: Mapping[Preset, Recipe] = MappingProxyType(
    {
        "embedded": Recipe("conv", 3000, 8, 1e-3, 128, (1, 3), 160),
        "tiny": Recipe("tiny", 3000, 8, 5e-4, 128, (1, 3), 160),
        "sam": Recipe(None, 40_000, 8, 1e-4, 1024, (1, 5), 0, 0.1),
    }
)
"""``embedded`` made the shipped weights; ``sam`` is the paper's, on a checkpoint of SAM whose encoder is frozen."""


@dataclass(frozen=True)
class TrainingOptions:
    """What is trained, on what, and what of the recipe is changed; None for what the recipe has.

    Attributes
    ----------
    preset
        The recipe.
    data_root
        Data set to draw episodes from; None for generated ones.
    layout, split
        Of the data set; see `vision_cli.fewshot_seg.data.opening.open_dataset`.
    classes
        Its classes to learn from; empty for all.
    sam_checkpoint
        Weights of SAM, for the preset ``sam``.
    steps, batch_size, learning_rate, side, shots, gate_episodes
        See `Recipe`.
    ablate
        Parts of the network that are left out.
    """

    preset: Annotated[
        Preset, typer.Option(help="Recipe: embedded (the shipped weights), tiny, or sam (the paper's, on SAM).")
    ] = "embedded"
    data_root: Annotated[
        Path | None,
        typer.Option(
            "--data-root",
            metavar="DIR",
            help="Data set to draw episodes from; generated ones by default.",
            rich_help_panel=DATA,
        ),
    ] = None
    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data set, or auto.", rich_help_panel=DATA)
    ] = "auto"
    split: Annotated[
        str | None, typer.Option(metavar="NAME", help="Part of the data set; train by default.", rich_help_panel=DATA)
    ] = None
    classes: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help="Classes to learn from; all by default.", rich_help_panel=DATA),
        Names(nothing="all"),
    ] = ()
    sam_checkpoint: Annotated[
        Path | None,
        typer.Option("--sam-checkpoint", metavar="FILE", help="Weights of SAM (.pth, .safetensors), for preset sam."),
    ] = None
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Optimiser steps; the preset's by default.", rich_help_panel=TRAINING),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Episodes a step; the preset's by default.", rich_help_panel=TRAINING),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr", min=0, metavar="X", help="Learning rate; the preset's by default.", rich_help_panel=TRAINING
        ),
    ] = None
    side: Annotated[
        int | None,
        typer.Option(
            min=32, metavar="PX", help="Side of the pictures; the preset's by default.", rich_help_panel=TRAINING
        ),
    ] = None
    shots: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="A-B", help="Supports an episode; the preset's by default.", rich_help_panel=TRAINING
        ),
        Shots(),
    ] = None
    gate_episodes: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="N",
            help="Generated episodes that the gate learns from; 0 for no gate.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    ablate: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Parts to leave out: {', '.join(ABLATIONS)}.", rich_help_panel=TRAINING),
        Names(known=ABLATIONS, nothing="none"),
    ] = ()

    @property
    def recipe(self) -> Recipe:
        """The recipe of the preset with these changes."""
        own = {"steps", "batch_size", "learning_rate", "side", "shots", "gate_episodes"}
        changed = {name: value for name in own if (value := getattr(self, name)) is not None}
        return replace(RECIPES[self.preset], **changed)
