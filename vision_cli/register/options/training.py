"""What a network is trained on, which one, and how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.register.options.evaluation import Layout
from vision_cli.register.options.registration import INPUT, QUALITY, Metric

IMAGE_STEPS = 1000
"""Steps of a training on images, where none are asked for."""

SYNTHETIC_STEPS: Mapping[int, int] = {3: 8000, 2: 6000}
"""Steps of a training on synthetic pairs by the number of axes: those of the shipped weights."""

IMAGE_RATE, SYNTHETIC_RATE = 3e-4, 1e-3
"""Learning rates of both trainings."""


@dataclass(frozen=True)
class TrainingImages:
    """Users' images as a training takes them.

    Attributes
    ----------
    layout
        What :func:`vision_cli.register.data.layouts.read_collection` reads.
    atlas
        Image that all others are registered with; None for what the layout says.
    spacing
        Voxel size in mm; None for what the network was trained with.
    align
        Whether to align the images linearly; None for what the layout needs.
    val_fraction
        Share of the images, or of the listed pairs, to validate on where the data do not say: at least one, none for
        0. None for a tenth if they are labelled, none if they are not.
    augment
        Whether pairs are varied.
    weights
        ``default`` begins with the shipped weights where they are of the network asked for, ``none`` with none.
    """

    layout: Annotated[Layout, typer.Option(help="How the images lie in DATA.")] = "folder"
    atlas: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Image to register all others with.", rich_help_panel=INPUT)
    ] = None
    spacing: Annotated[
        float | None, typer.Option(min=1e-6, metavar="MM", help="Working spacing.", rich_help_panel=QUALITY)
    ] = None
    align: Annotated[
        bool | None, typer.Option("--align/--no-align", help="Align linearly; by default where the layout needs it.")
    ] = None
    val_fraction: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Share of the images, or listed pairs, to validate on where DATA is not divided; at least one.",
            rich_help_panel=INPUT,
        ),
    ] = None
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Vary the images of DATA.", rich_help_panel=QUALITY)
    ] = True
    weights: Annotated[
        str,
        typer.Option(
            metavar="FILE|none", help="Begin with these weights; 'default' are the shipped ones.", rich_help_panel=INPUT
        ),
    ] = "default"


@dataclass(frozen=True)
class SyntheticPairs:
    """What synthetic pairs are drawn from.

    Attributes
    ----------
    preset
        What they are like: those of the shipped weights.
    label_maps
        Folder of label maps; None for generated heads.
    """

    preset: Annotated[
        Literal["shipped"], typer.Option(help="Synthetic pairs: those that the shipped weights were trained on.")
    ] = "shipped"
    label_maps: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Label maps for --synthetic; generated heads without.", rich_help_panel=INPUT),
    ] = None

    @property
    def files(self) -> list[Path]:
        """The files of the label maps."""
        return [] if self.label_maps is None else sorted(p for p in self.label_maps.glob("*") if p.is_file())

    @property
    def described(self) -> str:
        """What they are, for the card of the weights."""
        if self.label_maps is None:
            return "generated heads"
        return f"{len(self.files)} label maps of {self.label_maps.name}"


@dataclass(frozen=True)
class TrainingOptions:
    """How long, how fast and by which image term a network is trained.

    Attributes
    ----------
    dim
        2 or 3, for synthetic pairs and layouts that have both.
    steps
        Optimiser steps; None for :data:`IMAGE_STEPS` or :data:`SYNTHETIC_STEPS`.
    epochs
        Passes over the pairs in place of ``steps``, for images.
    batch_size
        Pairs a step over all processes.
    learning_rate
        Adam's step; None for :data:`IMAGE_RATE` or :data:`SYNTHETIC_RATE`.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    """

    dim: Annotated[
        int,
        typer.Option(min=2, max=3, metavar="N", help="Axes, 2 or 3, for --synthetic and layouts that have both."),
    ] = 3
    steps: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help=f"Optimiser steps; {IMAGE_STEPS}, synthetic: as the shipped weights."),
    ] = None
    epochs: Annotated[int | None, typer.Option(min=1, metavar="N", help="Passes over the pairs, for --steps.")] = None
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Pairs a step, over all processes.")] = 2
    learning_rate: Annotated[
        float | None,
        typer.Option("--lr", min=0, metavar="X", help=f"Adam's rate; {IMAGE_RATE}, synthetic {SYNTHETIC_RATE}."),
    ] = None
    metric: Annotated[
        Metric, typer.Option("--loss", help="Image term; 'mi' or 'mind' for images of different kinds.")
    ] = "lncc"
    published_penalty: Annotated[
        bool,
        typer.Option("--reg-compat", help="Scale smoothness as the published code does.", rich_help_panel=QUALITY),
    ] = False


@dataclass(frozen=True)
class NetworkOptions:
    """Which network; see :class:`vision_cli.register.networks.WiNet`."""

    variant: Annotated[
        Literal["diffeo", "displacement"], typer.Option("--transform", help="What the network predicts.")
    ] = "diffeo"
    wavelet: Annotated[
        str,
        typer.Option(metavar="NAME", help="Wavelet of the field, as PyWavelets names it.", rich_help_panel=QUALITY),
    ] = "haar"
    width: Annotated[
        int, typer.Option(min=1, metavar="N", help="Start width of the network.", rich_help_panel=QUALITY)
    ] = 8
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Have the refinement blocks.", rich_help_panel=QUALITY)
    ] = True
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", help="Have the convolutions C1 to C3.", rich_help_panel=QUALITY)
    ] = True
    scales: int = 3


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses; 0 leaves one out.

    Attributes
    ----------
    similarity
        Of the image term.
    overlap
        Of one minus the soft Dice of labels.
    endpoint
        Of the mean squared distance from the known displacement, over that displacement's own mean square.
    smoothness
        Of the mean squared gradient of the field in voxels.
    """

    similarity: float = 1.0
    overlap: Annotated[
        float,
        typer.Option(
            "--dice-weight", min=0, metavar="X", help="Weight of the labels' overlap.", rich_help_panel=QUALITY
        ),
    ] = 0.7
    endpoint: float = 0.7
    smoothness: Annotated[
        float, typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY)
    ] = 0.15
