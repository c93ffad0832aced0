"""Settings of fewshot-seg; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.words import Names, NumberOr, Words
from vision_cli.core.errors import UsageError

DATA, TRAINING, SUPPORTS = "Data", "Training", "Supports"
METHOD, RESULT, PROTOCOL = "Method", "Result", "Protocol"

MethodName = Literal["tap", "tavp", "pixel", "persam", "proto", "rf", "grabcut", "logistic", "copy"]

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
            raise UsageError(
                f"{option}: {text} found; a number of supports such as 1, or a range such as 1-5 expected."
            )
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
    inference_side
        Of the pictures when the network is used, px; None for that of training.
    """

    backbone: Literal["conv", "tiny"] | None
    steps: int
    batch_size: int
    learning_rate: float
    side: int
    shots: tuple[int, int]
    gate_episodes: int
    decoder_rate: float = 1.0
    inference_side: int | None = None

    @property
    def used_side(self) -> int:
        """Side of the pictures when the network is used, px."""
        return self.inference_side or self.side


RECIPES: Mapping[Preset, Recipe] = MappingProxyType(
    {
        "embedded": Recipe("conv", 3000, 8, 1e-3, 128, (1, 3), 160, inference_side=224),
        "tiny": Recipe("tiny", 3000, 8, 5e-4, 128, (1, 3), 160, inference_side=224),
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
        typer.Option(metavar="A-B", help="Supports an episode; the preset's by default.", rich_help_panel=TRAINING),
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


@dataclass(frozen=True)
class SupportOptions:
    """What shows the class.

    Attributes
    ----------
    support, negative
        See `vision_cli.fewshot_seg.data.naming.parse_supports`.
    support_dir
        Folder of annotated pictures, in any layout.
    layout
        Of that folder; see `vision_cli.fewshot_seg.data.opening.open_dataset`.
    class_name
        Name of the class; in a LabelMe file, its label.
    class_id
        Number of the class in masks that hold several.
    invert
        Whether the class is what the masks leave out.
    """

    support: Annotated[
        list[str] | None,
        typer.Option(
            "--support",
            "-s",
            metavar="[CLASS=]IMG:MASK",
            help="Picture and mask of the class; repeat for more pictures or classes.",
            rich_help_panel=SUPPORTS,
        ),
    ] = None
    negative: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[CLASS=]IMG", help="Picture in which the class is not; may be repeated.", rich_help_panel=SUPPORTS
        ),
    ] = None
    support_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of annotated pictures; with several classes, a folder each.",
            rich_help_panel=SUPPORTS,
        ),
    ] = None
    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of --support-dir, or auto.", rich_help_panel=SUPPORTS)
    ] = "auto"
    class_name: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Name of the class; in LabelMe files, its label.", rich_help_panel=SUPPORTS),
    ] = None
    class_id: Annotated[
        int | None,
        typer.Option(
            min=0, metavar="N", help="Number of the class in masks that hold several.", rich_help_panel=SUPPORTS
        ),
    ] = None
    invert: Annotated[
        bool, typer.Option("--invert", help="The class is what the masks leave out.", rich_help_panel=SUPPORTS)
    ] = False


@dataclass(frozen=True)
class WeightOptions:
    """Network and gate, and the size at which they look.

    Attributes
    ----------
    weights
        Weights of the method.
    sam_checkpoint
        Weights of SAM, for methods on its encoder.
    tile
        Side of tiles, px; 0 for none, None to choose by the size of the class in the supports.
    cache_dir
        Folder in which what the network reads of pictures is kept.
    """

    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="FILE|HUB_ID",
            help="Weights of the method; 'default' for the shipped ones.",
            rich_help_panel=METHOD,
        ),
    ] = "default"
    sam_checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--sam-checkpoint",
            metavar="FILE",
            help="Weights of SAM (.pth, .safetensors) that the weights were trained on, or for persam and proto.",
            rich_help_panel=METHOD,
        ),
    ] = None
    tile: Annotated[
        float | None,
        typer.Option(
            metavar="PX|auto",
            help="Side of the squares in which small objects are searched; 0 for whole pictures, auto by their size.",
            rich_help_panel=METHOD,
        ),
        NumberOr("auto", least=0),
    ] = 0.0
    cache_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Keep what the network reads of pictures, for further runs.", rich_help_panel=METHOD
        ),
    ] = None


