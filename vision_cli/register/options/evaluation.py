"""Settings of an evaluation of transform files or a data set, and of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.words import Names
from vision_cli.register.options.pair_files import INPUT, LabelFiles, LandmarkFiles
from vision_cli.register.options.registration import (
    LabelInterpolationOption,
    LabelNamesOption,
    Method,
    PairReporting,
    Preset,
    RegistrationOptions,
    Reporting,
    TransformKind,
)

Layout = Literal["csv", "folder", "oasis", "ixi", "cmr", "l2r"]
Subset = Literal["train", "validation", "test"]

BASELINES = ("greedy", "greedy-2mm", "ants-syn", "ants-syncc", "convexadam")
"""Baselines that the benchmark can run."""

OWN_METHODS: Mapping[str, tuple[Preset, Method]] = {
    "fast": ("fast", "auto"),
    "default": ("default", "auto"),
    "accurate": ("accurate", "auto"),
    "fast-optimize": ("fast", "optimize"),
    "default-optimize": ("default", "optimize"),
    "network": ("fast", "network"),
}
"""Preset and method of each configuration of this program that the benchmark can run."""

_BASELINES = Names(BASELINES, nothing="none")
_PRESETS = Names(tuple(OWN_METHODS), nothing="none")


@dataclass(frozen=True)
class ScoredRegistration(RegistrationOptions):
    """Registration of the pairs of a scored data set; ``--transform`` names files in this verb."""

    transform: Annotated[
        TransformKind,
        typer.Option("--transform-kind", help="Kind of map for the pairs of DATA, as --transform of other verbs."),
    ] = RegistrationOptions.transform


@dataclass(frozen=True)
class ScoredFiles:
    """Transform files to score, with the labels and landmarks to score them by.

    Attributes
    ----------
    labels
        Label maps of the pair.
    transforms
        Transform files, in the order in which they are applied to points.
    disp
        A Learn2Reg displacement instead of transforms.
    landmarks
        Landmarks of the pair.
    fixed, moving
        Images of the pair: regularity is taken over the foreground of the fixed one, and landmarks in voxels and a
        Learn2Reg displacement refer to their grids.
    label_names
        Table of label names.
    label_interpolation
        Interpolation of the moving labels.
    """

    labels: LabelFiles = field(default_factory=LabelFiles)
    transforms: Annotated[
        list[Path] | None,
        typer.Option(
            "--transform", "-t", metavar="FILE", help="Transform; repeat in the order in which points are mapped."
        ),
    ] = None
    disp: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A Learn2Reg displacement instead of transforms.", rich_help_panel=INPUT),
    ] = None
    landmarks: LandmarkFiles = field(default_factory=LandmarkFiles)
    fixed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Fixed image, for folds and SD log J inside it.", rich_help_panel=INPUT),
    ] = None
    moving: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Moving image, for its grid.", rich_help_panel=INPUT),
    ] = None
    label_names: LabelNamesOption = Reporting.label_names
    label_interpolation: LabelInterpolationOption = PairReporting.label_interpolation


@dataclass(frozen=True)
class DataSet:
    """The pairs of a data set that are scored.

    Attributes
    ----------
    layout
        Layout of its files.
    subset
        Part of the data set.
    dim
        Number of axes, 2 or 3, for layouts that have images of both.
    """

    layout: Annotated[Layout, typer.Option(help="Layout of the files in DATA.")] = "csv"
    subset: Annotated[Subset, typer.Option(help="Part of DATA to score.")] = "test"
    dim: Annotated[
        int, typer.Option(min=2, max=3, metavar="N", help="Number of axes, 2 or 3, for layouts that have both.")
    ] = 3


@dataclass(frozen=True)
class ComparedMethods:
    """Methods that a benchmark compares.

    Attributes
    ----------
    baselines
        Other programs, from :data:`BASELINES`.
    presets
        Configurations of this program, from :data:`OWN_METHODS`.
    """

    baselines: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Baselines, or 'none'; their environments are made on first use."),
        _BASELINES,
    ] = BASELINES
    presets: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Configurations of this program, or 'none'."),
        _PRESETS,
    ] = ("default", "fast")
