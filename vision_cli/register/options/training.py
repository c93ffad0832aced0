"""Settings of a training: images or synthetic pairs, schedule, network and losses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.register.options.evaluation import Layout
from vision_cli.register.options.pair_files import INPUT
from vision_cli.register.options.registration import QUALITY, Metric

IMAGE_STEPS = 1000
"""Default number of steps of a training on images."""

SYNTHETIC_STEPS: Mapping[int, int] = {3: 8000, 2: 6000}
"""Default number of steps of a training on synthetic pairs by the number of axes: those of the shipped weights."""

IMAGE_RATE, SYNTHETIC_RATE = 3e-4, 1e-3
"""Default learning rates of the two trainings."""


@dataclass(frozen=True)
class TrainingImages:
    """Images to train on.

    Attributes
    ----------
    layout
        Layout of the data set, see `vision_cli.register.data.layouts.read_collection`.
    atlas
        Image that all others are registered with; None for the atlas of the layout, if it has one.
    spacing
        Voxel size in mm; None for the one that gives as many voxels as in the training of the initial weights.
    align
        Whether to align the images linearly; None for the default of the layout.
    val_fraction
        Fraction of the images, or of the listed pairs, to validate on if the data set is not divided: at least one,
        none for 0. None for a tenth if there are labels, none without labels.
    augment
        Whether pairs are augmented.
    weights
        Initial weights: ``default`` for the shipped ones if they fit the requested network, ``none`` for none.
    """

    layout: Annotated[Layout, typer.Option(help="Layout of the files in DATA.")] = "folder"
    atlas: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Image to register all others with.", rich_help_panel=INPUT)
    ] = None
    spacing: Annotated[
        float | None, typer.Option(min=1e-6, metavar="MM", help="Working spacing.", rich_help_panel=QUALITY)
    ] = None
    align: Annotated[
        bool | None, typer.Option("--align/--no-align", help="Align linearly; by default if the layout needs it.")
    ] = None
    val_fraction: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            metavar="X",
            help="Fraction of the images, or listed pairs, to validate on if DATA is not divided; at least one.",
            rich_help_panel=INPUT,
        ),
    ] = None
    augment: Annotated[
        bool, typer.Option("--augment/--no-augment", help="Augment the images of DATA.", rich_help_panel=QUALITY)
    ] = True
    weights: Annotated[
        str,
        typer.Option(
            metavar="FILE|none", help="Initial weights; 'default' for the shipped ones.", rich_help_panel=INPUT
        ),
    ] = "default"


@dataclass(frozen=True)
class SyntheticPairs:
    """Source of synthetic pairs.

    Attributes
    ----------
    preset
        Distribution of the pairs: that of the shipped weights.
    label_maps
        Folder of label maps; None for generated heads.
    """

    preset: Annotated[
        Literal["shipped"], typer.Option(help="Distribution of synthetic pairs: that of the shipped weights.")
    ] = "shipped"
    label_maps: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Label maps for --synthetic; default: generated heads.", rich_help_panel=INPUT
        ),
    ] = None

    @property
    def files(self) -> list[Path]:
        """Files of the label maps; empty for generated heads."""
        return [] if self.label_maps is None else sorted(p for p in self.label_maps.glob("*") if p.is_file())

    @property
    def description(self) -> str:
        """Description of the source for the card of the weights."""
        if self.label_maps is None:
            return "generated heads"
        return f"{len(self.files)} label maps of {self.label_maps.name}"


@dataclass(frozen=True)
class TrainingOptions:
    """Length, batch size, learning rate and image term of a training.

    Attributes
    ----------
    dim
        Number of axes, 2 or 3, for synthetic pairs and layouts that have both.
    steps
        Optimiser steps; None for :data:`IMAGE_STEPS` or :data:`SYNTHETIC_STEPS`.
    epochs
        Passes over the pairs, instead of ``steps``, for images.
    batch_size
        Pairs of each step over all processes.
    learning_rate
        Learning rate of Adam; None for :data:`IMAGE_RATE` or :data:`SYNTHETIC_RATE`.
    metric
        Image term.
    published_penalty
        Scale the smoothness term as the published code does.
    """

    dim: Annotated[
        int,
        typer.Option(
            min=2, max=3, metavar="N", help="Number of axes, 2 or 3, for --synthetic and layouts that have both."
        ),
    ] = 3
    steps: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help=f"Optimiser steps; default {IMAGE_STEPS}, synthetic: those of the shipped weights."
        ),
    ] = None
    epochs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Passes over the pairs of DATA, instead of --steps.")
    ] = None
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Pairs of each step, over all processes.")] = 2
    learning_rate: Annotated[
        float | None,
        typer.Option(
            "--lr",
            min=0,
            metavar="X",
            help=f"Learning rate of Adam; default {IMAGE_RATE}, synthetic: {SYNTHETIC_RATE}.",
        ),
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
    """Architecture of the network, see `vision_cli.register.networks.winet.WiNet`."""

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
        bool, typer.Option("--refine/--no-refine", help="Include the refinement blocks.", rich_help_panel=QUALITY)
    ] = True
    smooth: Annotated[
        bool, typer.Option("--smooth/--no-smooth", help="Include the convolutions C1 to C3.", rich_help_panel=QUALITY)
    ] = True
    scales: int = 3


@dataclass(frozen=True)
class LossWeights:
    """Weights of the losses.

    Attributes
    ----------
    similarity
        Weight of the image term.
    overlap
        Weight of one minus the soft Dice of labels.
    endpoint
        Weight of the mean squared error of the displacement, over the mean square of the true one.
    smoothness
        Weight of the mean squared gradient of the field in voxels.
    """

    similarity: float = 1.0
    overlap: Annotated[
        float,
        typer.Option(
            "--dice-weight", min=0, metavar="X", help="Weight of the overlap of labels.", rich_help_panel=QUALITY
        ),
    ] = 0.7
    endpoint: float = 0.7
    smoothness: Annotated[
        float, typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY)
    ] = 0.15
