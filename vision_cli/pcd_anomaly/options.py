"""Settings of the task: their fields are the options of the command line, and hold every default."""

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
"""Settings of `--sample`: its defects are plain enough for half of the views and a third of the training."""


def _lighten_sample(ctx: typer.Context, sample: bool) -> bool:
    if sample:
        prefer_defaults(ctx, SAMPLE_SETTINGS)
    return sample


SampleOption = Annotated[
    bool,
    typer.Option(
        "--sample",
        help="Make parts with defects and run on these, by default with --views {views} and --steps {steps}.".format(
            **SAMPLE_SETTINGS
        ),
        is_eager=True,
        callback=_lighten_sample,
    ),
]

Layout = Literal["real3d", "shapenet", "mulsen", "minishift", "mvtec", "folder"]
"""How the scans of a data set lie in its folders."""

Features = Literal["hybrid", "fpfh", "pointmae"]
"""What describes a group."""

Selection = Literal["relative", "absolute", "off"]
"""Where adaptive group-centre selection puts more groups."""

RegistrationMode = Literal["auto", "given", "none"]
"""How the pose of a scan is found."""

PointsFrom = Literal["scan", "truth"]
"""Which file the points of a defective scan are taken from."""

Protocol = Literal["ours", "reg3d"]
"""How scores are measured."""

Baseline = Literal[
    "c2c", "c2plane", "curvature", "btf-raw", "patchcore-fpfh", "patchcore-fpfh-raw", "reg3d", "simple3d"
]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
OURS = "ours"
SAVED = ("scores", "ply", "regions", "png")


@dataclass(frozen=True)
class ScanOptions:
    """How coordinates of scans are read.

    Attributes
    ----------
    unit
        What coordinates are multiplied by; None leaves them, and a scan of another size is refused.
    """

    unit: Annotated[
        float | None,
        typer.Option(
            metavar="auto|X", help="auto for one unit, or multiply by X: 1000 for m to mm.", rich_help_panel=_DATA
        ),
        NumberOr("auto", above=0),
    ] = None

    @property
    def scale(self) -> float:
        """Factor on coordinates."""
        return 1.0 if self.unit is None else self.unit


@dataclass(frozen=True)
class TrainingScans(ScanOptions):
    """Which scans are trained on.

    Attributes
    ----------
    data
        Folder of a data set.
    layout
        How the scans lie in it.
    classes
        Names of the classes wanted; all if there are none.
    train
        Instead of ``data``: folder of good scans of one part, or a CAD mesh.
    """

    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="Data set, or folder of one class.", show_default=False)
    ] = None
    layout: Annotated[
        Literal["auto", Layout], typer.Option(help="How the scans lie in DATA.", rich_help_panel=_DATA)
    ] = "auto"
    classes: Annotated[
        list[str] | None,
        typer.Option("--class", metavar="NAME", help="Only this class; may repeat.", rich_help_panel=_DATA),
    ] = None
    train: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Good scans of one part, or a CAD mesh.", rich_help_panel=_DATA),
    ] = None


@dataclass(frozen=True)
class EvaluationScans(TrainingScans):
    """Which scans are trained and tested on.

    Attributes
    ----------
    test
        Instead of ``data``: folder of scans to test on.
    truth
        Folder of the truth of their points.
    """

    test: Annotated[Path | None, typer.Option(metavar="DIR", help="Scans to test on.", rich_help_panel=_DATA)] = None
    truth: Annotated[
        Path | None, typer.Option("--gt", metavar="DIR", help="Truth of the points of --test.", rich_help_panel=_DATA)
    ] = None


@dataclass(frozen=True)
class HeadOptions:
    """How the head is trained.

    Attributes
    ----------
    clusters
        Number K.
    steps, batch
        Optimiser steps and groups a step; 0 steps leave the head out.
    rate, decay
        Of AdamW; the rate falls as a cosine.
    iun, ian, push
        Which losses take part.
    """

    clusters: Annotated[int, typer.Option(min=2, metavar="N", help="Clusters of groups.", rich_help_panel=_MODEL)] = 64
    steps: Annotated[
        int, typer.Option(min=0, metavar="N", help="Training steps of the head; 0 for none.", rich_help_panel=_MODEL)
    ] = 300
    batch: int = 2048
    rate: float = 1e-3
    decay: float = 1e-2
    iun: Annotated[
        bool, typer.Option("--iun/--no-iun", help="Spread clusters (inter-cluster uniformity).", rich_help_panel=_MODEL)
    ] = True
    ian: Annotated[
        bool, typer.Option("--ian/--no-ian", help="Gather clusters (intra-cluster alignment).", rich_help_panel=_MODEL)
    ] = True
    push: Annotated[
        bool,
        typer.Option("--push/--no-push", help="Push pseudo-defects off; not in the paper.", rich_help_panel=_MODEL),
    ] = True


@dataclass(frozen=True)
class Options:
    """How a model is made.

    Attributes
    ----------
    groups, group_size
        Centres of groups in a scan, and places a group.
    bank
        Vectors that the memory bank keeps.
    views
        Virtual views, over all prototypes; half as many prototypes get two each at least.
    head
        Training of the head.
    alpha
        Share of good scans that may be called defective.
    features
        What describes a group.
    """

    groups: Annotated[int, typer.Option(min=64, metavar="N", help="Groups of a scan.", rich_help_panel=_MODEL)] = 2048
    group_size: Annotated[int, typer.Option(min=8, metavar="N", help="Points of a group.", rich_help_panel=_MODEL)] = 64
    bank: Annotated[
        int, typer.Option(min=16, metavar="N", help="Groups that the memory bank keeps.", rich_help_panel=_MODEL)
    ] = 10_000
    views: Annotated[
        int, typer.Option(min=2, metavar="N", help="Virtual one-sided views of the prototypes.", rich_help_panel=_MODEL)
    ] = 12
    head: HeadOptions = field(default_factory=HeadOptions)
    alpha: Annotated[
        float,
        typer.Option(
            min=1e-6, max=0.5, metavar="X", help="Share of good scans called defective.", rich_help_panel=_MODEL
        ),
    ] = 0.05
    features: Annotated[
        Features, typer.Option(help="What describes a group; pointmae needs --weights.", rich_help_panel=_MODEL)
    ] = "hybrid"


