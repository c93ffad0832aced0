"""The settings of the task: what its verbs take as options, and what its functions take from Python."""

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
    Augmentation,
    ImageLayout,
    Method,
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
LevelOption = Annotated[SelectLevel, typer.Option("--select-level", help="What has a gate.", rich_help_panel=_NETWORK)]
HeaderOption = Annotated[
    bool, typer.Option("--header/--no-header", help="The first line names columns.", rich_help_panel=_DATA)
]
LayoutOption = Annotated[
    ImageLayout, typer.Option("--layout", help="Layout of the images; recognised by names.", rich_help_panel=_DATA)
]
PicturesOption = Annotated[bool, typer.Option("--pictures/--no-pictures", help="Write pictures and the report.")]


@dataclass(frozen=True)
class HiddenWidths(Words):
    """Numbers of hidden nodes: of one network as in ``5,3``, of several as in ``0;5``; 0 stands for no hidden layer."""

    @property
    def absent(self) -> str:
        """The word for widths that follow from the data."""
        return "auto"

    def parse(self, option: str, text: str) -> tuple[tuple[int, ...], ...] | None:
        """Return the widths of each network."""
        if text == self.absent:
            return None
        try:
            shapes = tuple(tuple(int(word) for word in part.split(",")) for part in text.split(";"))
        except ValueError:
            shapes = ((-1,),)
        if any(width < 0 or (width == 0 and len(shape) > 1) for shape in shapes for width in shape):
            raise UsageError(f"{option}: {text} found; auto, or numbers of hidden nodes, as in 5 or 5,3, expected.")
        return tuple(() if shape == (0,) else shape for shape in shapes)

    def text(self, value: tuple[tuple[int, ...], ...] | None) -> str:
        """Return the widths, those of several networks with semicolons between them."""
        return self.absent if value is None else ";".join(",".join(map(str, shape or (0,))) for shape in value)


@dataclass(frozen=True)
class BaselineNames(Words):
    """Baselines separated by commas, with the path of a checkout where there is one: ``pykan,efficient-kan=PATH``."""

    def parse(self, option: str, text: str) -> Mapping[str, Path | None]:
        """Return the baselines with their checkouts."""
        parts = [part.strip().partition("=") for part in text.split(",")]
        names = Names(BASELINES, nothing="none").parse(option, ",".join(name for name, _, _ in parts))
        checkouts = {name: Path(path) for name, _, path in parts if path}
        return {name: checkouts.get(name) for name in names}

    def text(self, value: Mapping[str, Path | None]) -> str:
        """Return the names, with their checkouts."""
        return ",".join(n if path is None else f"{n}={path}" for n, path in value.items()) or "none"


@dataclass(frozen=True)
class TableSource:
    """Where the data of a fit come from: a table or a function.

    Attributes
    ----------
    data
        File with a table.
    function, expression, ranges
        Instead of a table: the name of a function, or a formula and the ranges of its variables.
    rows, noise
        Rows to draw from a function, as many again to test on, and the noise on the former, as a share of the
        function's standard deviation.
    target, features, header, impute
        Which columns, see `vision_cli.kan_fit.tables.data`.
    val_fraction, test_fraction
        Shares of the rows.
    test
        Table to test on, instead of a share.
    """

    data: Annotated[
        Path | None, typer.Argument(metavar="DATA", help="CSV, TSV, Parquet, NPZ or Feynman's text file.")
    ] = None
    function: Annotated[
        str | None, typer.Option(metavar="NAME", help="A function of the suites instead.", rich_help_panel=_DATA)
    ] = None
    expression: Annotated[
        str | None, typer.Option("--expr", metavar="FORMULA", help="A formula to sample.", rich_help_panel=_DATA)
    ] = None
    ranges: Annotated[
        str | None,
        typer.Option("--range", metavar="RANGES", help="x=-1:1,y=0:2; of --expr.", rich_help_panel=_DATA),
    ] = None
    rows: Annotated[
        int, typer.Option(min=50, metavar="N", help="Rows to sample of a function.", rich_help_panel=_DATA)
    ] = 2000
    noise: Annotated[
        float, typer.Option(min=0, metavar="X", help="Noise on them, in standard deviations.", rich_help_panel=_DATA)
    ] = 0.0
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column to predict; y, target or the last one.", rich_help_panel=_DATA),
    ] = None
    features: Annotated[
        tuple[str, ...] | None,
        typer.Option(metavar="A,B", help="Columns to use; all others.", rich_help_panel=_DATA),
        Names(),
    ] = None
    val_fraction: Annotated[
        float,
        typer.Option(min=0.01, max=0.9, metavar="X", help="Share of the rows that chooses.", rich_help_panel=_DATA),
    ] = 0.2
    test_fraction: Annotated[
        float,
        typer.Option(min=0.001, max=0.99, metavar="X", help="Share of the rows to test on.", rich_help_panel=_DATA),
    ] = 0.2
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A table to test on instead.", rich_help_panel=_DATA)
    ] = None
    header: HeaderOption = True
    impute: Annotated[
        bool, typer.Option("--impute", help="Fill missing numbers with medians.", rich_help_panel=_DATA)
    ] = False


