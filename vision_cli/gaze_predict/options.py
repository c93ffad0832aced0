"""Settings of gaze-predict; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import typer

from vision_cli.core.command.words import Names, NumberOr

DATA, TRAINING, NETWORK, PROTOCOL, RESULT = "Data", "Training", "Network", "Protocol", "Result"

Preset = Literal["phantom", "recordings"]
"""Recipes of ``train``."""

ABLATIONS = ("context", "graph", "matching")
"""Parts of the network that can be left out."""

BASELINES = ("centre", "global", "finding", "shuffled")
"""What ``evaluate`` compares with: a centre Gaussian; mean recorded gaze; the same by finding; gaze of another film."""

CONTROLS = ("no-text", "wrong-text", "swap-side")
"""Other sentences: an empty one; one of another finding; left and right exchanged."""

WrittenLayout = Literal["reflacx", "egd", "gazesearch", "csv"]
"""Layouts that ``synth`` writes."""

EMBEDDED = "embedded"
"""The small encoders of this project."""


@dataclass(frozen=True)
class Recipe:
    """How the network is trained.

    Attributes
    ----------
    steps, batch_size, learning_rate
        See :class:`vision_cli.core.compute.training.Schedule`; a batch counts films. The learning rate is None for that
        of `vision_cli.gaze_predict.training.recipes`.
    sentences
        Sentences of a film in a step; the film is encoded once for them.
    side
        Of the films, px, a multiple of 16.
    augments
        Whether films are turned, shifted and scaled.
    """

    steps: int
    batch_size: int
    learning_rate: float | None
    sentences: int
    side: int
    augments: bool


RECIPES: Mapping[Preset, Recipe] = MappingProxyType(
    {
        "phantom": Recipe(4000, 8, None, 2, 112, augments=False),
        "recordings": Recipe(4000, 16, None, 1, 224, augments=True),
    }
)
"""``phantom`` made the shipped weights."""


@dataclass(frozen=True)
class TrainingOptions:
    """What of a recipe is changed, and which network is trained; None for what the recipe has.

    Attributes
    ----------
    steps, batch_size, learning_rate, sentences, side
        See `Recipe`.
    image_encoder, text_encoder
        See `vision_cli.gaze_predict.pipeline.encoders`.
    freeze
        Encoders that stay as they are: ``image``, ``text``.
    head
        ``query``, or ``fc`` for the paper's fully connected head.
    lambda_match
        Weight of the matching loss.
    ablate
        Parts of the network that are left out.
    trust_remote_code
        Whether code that a model of a hub brings along may run.
    """

    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Optimiser steps; the recipe's by default.", rich_help_panel=TRAINING),
    ] = None
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Films a step; the recipe's by default.", rich_help_panel=TRAINING),
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr", min=0, metavar="X", help="Learning rate; the recipe's by default.", rich_help_panel=TRAINING
        ),
    ] = None
    sentences: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Sentences of a film in a step; the recipe's by default.", rich_help_panel=TRAINING
        ),
    ] = None
    side: Annotated[
        int | None,
        typer.Option(
            min=64,
            metavar="PX",
            help="Side of the films, a multiple of 16; the recipe's by default.",
            rich_help_panel=TRAINING,
        ),
    ] = None
    image_encoder: Annotated[
        str,
        typer.Option(metavar="NAME", help="embedded, clip-rn50:FILE or hf:ID_OR_DIRECTORY.", rich_help_panel=NETWORK),
    ] = EMBEDDED
    text_encoder: Annotated[
        str,
        typer.Option(metavar="NAME", help="embedded, clip:FILE or hf:ID_OR_DIRECTORY.", rich_help_panel=NETWORK),
    ] = EMBEDDED
    freeze: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help="Encoders that stay as they are: image, text.", rich_help_panel=NETWORK),
        Names(known=("image", "text"), nothing="none"),
    ] = ()
    head: Annotated[
        Literal["query", "fc"],
        typer.Option(help="Point queries, or the paper's fully connected head.", rich_help_panel=NETWORK),
    ] = "query"
    lambda_match: Annotated[
        float, typer.Option(min=0, metavar="X", help="Weight of the matching loss.", rich_help_panel=TRAINING)
    ] = 0.1
    ablate: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Parts to leave out: {', '.join(ABLATIONS)}.", rich_help_panel=NETWORK),
        Names(known=ABLATIONS, nothing="none"),
    ] = ()
    trust_remote_code: Annotated[
        bool,
        typer.Option(
            "--trust-remote-code", help="Let code that a model of a hub brings along run.", rich_help_panel=NETWORK
        ),
    ] = False

    def recipe(self, preset: Preset) -> Recipe:
        """Return the recipe of a preset with these changes."""
        own = ("steps", "batch_size", "learning_rate", "sentences", "side")
        changed = {name: value for name in own if (value := getattr(self, name)) is not None}
        return replace(RECIPES[preset], **changed)


@dataclass(frozen=True)
class RecordingOptions:
    """Which recordings, and how they are read.

    Attributes
    ----------
    layout, images, coords, lead_in, strict
        See `vision_cli.gaze_predict.data.opening.open_gaze`.
    """

    layout: Annotated[
        str, typer.Option(metavar="NAME", help="Layout of the data set, or auto.", rich_help_panel=DATA)
    ] = "auto"
    images: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of the films.", rich_help_panel=DATA)] = (
        None
    )
    coords: Annotated[
        Literal["pixel", "unit"],
        typer.Option(
            help="Units of x and y in a CSV: pixels of the film, or shares of its sides.", rich_help_panel=DATA
        ),
    ] = "pixel"
    lead_in: Annotated[
        float,
        typer.Option(
            min=0, metavar="S", help="Seconds before a sentence whose fixations belong to it.", rich_help_panel=DATA
        ),
    ] = 1.5
    strict: Annotated[
        bool, typer.Option("--strict", help="End at the first entry that cannot be used.", rich_help_panel=DATA)
    ] = False


@dataclass(frozen=True)
class PredictionOptions:
    """How many paths are predicted, and what is written.

    Attributes
    ----------
    points
        Fixations of a path.
    samples
        Paths as different readers might take them, beside the most central one.
    save
        ``png`` (density, 16 bits) and ``npy`` (density, float32).
    pictures
        Whether the overlays are drawn.
    """

    points: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Fixations of a path.", rich_help_panel=RESULT)
    ] = 8
    samples: Annotated[
        int,
        typer.Option(
            min=1,
            max=500,
            metavar="N",
            help="Scan paths as different readers might take them; the most central one is always written.",
            rich_help_panel=RESULT,
        ),
    ] = 1
    save: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="A,B", help="Densities as png (16 bits), npy (float32), none or all.", rich_help_panel=RESULT
        ),
        Names(known=("png", "npy"), every="all", nothing="none"),
    ] = ("png",)
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw paths over the films.", rich_help_panel=RESULT)
    ] = True


@dataclass(frozen=True)
class EvaluationOptions:
    """What is measured, and what it is compared with.

    Attributes
    ----------
    split
        Part of the data set; None for its test part where it has one, else all.
    count
        Generated readings, or recordings that are drawn at random; None for 200, or all.
    weights
        Of the network.
    predictions
        Scan paths of another program in place of the network, laid out as a data set.
    stand_in
        A film, or a folder of films, for recordings whose own films are not at hand.
    sigma
        Standard deviation of a fixation, in pixels of a map; None for 1° of the visual field.
    baselines, controls
        Names out of `BASELINES` and `CONTROLS`.
    per_case
        Whether coverage and the zone that was missed most are measured too.
    pictures
        Whether every recording is drawn.
    """

    split: Annotated[
        Literal["train", "val", "test", "all"] | None,
        typer.Option(help="Part of the data set; test where there is one, else all.", rich_help_panel=DATA),
    ] = None
    count: Annotated[
        int | None,
        typer.Option(
            "--count",
            "-n",
            min=1,
            metavar="N",
            help="Readings to generate, 200 by default; of a data set, recordings drawn at random, all by default.",
            rich_help_panel=DATA,
        ),
    ] = None
    weights: Annotated[
        str,
        typer.Option(
            "--weights",
            metavar="FILE|HUB_ID",
            help="Weights of the network; 'default' for the shipped ones.",
            rich_help_panel=NETWORK,
        ),
    ] = "default"
    predictions: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Scan paths of another program, as a table or in a layout of DATA, in place of the network.",
            rich_help_panel=DATA,
        ),
    ] = None
    stand_in: Annotated[
        Path | None,
        typer.Option(
            metavar="FILM|DIR",
            help="Film, or films to average over, for recordings whose own are not at hand.",
            rich_help_panel=DATA,
        ),
    ] = None
    sigma: Annotated[
        float | None,
        typer.Option(
            metavar="PX|1deg",
            help="Standard deviation of a fixation, pixels of a map of 224; or 1° of the visual field.",
            rich_help_panel=PROTOCOL,
        ),
        NumberOr("1deg", above=0, most=224),
    ] = 12.0
    baselines: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Rows beside: {', '.join(BASELINES)}.", rich_help_panel=PROTOCOL),
        Names(known=BASELINES, every="all", nothing="none"),
    ] = BASELINES
    controls: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="A,B", help=f"The network with other sentences: {', '.join(CONTROLS)}.", rich_help_panel=PROTOCOL
        ),
        Names(known=CONTROLS, every="all", nothing="none"),
    ] = ()
    per_case: Annotated[
        bool,
        typer.Option(
            "--per-case",
            help="Measure coverage, and which zone was missed, of every recording.",
            rich_help_panel=RESULT,
        ),
    ] = False
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Draw every recording.", rich_help_panel=RESULT)
    ] = True


@dataclass(frozen=True)
class SynthesisOptions:
    """What is generated.

    Attributes
    ----------
    count
        Films, with a reading each.
    layout
        How they are written.
    side
        Of the films, px.
    """

    count: Annotated[
        int, typer.Option("--count", "-n", min=1, metavar="N", help="Films, with a reading each.", rich_help_panel=DATA)
    ] = 100
    layout: Annotated[WrittenLayout, typer.Option(help="Layout of the files.", rich_help_panel=DATA)] = "csv"
    side: Annotated[
        int, typer.Option(min=64, max=4096, metavar="PX", help="Side of the films.", rich_help_panel=DATA)
    ] = 256


@dataclass(frozen=True)
class AdaptationOptions:
    """How a trained network is adapted to few recordings.

    Attributes
    ----------
    steps, batch_size, learning_rate
        Of the training.
    lambda_match
        Weight of the matching loss; weight files have no matching branch, so that it would begin anew.
    """

    steps: Annotated[int, typer.Option(min=1, metavar="N", help="Optimiser steps.", rich_help_panel=TRAINING)] = 200
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Films a step.", rich_help_panel=TRAINING)] = 8
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.", rich_help_panel=TRAINING)
    ] = 1e-4
    lambda_match: Annotated[
        float, typer.Option(min=0, metavar="X", help="Weight of the matching loss.", rich_help_panel=TRAINING)
    ] = 0.0

    @property
    def as_training(self) -> TrainingOptions:
        """The options as ``train`` has them."""
        return TrainingOptions(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            lambda_match=self.lambda_match,
        )