@dataclass(frozen=True)
class Place:
    """Where the models compute and what they need for it.

    Attributes
    ----------
    weights
        File of Point-MAE's weights; None for none, or for those that a model was trained with.
    device
        Where Point-MAE works.
    """

    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Point-MAE's pretrain.pth.", rich_help_panel=_MODEL)
    ] = None
    device: str = "cpu"

    def on(self, device: object) -> Self:
        """Return the same on another device."""
        return replace(self, device=str(device))


@dataclass(frozen=True)
class ScoringPlace(Place):
    """Where scans are scored.

    Attributes
    ----------
    max_memory_gb
        What the process may take; None for what the machine has.
    """

    max_memory_gb: Annotated[
        float | None,
        typer.Option(
            "--max-memory",
            min=0.1,
            metavar="GB",
            help="Work in smaller steps, or refuse a scan, rather than take more.",
            rich_help_panel=_SCORING,
        ),
    ] = None

    @property
    def max_memory(self) -> float | None:
        """The same in bytes."""
        return None if self.max_memory_gb is None else self.max_memory_gb * 1e9


@dataclass(frozen=True)
class ScoringOptions:
    """How scans are scored and what is written of them.

    Attributes
    ----------
    agcs
        Where more groups go.
    save
        Which files are written of a scan, of `SAVED`.
    """

    agcs: Annotated[
        Selection,
        typer.Option(
            help="Where more groups go: differences to the reference, edges, nowhere.", rich_help_panel=_SCORING
        ),
    ] = "relative"
    save: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="LIST",
            help="Of scores, ply, regions, png; png also makes the report, of scans that are not normal.",
            rich_help_panel=_SCORING,
        ),
        Names(SAVED),
    ] = ("scores", "regions", "png")


@dataclass(frozen=True)
class PoseOptions:
    """How the pose of a scan is found.

    Attributes
    ----------
    registration
        ``auto`` searches, ``given`` begins at ``init`` and refines, ``none`` takes ``init`` as it is.
    init
        JSON file of the pose to begin at; the identity without one.
    """

    registration: Annotated[
        RegistrationMode, typer.Option(help="Search the pose, refine --init, or take it.", rich_help_panel=_SCORING)
    ] = "auto"
    init: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="JSON with scan_to_reference, 4 x 4.", rich_help_panel=_SCORING),
    ] = None


@dataclass(frozen=True)
class MeasuringOptions:
    """How scores are measured, and beside what.

    Attributes
    ----------
    methods
        Of `OURS`, which is always measured, and `BASELINES`.
    protocol
        ``reg3d`` measures as the code of Reg3D-AD does.
    resamples
        Of the bootstrap; 0 for no intervals.
    """

    methods: Annotated[
        tuple[str, ...],
        typer.Option(metavar="LIST", help="ours and baselines, or all; on the same poses.", rich_help_panel=_MEASURING),
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
            help="Resamples of the intervals; 0 for none.",
            rich_help_panel=_MEASURING,
        ),
    ] = 1000

    @property
    def baselines(self) -> tuple[Baseline, ...]:
        """The baselines among the methods."""
        return tuple(name for name in BASELINES if name in self.methods)

    @property
    def points_from(self) -> PointsFrom:
        """Where the protocol takes the points of defective scans from."""
        return "truth" if self.protocol == "reg3d" else "scan"


@dataclass(frozen=True)
class EvaluationOptions(MeasuringOptions):
    """What `evaluate` can measure besides.

    Attributes
    ----------
    ablate
        Whether the models of the ablation are trained and measured.
    """

    ablate: Annotated[
        bool,
        typer.Option("--ablate", help="Also base, +IUN, +IAN, +push, +AGCS, one by one.", rich_help_panel=_MEASURING),
    ] = False


@dataclass(frozen=True)
class Recipe:
    """What a made data set holds.

    Attributes
    ----------
    parts
        How many classes, the first ones of `vision_cli.phantoms.parts.parts.PARTS`.
    points
        About how many points each scan has.
    suite
        How hard it is: one of `vision_cli.phantoms.parts.defects.SUITES`.
    seed
        The same seed makes the same data set.
    prototypes, good, defective
        How many scans of each kind a class has; the kinds of defects take turns.
    prototype_points
        About how many points each prototype has, which shows all sides; 0 for as many as the other scans.
    """

    parts: Annotated[int, typer.Option("--count", "-n", min=1, max=8, metavar="N", help="How many parts.")] = 6
    points: Annotated[int, typer.Option(min=1000, metavar="N", help="About how many points a scan.")] = 100_000
    suite: Annotated[
        Literal["rigid", "tolerance", "subtle"], typer.Option(help="How instances and defects differ.")
    ] = "tolerance"
    seed: int = 0
    prototypes: Annotated[int, typer.Option(min=1, metavar="N", help="Good scans of all sides, a part.")] = 4
    good: Annotated[int, typer.Option(min=0, metavar="N", help="Good test scans, a part.")] = 20
    defective: Annotated[int, typer.Option(min=0, metavar="N", help="Defective test scans, a part.")] = 40
    prototype_points: Annotated[
        int, typer.Option(min=0, metavar="N", help="About how many points a prototype; 0 for as many as a scan.")
    ] = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be made."""
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
