"""Settings of the task: the options of its verbs, and arguments of its functions in Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.words import Duration, Names, Numbers, Size, Words
from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.names import (
    BASELINES,
    DEFAULT_POOL,
    EXPORTS,
    PAPER_POOL,
    SPACE_NAMES,
    Architecture,
    AugmentationChoice,
    ImageLayout,
    Method,
    Outside,
    PictureFormat,
    Select,
    SelectLevel,
)

_DATA, _NETWORK, _SEARCH, _TRAINING = "Data", "Network", "Search", "Training"

POOL = Names(SPACE_NAMES, groups=(("default", DEFAULT_POOL), ("paper", PAPER_POOL)), least=1)
SPACES_ALONE = Names(SPACE_NAMES, groups=POOL.groups, nothing="none")

PoolOption = Annotated[
    tuple[str, ...],
    typer.Option(metavar="NAMES", help="Activation spaces: default, paper, or names.", rich_help_panel=_NETWORK),
    POOL,
]
LevelOption = Annotated[
    SelectLevel,
    typer.Option("--select-level", help="What has its own gates: nodes, edges or layers.", rich_help_panel=_NETWORK),
]
HeaderOption = Annotated[
    bool, typer.Option("--header/--no-header", help="The first line names the columns.", rich_help_panel=_DATA)
]
LayoutOption = Annotated[
    ImageLayout, typer.Option("--layout", help="Layout of the images; detected from file names.", rich_help_panel=_DATA)
]
OutsideOption = Annotated[
    Outside,
    typer.Option(
        "--outside",
        help="Outside the training range: hold the value at its end, go on linear, or refuse.",
    ),
]
PicturesOption = Annotated[bool, typer.Option("--pictures/--no-pictures", help="Write pictures and the report.")]


@dataclass(frozen=True)
class HiddenWidths(Words):
    """Hidden widths of one network as in ``5,3``, or of several as in ``0;5``; 0 is no hidden layer."""

    @property
    def absent(self) -> str:
        """The word for widths chosen by the number of inputs."""
        return "auto"

    def parse(self, option: str, text: str) -> tuple[tuple[int, ...], ...] | None:
        """Return the hidden widths of each network; None for ``auto``."""
        if text == self.absent:
            return None
        try:
            shapes = tuple(tuple(int(word) for word in part.split(",")) for part in text.split(";"))
        except ValueError:
            shapes = ((-1,),)
        if any(width < 0 or (width == 0 and len(shape) > 1) for shape in shapes for width in shape):
            raise UsageError(f"{option}: {text} found; auto, or numbers of hidden nodes such as 5 or 5,3, expected.")
        return tuple(() if shape == (0,) else shape for shape in shapes)

    def text(self, value: tuple[tuple[int, ...], ...] | None) -> str:
        """Return hidden widths as text."""
        return self.absent if value is None else ";".join(",".join(map(str, shape or (0,))) for shape in value)


@dataclass(frozen=True)
class BaselineNames(Words):
    """Baselines separated by commas, some with the path of a checkout: ``pykan,efficient-kan=PATH``."""

    def parse(self, option: str, text: str) -> Mapping[str, Path | None]:
        """Return the baselines with their checkouts; None for a baseline without one."""
        parts = [part.strip().partition("=") for part in text.split(",")]
        names = Names(BASELINES, nothing="none").parse(option, ",".join(name for name, _, _ in parts))
        checkouts = {name: Path(path) for name, _, path in parts if path}
        return {name: checkouts.get(name) for name in names}

    def text(self, value: Mapping[str, Path | None]) -> str:
        """Return baselines with their checkouts as text."""
        return ",".join(n if path is None else f"{n}={path}" for n, path in value.items()) or "none"


@dataclass(frozen=True)
class TableSource:
    """Source of the data of a fit: a table or a function.

    Attributes
    ----------
    data
        File of a table.
    function, expression, ranges
        Instead of a table: the name of a function, or a formula and the ranges of its variables.
    rows, noise
        Rows to sample from a function, and as many again to test on; standard deviation of the noise on the former, as
        a fraction of the function's.
    target, features, header, impute
        See :func:`vision_cli.kan_fit.tables.data.training_data`.
    val_fraction, test_fraction
        Fractions of the rows to validate and to test on.
    test
        Table to test on, instead of a fraction.
    folds
        Number of parts of the table, each of which is once tested on while all methods are fitted to the others.
    """

    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet, NPZ or Feynman text file.")
    ] = None
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="Fit a function of the suites.", rich_help_panel=_DATA)
    ] = None
    expression: Annotated[
        str | None, typer.Option("--expr", metavar="FORMULA", help="Fit a formula.", rich_help_panel=_DATA)
    ] = None
    ranges: Annotated[
        str | None,
        typer.Option(
            "--range",
            metavar="RANGES",
            help="Ranges of the variables of --expr, as in x=-1:1,y=0:2.",
            rich_help_panel=_DATA,
        ),
    ] = None
    rows: Annotated[
        int, typer.Option(min=50, metavar="N", help="Rows to sample from a function.", rich_help_panel=_DATA)
    ] = 2000
    noise: Annotated[
        float,
        typer.Option(
            min=0, metavar="X", help="Noise on the target, in its standard deviations.", rich_help_panel=_DATA
        ),
    ] = 0.0
    target: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN", help="Column to predict; default y, target, label or the last one.", rich_help_panel=_DATA
        ),
    ] = None
    features: Annotated[
        tuple[str, ...] | None,
        typer.Option(metavar="A,B", help="Columns to use; default all but the target.", rich_help_panel=_DATA),
        Names(),
    ] = None
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.9, metavar="X", help="Fraction of the rows to validate on.", rich_help_panel=_DATA
        ),
    ] = 0.2
    test_fraction: Annotated[
        float,
        typer.Option(min=0.001, max=0.99, metavar="X", help="Fraction of the rows to test on.", rich_help_panel=_DATA),
    ] = 0.2
    test: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Table to test on, instead of a fraction.", rich_help_panel=_DATA),
    ] = None
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, metavar="K", help="Also compare by K-fold cross-validation, with intervals.", rich_help_panel=_DATA
        ),
    ] = None
    header: HeaderOption = True
    impute: Annotated[
        bool,
        typer.Option("--impute", help="Fill missing numbers with the median of their column.", rich_help_panel=_DATA),
    ] = False


@dataclass(frozen=True)
class SearchOptions:
    """Settings of the search for a network.

    Attributes
    ----------
    hidden
        Hidden widths to try; None to choose by the number of inputs.
    pool
        Spaces to select from.
    level
        What has its own gates: each node, each edge, or the layer.
    select
        ``validated`` compares modes by validation error, ``gate`` selects by the gates alone, ``none`` keeps all
        spaces.
    grid, refine
        Coarsest grid, and grids from coarse to fine; see `grids`.
    optimiser
        ``lm``, ``lbfgs`` or ``adamw``; ``auto`` chooses by the size of the problem.
    steps
        Optimiser steps between two updates of the ranges of hidden nodes.
    restarts
        Number of initial weights to try on the coarsest grid.
    outside
        What the model does outside the training range: ``hold`` functions at their end, go on ``linear``, ``refuse``
        rows; ``auto`` chooses between the first two by validation.
    budget_s
        Seconds after which no further network is begun.
    seed
        Of the initial weights.
    """

    hidden: Annotated[
        tuple[tuple[int, ...], ...] | None,
        typer.Option(
            "--width",
            metavar="N,N",
            help="Hidden widths; 0 for no hidden layer, auto tries several.",
            rich_help_panel=_NETWORK,
        ),
        HiddenWidths(),
    ] = None
    pool: PoolOption = DEFAULT_POOL
    level: LevelOption = "node"
    select: Annotated[
        Select,
        typer.Option(
            help="How modes are selected: by validation error, by gates alone, or not.", rich_help_panel=_NETWORK
        ),
    ] = "validated"
    grid: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Intervals of the coarsest grid.", rich_help_panel=_SEARCH)
    ] = None
    refine: Annotated[
        tuple[int, ...],
        typer.Option(metavar="N,N", help="Intervals of the grids, from coarse to fine.", rich_help_panel=_SEARCH),
        Numbers(int, least=1, rising=True),
    ] = (5, 10, 20, 40)
    optimiser: Annotated[
        Method, typer.Option("--optimizer", help="Levenberg-Marquardt, L-BFGS or AdamW.", rich_help_panel=_SEARCH)
    ] = "auto"
    steps: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Optimiser steps between two updates of ranges.", rich_help_panel=_SEARCH
        ),
    ] = 12
    restarts: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="Initial weights tried on the coarsest grid.", rich_help_panel=_SEARCH),
    ] = 2
    budget_s: Annotated[
        float | None,
        typer.Option(
            "--budget", metavar="TIME", help="Begin no further network after 120s, 5m, 1h.", rich_help_panel=_SEARCH
        ),
        Duration(),
    ] = None
    outside: OutsideOption = "auto"
    seed: int = 0

    @property
    def grids(self) -> tuple[int, ...]:
        """Grids from coarse to fine."""
        return self.refine if self.grid is None else (self.grid, *(one for one in self.refine if one > self.grid))


@dataclass(frozen=True)
class ImageSource:
    """Source of the images of a training.

    Attributes
    ----------
    data
        Data set of :func:`vision_cli.kan_fit.images.data.read_image_set`; None for scikit-learn's digits.
    layout
        Layout of the data set.
    resize
        Height and width to resize images to; None to keep their size.
    val_fraction, test_fraction
        Fractions of the images to validate and to test on; the latter of a data set without a test part.
    """

    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="Class folders, IDX, NPZ, CIFAR's files, or a CSV of paths and labels."),
    ] = None
    layout: LayoutOption = "auto"
    resize: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="N|WxH", help="Resize images, in pixels.", rich_help_panel=_DATA),
        Size(),
    ] = None
    val_fraction: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.9, metavar="X", help="Fraction of the images to validate on.", rich_help_panel=_DATA
        ),
    ] = 0.15
    test_fraction: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=0.9,
            metavar="X",
            help="Fraction to test on, of data without a test part.",
            rich_help_panel=_DATA,
        ),
    ] = 0.2


@dataclass(frozen=True)
class TrainingOptions:
    """Settings of the training of a classifier.

    Attributes
    ----------
    arch, hidden, pool, level, grid
        See :func:`vision_cli.kan_fit.networks.classifiers.plan_classifier`; ``hidden`` is chosen by the size of the
        images where it is None.
    select
        ``validated`` compares the mixed network with those of a single space by short trials, ``gate`` takes the mixed
        network without a trial, ``none`` keeps all spaces.
    epochs
        Passes over the training images, without the trials of rejected networks.
    batch_size, learning_rate, weight_decay
        Of AdamW.
    augment
        Augmentation of the training images; ``auto`` chooses one by validation.
    """

    arch: Annotated[
        Architecture, typer.Option(help="S-ConvKAN, S-KAN of the pixels, or an ordinary CNN.", rich_help_panel=_NETWORK)
    ] = "conv"
    hidden: Annotated[
        tuple[int, ...] | None,
        typer.Option(
            "--channels",
            metavar="N,N",
            help="Channels of the convolutions, or hidden widths.",
            rich_help_panel=_NETWORK,
        ),
        Numbers(int, least=1, auto="auto"),
    ] = None
    pool: PoolOption = DEFAULT_POOL
    level: LevelOption = "node"
    select: Annotated[
        Select,
        typer.Option(help="How modes are selected: by trials, by gates alone, or not.", rich_help_panel=_NETWORK),
    ] = "validated"
    grid: Annotated[
        int, typer.Option(min=1, metavar="N", help="Intervals of a node's range.", rich_help_panel=_NETWORK)
    ] = 5
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Passes over the training images.", rich_help_panel=_TRAINING)
    ] = 20
    batch_size: Annotated[int, typer.Option(min=2, metavar="N", help="Images a step.", rich_help_panel=_TRAINING)] = 64
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate of AdamW.", rich_help_panel=_TRAINING)
    ] = 1e-2
    weight_decay: Annotated[
        float, typer.Option(min=0, metavar="X", help="Weight decay of AdamW.", rich_help_panel=_TRAINING)
    ] = 1e-2
    augment: Annotated[
        AugmentationChoice,
        typer.Option(
            help="Shift images; basic also flips them horizontally; auto chooses by validation.",
            rich_help_panel=_TRAINING,
        ),
    ] = "auto"


@dataclass(frozen=True)
class ExplainOptions:
    """Settings of an explanation.

    Attributes
    ----------
    picture_format
        ``svg`` or ``png``.
    prune
        Remove edges whose standard deviation is below this fraction of their layer's greatest; None to keep all.
    symbolic
        Whether to find a formula.
    library
        File of the operators to use; None for all.
    save
        Exports of the model and its formula, among `vision_cli.kan_fit.names.EXPORTS`.
    """

    picture_format: Annotated[PictureFormat, typer.Option(help="Format of the pictures.")] = "svg"
    prune: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="X", help="Remove edges below this fraction of their layer's greatest variation."
        ),
    ] = None
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Find a formula.")] = False
    library: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Operators of the formula, one a line; default all.")
    ] = None
    save: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Some of {', '.join(EXPORTS)}; or none."),
        Names(EXPORTS, nothing="none"),
    ] = ()


@dataclass(frozen=True)
class BenchmarkOptions:
    """Settings of a benchmark.

    Attributes
    ----------
    suite
        A name of `vision_cli.kan_fit.formulas.suites.SUITES`, ``digits``, ``tables``, or functions separated by
        commas.
    baselines
        Names of `vision_cli.kan_fit.names.BASELINES`, with the path of a checkout where one is needed.
    alone
        Spaces that ours is also measured with, each alone.
    rows, noise
        See `TableSource`.
    threads
        Threads of each process.
    seed
        Of data and fits; the first of five seeds with digits.
    """

    suite: Annotated[str, typer.Option(metavar="NAME", help="s7, toy5, feynman20, digits, tables, or functions.")] = (
        "s7"
    )
    baselines: Annotated[
        Mapping[str, Path | None],
        typer.Option(metavar="A,B", help="pykan, efficient-kan[=PATH], mlp, lightgbm, gplearn, ridge; or none."),
        BaselineNames(),
    ] = field(default_factory=lambda: dict.fromkeys(BASELINES))
    alone: Annotated[
        tuple[str, ...],
        typer.Option(metavar="SPACES", help="Spaces that ours is also measured with, each alone; or none."),
        SPACES_ALONE,
    ] = ()
    rows: Annotated[int, typer.Option(min=50, metavar="N", help="Rows to sample from each function.")] = 2000
    noise: Annotated[
        float, typer.Option(min=0, metavar="X", help="Noise on the target, in its standard deviations.")
    ] = 0.0
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads of each method.")] = 1
    seed: int = 0
