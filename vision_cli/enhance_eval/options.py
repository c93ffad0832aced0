"""Settings of enhance-eval; their ``Annotated`` fields are the options of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.words import Names

DATA, CAMERA, STATISTICS = "Data", "Camera of the ev conditions", "Statistics"

BuiltInNetwork = Literal["detector", "classifier", "curve"]
"""The networks that ``train`` trains."""

TrainedModel = Literal["detector", "classifier", "curve", "niqe"]
"""All that ``train`` makes: the networks, and the NIQE model, which is fitted to photographs."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    steps, batch_size, learning_rate, weight_decay
        See :class:`vision_cli.core.compute.training.Schedule`.
    scenes
        Generated scenes to train on; the curve network takes new ones at every step.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    scenes: int


RECIPES: Mapping[BuiltInNetwork, Recipe] = {
    "detector": Recipe(5000, 16, 3e-3, 1e-2, 6000),
    "classifier": Recipe(2500, 64, 3e-3, 1e-2, 6000),
    "curve": Recipe(1000, 8, 4e-3, 1e-4, 0),
}
"""Those of the shipped weights."""


@dataclass(frozen=True)
class TrainingOptions:
    """What of a recipe is changed; None for what `RECIPES` has.

    Attributes
    ----------
    steps, batch_size, learning_rate, scenes
        See `Recipe`.
    """

    steps: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Optimiser steps; as the shipped weights by default.")
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Pictures a step; as the shipped weights by default.")
    ] = None
    learning_rate: Annotated[
        float | None,
        typer.Option("--lr", min=0, metavar="X", help="Learning rate; as the shipped weights by default."),
    ] = None
    scenes: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Generated scenes to train on; curve takes new ones at every step instead."
        ),
    ] = None

    def recipe(self, network: BuiltInNetwork) -> Recipe:
        """Return the recipe of a network with these changes."""
        shipped = RECIPES[network]
        return Recipe(
            self.steps or shipped.steps,
            self.batch_size or shipped.batch_size,
            shipped.learning_rate if self.learning_rate is None else self.learning_rate,
            shipped.weight_decay,
            self.scenes or shipped.scenes,
        )


@dataclass(frozen=True)
class RunOptions:
    """What is scored, how it is darkened and enhanced, and who looks at it.

    Attributes
    ----------
    layout, split, reference, limit, strict
        Of the data set; see `vision_cli.enhance_eval.data.opening.open_dataset`.
    quick
        24 pictures.
    methods
        Names, groups and adapters of methods; see `vision_cli.enhance_eval.methods.specs`.
    conditions
        How dark pictures are made; empty for the default of the data.
    full_well, read_noise, jpeg
        The camera of the conditions ``ev...``; see `vision_cli.enhance_eval.pipeline.darkness.conditions`.
    measures
        Names or groups of quality measures.
    niqe_params, brisque_model, brisque_range
        The authors' files for NIQE and BRISQUE.
    tasks
        ``cls``, ``det``; None for what the data set has annotations for.
    detector, classifier
        Task models; see `vision_cli.enhance_eval.pipeline.tasks.models`.
    cls_unit
        What is classified; None for crops where labels are those of boxes, else whole pictures.
    protocol
        ``frozen`` scores against annotations, ``consistency`` against what the detector finds in the reference.
    save
        What is written beside tables and report.
    """

    layout: Annotated[
        str,
        typer.Option(metavar="NAME", help="Layout of the data set; list datasets shows them.", rich_help_panel=DATA),
    ] = "auto"
    split: Annotated[
        str | None,
        typer.Option(metavar="PART", help="train, val, test or all; test where there is one.", rich_help_panel=DATA),
    ] = None
    reference: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Well-exposed partners of the pictures, by stem.", rich_help_panel=DATA),
    ] = None
    limit: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Pictures at most, evenly spaced.", rich_help_panel=DATA)
    ] = None
    strict: Annotated[
        bool,
        typer.Option("--strict", help="A missing pair or a name that does not map is an error.", rich_help_panel=DATA),
    ] = False
    quick: Annotated[bool, typer.Option("--quick", help="24 pictures.", rich_help_panel=DATA)] = False
    methods: Annotated[
        str,
        typer.Option(metavar="LIST", help="default, all, names, or dir: onnx: ts: py: cmd:; list methods shows them."),
    ] = "default"
    conditions: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="LIST",
            help="as-is, paper, ev-4 and the like; as-is for pictures, paper,ev-2,ev-4,ev-6 for generated scenes.",
        ),
        Names(),
    ] = ()
    full_well: Annotated[
        float,
        typer.Option(min=1, metavar="N", help="Electrons of a full pixel, for ev conditions.", rich_help_panel=CAMERA),
    ] = 4000.0
    read_noise: Annotated[
        float, typer.Option(min=0, metavar="N", help="Electrons of read noise.", rich_help_panel=CAMERA)
    ] = 4.0
    jpeg: Annotated[
        int,
        typer.Option(
            min=0, max=100, metavar="Q", help="JPEG quality of darkened pictures; 0: none.", rich_help_panel=CAMERA
        ),
    ] = 0
    measures: Annotated[
        tuple[str, ...],
        typer.Option(metavar="LIST", help="default, all or names; list measures shows them."),
        Names(),
    ] = ("default",)
    niqe_params: Annotated[
        Path | None, typer.Option(metavar="FILE.mat", help="The authors' NIQE parameters: adds niqe.")
    ] = None
    brisque_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The authors' allmodel: adds brisque, with --brisque-range.")
    ] = None
    brisque_range: Annotated[Path | None, typer.Option(metavar="FILE", help="The authors' allrange.")] = None
    tasks: Annotated[
        tuple[str, ...] | None,
        typer.Option(metavar="LIST", help="cls,det or none; by default what the data are annotated for."),
        Names(("cls", "det"), nothing="none"),
    ] = None
    detector: Annotated[
        str,
        typer.Option(metavar="MODEL", help="builtin, onnx:FILE:decoder=NAME, hf:DIR, preds:DIR, py:MODULE:FUNCTION."),
    ] = "builtin"
    classifier: Annotated[
        str, typer.Option(metavar="MODEL", help="builtin, onnx:FILE, hf:DIR, py:MODULE:FUNCTION.")
    ] = "builtin"
    cls_unit: Annotated[
        Literal["image", "crop"] | None,
        typer.Option("--cls-unit", help="Classify whole pictures, or crops of their objects."),
    ] = None
    protocol: Annotated[
        Literal["frozen", "consistency"],
        typer.Option(help="Score against annotations, or against what the detector finds in the reference."),
    ] = "frozen"
    save: Annotated[
        tuple[str, ...],
        typer.Option(metavar="LIST", help="sheets, pictures or none: contact sheets, every enhanced picture."),
        Names(("sheets", "pictures"), nothing="none"),
    ] = ("sheets",)


@dataclass(frozen=True)
class StatisticsOptions:
    """How intervals and tests are made.

    Attributes
    ----------
    bootstrap
        Resamples of the pictures.
    alpha
        Level of the tests; intervals have 1 - alpha.
    """

    bootstrap: Annotated[
        int, typer.Option(min=20, metavar="N", help="Bootstrap resamples of the pictures.", rich_help_panel=STATISTICS)
    ] = 1000
    alpha: Annotated[
        float,
        typer.Option(min=0.0001, max=0.5, metavar="X", help="Level of tests.", rich_help_panel=STATISTICS),
    ] = 0.05
