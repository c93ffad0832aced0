"""Settings of synth-faces; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import typer

WHAT, RESULT, DATA, TRAINING = "What is shown", "Result", "Data", "Training"

Target = Literal["expression", "aus"]
"""What a recogniser names: the expression, or intensities of action units."""

Crop = Literal["face", "none"]
"""Whether the face of a picture is looked for, or the whole picture is the face."""

FileType = Literal["png", "jpg"]
ExportLayout = Literal["rafdb", "affectnet", "webdataset", "imagefolder"]

NO_WEIGHTS = "none"
"""Word for a recogniser that is left out."""


@dataclass(frozen=True)
class GenerateOptions:
    """What is generated.

    Attributes
    ----------
    count, per_label
        Samples, or samples a label; None for what the other or the plan says.
    labels
        Words of labels, see `vision_cli.synth_faces.plans.labels.parse_labels`; None for the eight basic expressions,
        or for none where action units are asked for.
    aus
        Words of action units, see `vision_cli.synth_faces.plans.action_units.parse_aus`.
    plan
        Table of what is shown, see `vision_cli.synth_faces.plans.plan.read_plan`.
    series, repeats
        Action units that are varied alone, and persons by whom, see
        `vision_cli.synth_faces.plans.plan.control_series`.
    free_share
        Share of the samples that show random action units and have no label.
    backend
        What draws: ``render``.
    size
        Pixels a side.
    file_type
        Of the pictures.
    """

    count: Annotated[
        int | None,
        typer.Option("--count", "-n", min=1, max=10**8, metavar="N", help="Number of pictures.", rich_help_panel=WHAT),
    ] = None
    per_label: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Pictures of each label, in place of --count.", rich_help_panel=WHAT),
    ] = None
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="A,B", help="basic7, basic8 (the default), compound, or names of labels.", rich_help_panel=WHAT
        ),
    ] = None
    aus: Annotated[
        str | None,
        typer.Option(
            "--au",
            metavar="AU=X,...",
            help="Action units and intensities from 0 to 5, such as 12=4,L14=2, in place of those of the label.",
            rich_help_panel=WHAT,
        ),
    ] = None
    plan: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV of what is shown: label, au, count, person, seed, or a column an action unit.",
            rich_help_panel=WHAT,
        ),
    ] = None
    series: Annotated[
        str | None,
        typer.Option(
            metavar="AU,...",
            help="Show each of these action units alone, at the levels 0 to 5, on the faces of --repeats persons.",
            rich_help_panel=WHAT,
        ),
    ] = None
    repeats: Annotated[
        int, typer.Option(min=1, max=10**5, metavar="N", help="Persons of a --series.", rich_help_panel=WHAT)
    ] = 24
    free_share: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Share of the pictures that show random action units and have no label.",
            rich_help_panel=WHAT,
        ),
    ] = 0.0
    backend: Annotated[
        str, typer.Option(metavar="NAME", help="What draws: render, a rig with exact truth.", rich_help_panel=RESULT)
    ] = "render"
    size: Annotated[
        int, typer.Option(min=32, max=1024, metavar="PX", help="Side of the pictures.", rich_help_panel=RESULT)
    ] = 128
    file_type: Annotated[
        FileType, typer.Option("--file-type", help="Format of the pictures.", rich_help_panel=RESULT)
    ] = "png"


@dataclass(frozen=True)
class FaceSetOptions:
    """How data sets are read.

    Attributes
    ----------
    layout, split, strict, allow_skips
        See `vision_cli.synth_faces.data.opening.open_faces`.
    crop
        See `vision_cli.synth_faces.pipeline.framing.FaceCutter`.
    """

    crop: Annotated[
        Crop,
        typer.Option(help="face: cut the largest face; none: pictures are aligned faces.", rich_help_panel=DATA),
    ] = "face"

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
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.9,
            metavar="X",
            help="Share of the persons that the weights are chosen by.",
            rich_help_panel=DATA,
        ),
    ] = 0.1
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


@dataclass(frozen=True)
class BaseOptions:
    """How a text-to-face model is trained.

    Attributes
    ----------
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
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.001,
            max=0.9,
            metavar="X",
            help="Share of the persons that the loss is measured on.",
            rich_help_panel=DATA,
        ),
    ] = 0.02