@dataclass(frozen=True)
class SearchOptions:
    """How a network is searched.

    Attributes
    ----------
    hidden
        Hidden widths to try; None to choose by the number of inputs.
    pool
        Spaces to select from.
    level
        What selects.
    select
        How: by validation, by the gates alone, or not at all.
    grid, refine
        Coarsest grid, and grids from coarse to fine; see `grids`.
    optimiser
        ``lm``, ``lbfgs`` or ``adamw``; ``auto`` by the size of the problem.
    steps
        Optimiser steps between two looks at the ranges of hidden nodes.
    restarts
        Start values that are tried on the coarsest grid.
    budget_s
        Seconds after which no further network is begun.
    seed
        Of the start values.
    """

    hidden: Annotated[
        tuple[tuple[int, ...], ...] | None,
        typer.Option(
            "--width", metavar="N,N", help="Hidden nodes; 0 for none, 'auto' tries some.", rich_help_panel=_NETWORK
        ),
        HiddenWidths(),
    ] = None
    pool: PoolOption = DEFAULT_POOL
    level: LevelOption = "node"
    select: Annotated[
        Select,
        typer.Option(help="Selection: compared on validation data, by gates alone, none.", rich_help_panel=_NETWORK),
    ] = "validated"
    grid: Annotated[int | None, typer.Option(min=1, metavar="N", help="Coarsest grid.", rich_help_panel=_SEARCH)] = None
    refine: Annotated[
        tuple[int, ...],
        typer.Option(metavar="N,N", help="Grids from coarse to fine.", rich_help_panel=_SEARCH),
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
        int, typer.Option(min=1, metavar="N", help="Start values tried on the coarsest grid.", rich_help_panel=_SEARCH)
    ] = 2
    budget_s: Annotated[
        float | None,
        typer.Option(
            "--budget", metavar="TIME", help="Begin no further network after 120s, 5m, 1h.", rich_help_panel=_SEARCH
        ),
        Duration(),
    ] = None
    seed: int = 0

    @property
    def grids(self) -> tuple[int, ...]:
        """Grids from coarse to fine."""
        return self.refine if self.grid is None else (self.grid, *(one for one in self.refine if one > self.grid))


@dataclass(frozen=True)
class ImageSource:
    """Where the images of a training come from.

    Attributes
    ----------
    data
        What :func:`vision_cli.kan_fit.images.data.read_image_set` reads; None for scikit-learn's digits.
    layout
        How they are laid out.
    resize
        Height and width to bring them to.
    val_fraction, test_fraction
        Shares that choose and that test; the latter of data that are not divided.
    """

    data: Annotated[
        Path | None,
        typer.Argument(metavar="DATA", help="Class folders, IDX, NPZ, CIFAR's files, or a CSV of paths and labels."),
    ] = None
    layout: LayoutOption = "auto"
    resize: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="N|WxH", help="Bring images to a size in pixels.", rich_help_panel=_DATA),
        Size(),
    ] = None
    val_fraction: Annotated[
        float,
        typer.Option(min=0.01, max=0.9, metavar="X", help="Share of the images that chooses.", rich_help_panel=_DATA),
    ] = 0.15
    test_fraction: Annotated[
        float,
        typer.Option(min=0.01, max=0.9, metavar="X", help="Share to test on, if undivided.", rich_help_panel=_DATA),
    ] = 0.2


