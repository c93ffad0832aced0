"""Settings of the task: their fields are the options of the command line, with the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import typer

from vision_cli.core.command.options import prefer_defaults
from vision_cli.core.command.words import Names, NumberOr
from vision_cli.core.errors import UsageError

_DATA = "Data options"
_MODEL = "Model options"
_SCORING = "Scoring options"
_MEASURING = "Measuring options"

SAMPLE_SETTINGS = {"views": 6, "steps": 100}
"""Defaults of `--sample`: its defects are found with half of the views and a third of the training steps."""


def _lighten_sample(ctx: typer.Context, sample: bool) -> bool:
    if sample:
        prefer_defaults(ctx, SAMPLE_SETTINGS)
    return sample


SampleOption = Annotated[
    bool,
    typer.Option(
        "--sample",
        help="Generate parts with defects and run on them, by default with --views {views} and --steps {steps}.".format(
            **SAMPLE_SETTINGS
        ),
        is_eager=True,
        callback=_lighten_sample,
    ),
]

Layout = Literal["real3d", "shapenet", "mulsen", "minishift", "mvtec", "folder"]
"""Layout of the folders of a data set."""

Features = Literal["hybrid", "fpfh", "pointmae"]
"""Kind of the vectors of groups."""

Selection = Literal["relative", "absolute", "off"]
"""Indicator by which adaptive group-centre selection places more groups."""

RegistrationMode = Literal["auto", "given", "none"]
"""How the pose of a scan is determined."""

PointsFrom = Literal["scan", "truth"]
"""File that the points of a defective scan are read from."""

Protocol = Literal["ours", "reg3d"]
"""Protocol of the measures."""

Baseline = Literal[
    "c2c", "c2plane", "curvature", "btf-raw", "patchcore-fpfh", "patchcore-fpfh-raw", "reg3d", "simple3d"
]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
OURS = "ours"
SAVED = ("scores", "ply", "regions", "png")


@dataclass(frozen=True)
class ScanOptions:
    """Factor on the coordinates of scans; None for no change, and a scan of another size is refused."""

    unit: Annotated[
        float | None,
        typer.Option(
            metavar="auto|X",
            help="Factor on coordinates: 1000 for m to mm, 25.4 for inches to mm; auto for none.",
            rich_help_panel=_DATA,
        ),
        NumberOr("auto", above=0),
    ] = None

    @property
    def scale(self) -> float:
        """Factor on coordinates."""
        return 1.0 if self.unit is None else self.unit


@dataclass(frozen=True)
class TrainingScans(ScanOptions):
    """Scans to train on.

    Attributes
    ----------
    data
        Folder of a data set.
    layout
        Layout of the data set.
    classes
        Names of the classes to use; all if empty.
    train
        Instead of ``data``: folder of good scans of one part, or a CAD mesh.
    """

    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Data set, or folder of one class.", show_default=False)
    ] = None
    layout: Annotated[Literal["auto", Layout], typer.Option(help="Layout of DATA.", rich_help_panel=_DATA)] = "auto"
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Use only this class; repeatable.", rich_help_panel=_DATA),
    ] = None
    train: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Good scans of one part, or a CAD mesh.", rich_help_panel=_DATA),
    ] = None


@dataclass(frozen=True)
class GoodScans:
    """Folder of one-sided good scans beside ``--train``."""

    good: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="One-sided good scans beside --train: the noise of the scanner is learnt from them.",
            rich_help_panel=_DATA,
        ),
    ] = None


@dataclass(frozen=True)
class EvaluationScans(TrainingScans):
    """Scans to train and test on.

    Attributes
    ----------
    test
        Instead of ``data``: folder of test scans.
    truth
        Folder of the ground truth of their points.
    """

    test: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder of test scans.", rich_help_panel=_DATA)] = (
        None
    )
    truth: Annotated[
        Path | None,
        typer.Option(
            "--gt", metavar="DIR", help="Folder of the ground truth of the points of --test.", rich_help_panel=_DATA
        ),
    ] = None


@dataclass(frozen=True)
class HeadOptions:
    """Options of the training of the head.

    Attributes
    ----------
    clusters
        Number K of clusters.
    steps, batch
        Optimiser steps, and groups per step; 0 steps for no head.
    rate, decay
        Learning rate and weight decay of AdamW; the rate has a cosine schedule.
    iun, ian, push
        Losses that are used.
    """

    clusters: Annotated[
        int, typer.Option(min=2, metavar="N", help="Number of clusters of groups.", rich_help_panel=_MODEL)
    ] = 64
    steps: Annotated[
        int, typer.Option(min=0, metavar="N", help="Training steps of the head; 0 for no head.", rich_help_panel=_MODEL)
    ] = 300
    batch: int = 2048
    rate: float = 1e-3
    decay: float = 1e-2
    iun: Annotated[
        bool,
        typer.Option(
            "--iun/--no-iun",
            help="Use the loss that spreads clusters (inter-cluster uniformity).",
            rich_help_panel=_MODEL,
        ),
    ] = True
    ian: Annotated[
        bool,
        typer.Option(
            "--ian/--no-ian",
            help="Use the loss that gathers clusters (intra-cluster alignment).",
            rich_help_panel=_MODEL,
        ),
    ] = True
    push: Annotated[
        bool,
        typer.Option(
            "--push/--no-push",
            help="Use the loss that repels pseudo-defects; not in the paper.",
            rich_help_panel=_MODEL,
        ),
    ] = True


@dataclass(frozen=True)
class Options:
    """Options of a model.

    Attributes
    ----------
    groups, group_size
        Groups of a scan, and places of a group.
    bank
        Vectors in the memory bank.
    views
        Virtual views over all prototypes; each prototype gets at least two.
    head
        Training of the head.
    alpha
        Share of good scans that may be called defective.
    features
        Kind of the vectors of groups.
    """

    groups: Annotated[
        int, typer.Option(min=64, metavar="N", help="Number of groups of a scan.", rich_help_panel=_MODEL)
    ] = 2048
    group_size: Annotated[
        int, typer.Option(min=8, metavar="N", help="Number of points of a group.", rich_help_panel=_MODEL)
    ] = 64
    bank: Annotated[
        int, typer.Option(min=16, metavar="N", help="Number of groups in the memory bank.", rich_help_panel=_MODEL)
    ] = 10_000
    views: Annotated[
        int,
        typer.Option(
            min=2, metavar="N", help="Number of virtual one-sided views of the prototypes.", rich_help_panel=_MODEL
        ),
    ] = 12
    head: HeadOptions = field(default_factory=HeadOptions)
    alpha: Annotated[
        float,
        typer.Option(
            min=1e-6,
            max=0.5,
            metavar="X",
            help="Share of good scans that may be called defective.",
            rich_help_panel=_MODEL,
        ),
    ] = 0.05
    features: Annotated[
        Features, typer.Option(help="Vectors of groups; pointmae needs --weights.", rich_help_panel=_MODEL)
    ] = "hybrid"


@dataclass(frozen=True)
class MemoryOptions:
    """Memory that the process may take, in GB; None for the available memory."""

    max_memory_gb: Annotated[
        float | None,
        typer.Option(
            "--max-memory",
            min=0.1,
            metavar="GB",
            help="Memory limit: use smaller chunks, or refuse a file that would exceed it.",
            rich_help_panel=_DATA,
        ),
    ] = None

    @property
    def max_memory(self) -> float | None:
        """The same in bytes."""
        return None if self.max_memory_gb is None else self.max_memory_gb * 1e9


@dataclass(frozen=True)
class Place(MemoryOptions):
    """Device and weights of Point-MAE, and memory.

    Attributes
    ----------
    weights
        File of Point-MAE's weights; None for none, or for those that a model was trained with.
    device
        Device of Point-MAE.
    """

    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Point-MAE's pretrain.pth.", rich_help_panel=_MODEL)
    ] = None
    device: str = "cpu"

    def on(self, device: object) -> Self:
        """Return the same on another device."""
        return replace(self, device=str(device))


@dataclass(frozen=True)
class ScoringOptions:
    """How scans are scored, and which files are written.

    Attributes
    ----------
    agcs
        Indicator by which more groups are placed.
    save
        Files written for a scan, of `SAVED`.
    decide_weak
        Whether scans of a weak pose are decided on; otherwise they are undetermined.
    tolerance
        Largest deviation from the reference that passes an inspection, in the unit of the prototypes; None for no
        inspection.
    """

    agcs: Annotated[
        Selection,
        typer.Option(
            help="More groups at differences from the reference, at edges, or nowhere.", rich_help_panel=_SCORING
        ),
    ] = "relative"
    save: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="LIST",
            help="Files to write: scores, ply, regions, png; png adds the report, of scans that are not normal.",
            rich_help_panel=_SCORING,
        ),
        Names(SAVED),
    ] = ("scores", "regions", "png")
    decide_weak: Annotated[
        bool,
        typer.Option(
            "--decide-weak",
            help="Also decide on scans whose pose is weak, which are undetermined otherwise.",
            rich_help_panel=_SCORING,
        ),
    ] = False
    tolerance: Annotated[
        float | None,
        typer.Option(
            metavar="MM",
            min=0,
            help="Inspect each scan: pass or fail by its deviations from the reference, with a map; in the unit of the "
            "prototypes, usually mm.",
            rich_help_panel=_SCORING,
        ),
    ] = None


@dataclass(frozen=True)
class PoseOptions:
    """How the pose of a scan is determined; the initial pose is the identity by default."""

    registration: Annotated[
        RegistrationMode,
        typer.Option(help="Search the pose, refine --init, or use --init unchanged.", rich_help_panel=_SCORING),
    ] = "auto"
    init: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="JSON file of the initial pose, with scan_to_reference (4 x 4).",
            rich_help_panel=_SCORING,
        ),
    ] = None


@dataclass(frozen=True)
class MeasuringOptions:
    """How scores are measured, and which methods are compared.

    Attributes
    ----------
    methods
        Of `OURS`, which is always measured, and `BASELINES`.
    protocol
        ``reg3d`` measures as the code of Reg3D-AD does.
    resamples
        Number of bootstrap resamples; 0 for no intervals.
    """

    methods: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="LIST",
            help="Methods to measure on the same poses: ours and baselines, or all.",
            rich_help_panel=_MEASURING,
        ),
        Names((OURS, *BASELINES), every="all"),
    ] = (OURS,)
    protocol: Annotated[
        Protocol,
        typer.Option(
            help="reg3d measures as the code of Reg3D-AD: points of the truth, ranges of the test set, highest score.",
            rich_help_panel=_MEASURING,
        ),
    ] = "ours"
    resamples: Annotated[
        int,
        typer.Option(
            "--bootstrap",
            min=0,
            metavar="N",
            help="Number of bootstrap resamples for intervals; 0 for no intervals.",
            rich_help_panel=_MEASURING,
        ),
    ] = 1000

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """The baselines among the methods."""
        return tuple(name for name in BASELINES if name in self.methods)

    @property
    def points_from(self) -> PointsFrom:
        """File that the protocol reads the points of defective scans from."""
        return "truth" if self.protocol == "reg3d" else "scan"


@dataclass(frozen=True)
class EvaluationOptions(MeasuringOptions):
    """Measuring options of `evaluate`.

    Attributes
    ----------
    ablate
        Whether the models of the ablation are trained and measured.
    """

    ablate: Annotated[
        bool,
        typer.Option(
            "--ablate",
            help="Also measure the ablation: base, +IUN, +IAN, +push, +AGCS.",
            rich_help_panel=_MEASURING,
        ),
    ] = False


@dataclass(frozen=True)
class Recipe:
    """Content of a generated data set.

    Attributes
    ----------
    parts
        Number of classes, the first ones of `vision_cli.phantoms.parts.parts.PARTS`.
    points
        Approximate number of points of a scan.
    suite
        Difficulty: one of `vision_cli.phantoms.parts.defects.SUITES`.
    seed
        Seed; the same seed gives the same data set.
    prototypes, good, defective
        Numbers of scans of each kind in a class; kinds of defects alternate.
    prototype_points
        Approximate number of points of a prototype, which shows all sides; 0 for ``points``.
    """

    parts: Annotated[int, typer.Option("--count", "-n", min=1, max=8, metavar="N", help="Number of parts.")] = 6
    points: Annotated[int, typer.Option(min=1000, metavar="N", help="Approximate number of points of a scan.")] = (
        100_000
    )
    suite: Annotated[
        Literal["rigid", "tolerance", "subtle"], typer.Option(help="Variation of instances, and size of defects.")
    ] = "tolerance"
    seed: int = 0
    prototypes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Prototypes of a part: good scans of all sides.")
    ] = 4
    good: Annotated[int, typer.Option(min=0, metavar="N", help="Good test scans of a part.")] = 20
    defective: Annotated[int, typer.Option(min=0, metavar="N", help="Defective test scans of a part.")] = 40
    prototype_points: Annotated[
        int, typer.Option(min=0, metavar="N", help="Approximate number of points of a prototype; 0 for that of a scan.")
    ] = 0

    def __post_init__(self) -> None:
        """Raise a `UsageError` for values out of range."""
        from vision_cli.phantoms.parts.defects import SUITES
        from vision_cli.phantoms.parts.parts import PARTS

        if self.suite not in SUITES:
            raise UsageError(f"suite {self.suite!r}; one of {', '.join(SUITES)} expected.")
        if not 1 <= self.parts <= len(PARTS):
            raise UsageError(f"{self.parts} parts; 1 to {len(PARTS)} expected.")
        if self.points < 1000 or 0 < self.prototype_points < 1000:
            raise UsageError(
                f"{min(self.points, self.prototype_points or self.points)} points a scan; 1000 or more expected."
            )
        if self.prototypes < 1 or min(self.good, self.defective) < 0 or self.seed < 0:
            raise UsageError("counts of scans or a seed below what can be; one prototype or more expected.")
