"""What is scored: transform files, or the pairs of a data set; and what a benchmark compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.words import Names
from vision_cli.register.options.registration import (
    INPUT,
    LabelInterpolation,
    Method,
    NamesOption,
    PairReporting,
    Preset,
    RegistrationOptions,
    Reporting,
    TransformKind,
)

Layout = Literal["csv", "folder", "oasis", "ixi", "cmr", "l2r"]
Subset = Literal["train", "validation", "test"]

BASELINES = ("greedy", "greedy-2mm", "ants-syn", "ants-syncc", "convexadam")
"""Programs of others that the benchmark knows."""

OURS: Mapping[str, tuple[Preset, Method]] = {
    "fast": ("fast", "auto"),
    "default": ("default", "auto"),
    "accurate": ("accurate", "auto"),
    "fast-optimize": ("fast", "optimize"),
    "default-optimize": ("default", "optimize"),
    "network": ("fast", "network"),
}
"""Preset and method of each of our own ways to register that the benchmark knows."""

_BASELINES = Names(BASELINES, nothing="none")
_PRESETS = Names(tuple(OURS), nothing="none")


@dataclass(frozen=True)
class ScoredRegistration(RegistrationOptions):
    """How the pairs of a data set are registered that is scored: ``--transform`` names files there."""

    transform: Annotated[
        TransformKind,
        typer.Option("--transform-kind", help="Kind of map to register DATA with, as --transform of the other verbs."),
    ] = RegistrationOptions.transform


@dataclass(frozen=True)
class ScoredFiles:
    """Transforms to score, and what they are scored by.

    Attributes
    ----------
    fixed_label, moving_label
        Label maps.
    transforms
        Files, in the order that points take them.
    disp
        A Learn2Reg displacement instead.
    fixed_points, moving_points
        Corresponding landmarks, RAS mm.
    label_names
        Table of label names.
    label_interpolation
        Of labels.
    """

    fixed_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of the fixed image.", rich_help_panel=INPUT)
    ] = None
    moving_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of the moving image.", rich_help_panel=INPUT)
    ] = None
    transforms: Annotated[
        list[Path] | None,
        typer.Option("--transform", "-t", metavar="FILE", help="Transform; repeat in the order points take them."),
    ] = None
    disp: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A Learn2Reg displacement instead of transforms.", rich_help_panel=INPUT),
    ] = None
    fixed_points: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Landmarks, RAS mm.", rich_help_panel=INPUT)
    ] = None
    moving_points: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their partners, RAS mm.", rich_help_panel=INPUT)
    ] = None
    label_names: NamesOption = Reporting.label_names
    label_interpolation: Annotated[
        LabelInterpolation, typer.Option("--label-interp", help="Interpolation of labels.")
    ] = PairReporting.label_interpolation


@dataclass(frozen=True)
class DataSet:
    """Which pairs of a data set are scored.

    Attributes
    ----------
    layout
        How its files lie.
    subset
        Which of its parts.
    dim
        2 or 3, for layouts that have both.
    """

    layout: Annotated[Layout, typer.Option(help="How the images lie in DATA.")] = "csv"
    subset: Annotated[Subset, typer.Option(help="Which pairs of DATA.")] = "test"
    dim: Annotated[int, typer.Option(min=2, max=3, metavar="N", help="Axes, 2 or 3, for layouts that have both.")] = 3


@dataclass(frozen=True)
class Contenders:
    """What a benchmark compares.

    Attributes
    ----------
    baselines
        Programs of others, of :data:`BASELINES`.
    presets
        Ours, of :data:`OURS`.
    """

    baselines: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Programs beside ours, or 'none'; environments are made on first use."),
        _BASELINES,
    ] = BASELINES
    presets: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Our presets to measure, or 'none'."),
        _PRESETS,
    ] = ("default", "fast")