@dataclass(frozen=True)
class TrainingOptions:
    """How a classifier is trained.

    Attributes
    ----------
    arch, hidden, pool, level, grid
        See :func:`vision_cli.kan_fit.networks.classifiers.plan_classifier`; ``hidden`` follows from the size of the
        images where it is None.
    select
        ``validated`` tries the mixed network against those of one space each, ``gate`` takes it untried, ``none``
        keeps all spaces.
    epochs
        Passes over the training images in all, trials of networks that lose aside.
    batch_size, learning_rate, weight_decay
        Of AdamW.
    augment
        Of the training images.
    """

    arch: Annotated[
        Architecture, typer.Option(help="S-ConvKAN, S-KAN of the pixels, an ordinary CNN.", rich_help_panel=_NETWORK)
    ] = "conv"
    hidden: Annotated[
        tuple[int, ...] | None,
        typer.Option(
            "--channels",
            metavar="N,N",
            help="Channels of convolutions, widths of dense layers.",
            rich_help_panel=_NETWORK,
        ),
        Numbers(int, least=1, auto="auto"),
    ] = None
    pool: PoolOption = DEFAULT_POOL
    level: LevelOption = "node"
    select: Annotated[
        Select,
        typer.Option(help="Selection: tried on validation images, by gates alone, none.", rich_help_panel=_NETWORK),
    ] = "validated"
    grid: Annotated[
        int, typer.Option(min=1, metavar="N", help="Intervals of a node's range.", rich_help_panel=_NETWORK)
    ] = 5
    epochs: Annotated[
        int, typer.Option(min=1, metavar="N", help="Passes over the images.", rich_help_panel=_TRAINING)
    ] = 20
    batch_size: Annotated[int, typer.Option(min=2, metavar="N", help="Images a step.", rich_help_panel=_TRAINING)] = 64
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="AdamW's rate.", rich_help_panel=_TRAINING)
    ] = 1e-2
    weight_decay: Annotated[
        float, typer.Option(min=0, metavar="X", help="AdamW's decay.", rich_help_panel=_TRAINING)
    ] = 1e-2
    augment: Annotated[
        Augmentation, typer.Option(help="Move images; basic: also mirror them.", rich_help_panel=_TRAINING)
    ] = "none"


@dataclass(frozen=True)
class Explanation:
    """What an explanation is to have.

    Attributes
    ----------
    picture_format
        ``svg`` or ``png``.
    prune
        Leave out edges that vary by less than this share of their layer's largest; None to keep all.
    symbolic
        Find a formula.
    library
        File with the operators to use.
    save
        The model or its formula in the forms of other programs, some of `vision_cli.kan_fit.names.EXPORTS`.
    """

    picture_format: Annotated[PictureFormat, typer.Option(help="Format of the pictures.")] = "svg"
    prune: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="Leave out edges below this share of their layer's largest."),
    ] = None
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Find a formula.")] = False
    library: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Operators of the formula, one a line; all without.")
    ] = None
    save: Annotated[
        tuple[str, ...],
        typer.Option(metavar="A,B", help=f"Some of {', '.join(EXPORTS)}; or none."),
        Names(EXPORTS, nothing="none"),
    ] = ()


@dataclass(frozen=True)
class Comparison:
    """What a benchmark measures.

    Attributes
    ----------
    suite
        A name of `vision_cli.kan_fit.formulas.suites.SUITES`, ``digits``, or names of functions separated by commas.
    baselines
        Names of `vision_cli.kan_fit.names.BASELINES`, with the path of a checkout where one is needed.
    alone
        Spaces that ours is also measured with, one by one.
    rows, noise
        Of the functions, as of `TableSource`.
    threads
        Of every process.
    seed
        Of data and fits; the first of five with digits.
    """

    suite: Annotated[str, typer.Option(metavar="NAME", help="s7, toy5, feynman20, digits, or names of functions.")] = (
        "s7"
    )
    baselines: Annotated[
        Mapping[str, Path | None],
        typer.Option(metavar="A,B", help="Some of pykan, efficient-kan[=PATH], mlp, lightgbm, gplearn; or none."),
        BaselineNames(),
    ] = field(default_factory=lambda: dict.fromkeys(BASELINES))
    alone: Annotated[
        tuple[str, ...],
        typer.Option(metavar="SPACES", help="Spaces that ours is also measured with, one by one; or none."),
        SPACES_ALONE,
    ] = ()
    rows: Annotated[int, typer.Option(min=50, metavar="N", help="Rows of each function.")] = 2000
    noise: Annotated[float, typer.Option(min=0, metavar="X", help="Noise on them, in standard deviations.")] = 0.0
    threads: Annotated[int, typer.Option(min=1, metavar="N", help="Threads of every method.")] = 1
    seed: int = 0