@dataclass(frozen=True)
class MethodOptions:
    """How the class is learned.

    Attributes
    ----------
    method
        One of `vision_cli.fewshot_seg.pipeline.methods.METHODS`.
    loading
        Weights.
    """

    method: Annotated[
        MethodName,
        typer.Option(
            help="tap: the method; tavp: its network alone; the others to compare with.", rich_help_panel=METHOD
        ),
    ] = "tap"
    loading: WeightOptions = field(default_factory=WeightOptions)


@dataclass(frozen=True)
class DecisionOptions:
    """When a pixel is of the class, and when the class is absent; see `vision_cli.fewshot_seg.pipeline.classes`."""

    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="X|auto", help="Least probability of the class; auto takes the chosen mask.", rich_help_panel=RESULT
        ),
        NumberOr("auto", least=0, most=1),
    ] = None
    absent_below: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Write an empty mask where the class is less likely than this to be there.",
            rich_help_panel=RESULT,
        ),
    ] = 0.3


@dataclass(frozen=True)
class OutputOptions:
    """What is written beside masks and tables.

    Attributes
    ----------
    save
        ``overlay``, ``json`` (COCO), ``prob``, ``uncertainty``.
    instances
        Whether touching objects are told apart.
    pictures
        Whether the panels of the report are drawn.
    """

    save: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="A,B",
            help="Beside masks: overlay, json (COCO), prob, uncertainty; none or all.",
            rich_help_panel=RESULT,
        ),
        Names(known=("overlay", "json", "prob", "uncertainty"), every="all", nothing="none"),
    ] = ("overlay", "json")
    instances: Annotated[
        bool,
        typer.Option("--instances/--no-instances", help="Tell single objects apart.", rich_help_panel=RESULT),
    ] = False
    pictures: Annotated[
        bool,
        typer.Option(
            "--pictures/--no-pictures", help="Draw support, query, mask, uncertainty.", rich_help_panel=RESULT
        ),
    ] = True


@dataclass(frozen=True)
class EvaluationOptions:
    """What is measured, and by which protocol.

    Attributes
    ----------
    methods
        Names of methods; the first one is compared with the best fixed baseline among the others.
    layout, split, classes
        Of the data sets; see `vision_cli.fewshot_seg.data.opening.open_dataset`.
    shots, episodes
        See `vision_cli.fewshot_seg.evaluation.episodes.sample_episodes`.
    absent, absent_from
        See `vision_cli.fewshot_seg.evaluation.episodes.sample_absent`.
    episodes_file
        A list of episodes, such as ``protocol.csv`` of a run, in place of drawn ones.
    pictures
        Whether the panels of the report are drawn.
    loading
        Weights.
    """

    methods: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Methods: {', '.join(get_args(MethodName))}.", rich_help_panel=METHOD),
        Names(known=get_args(MethodName), every="all", least=1),
    ] = ("tap",)
    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data sets, or auto.", rich_help_panel=DATA)
    ] = "auto"
    split: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Part of the data sets: train, val, test or all.", rich_help_panel=DATA),
    ] = None
    classes: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help="Classes to measure.", rich_help_panel=DATA),
        Names(nothing="all"),
    ] = ()
    shots: Annotated[
        int, typer.Option("--shots", "-k", min=1, metavar="K", help="Supports an episode.", rich_help_panel=PROTOCOL)
    ] = 1
    episodes: Annotated[
        float | None,
        typer.Option(
            metavar="N|all",
            help="Episodes a set; all takes every picture of every class as the query once.",
            rich_help_panel=PROTOCOL,
        ),
        NumberOr("all", least=1),
    ] = None
    absent: Annotated[
        bool,
        typer.Option(
            "--absent",
            help="Ask each class in a picture without it as well, of another class.",
            rich_help_panel=PROTOCOL,
        ),
    ] = False
    absent_from: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The same in pictures of a folder that show none of the classes.",
            rich_help_panel=PROTOCOL,
        ),
    ] = None
    episodes_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="List of episodes, such as protocol.csv of a run.", rich_help_panel=PROTOCOL),
    ] = None
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw every episode.", rich_help_panel=RESULT)
    ] = True
    loading: WeightOptions = field(default_factory=WeightOptions)
