"""Settings of the task: their fields are the options of the command line, and hold every default."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.words import Names, NumberOr, Numbers, Size

_FACE, _PULSE, _LOSS = "Face", "Pulse", "Loss"

Detector = Literal["haar", "lbp", "yunet"]
"""What finds faces."""

Classical = Literal["green", "ica", "chrom", "pbv", "pos", "lgi", "omit"]
"""A method without training."""

Method = Literal["auto", "net", "pos", "chrom", "lgi", "omit", "ica", "green", "pbv"]
"""What reads pulses: the network, a method without training, or in each window the most trustworthy one."""

Layout = Literal["ubfc", "pure", "cohface", "ubfc-phys", "mmpd", "scamps", "ibvp", "lgi", "physdrive", "manifest"]
"""How the videos and labels of a data set lie in its folders."""

ScoringProtocol = Literal["fine", "toolbox"]
"""How heart rates are read for scores: peaks between the bins of spectra, or as rPPG-Toolbox does."""

Kept = Literal["best", "last"]
"""The weights that validate best, or the last ones."""

Update = Literal["all", "bn", "encoder"]
"""All weights, those of batch normalisation alone, or all but the decoder's."""

Recipe = Literal["robust", "paper"]
"""The loss of an adaptation."""

Branches = Literal["ost", "os", "ot"]
"""Branches that take part: original, spatial, temporal."""

Distance = Literal["fwd", "mse", "kl", "js"]
"""What spectra are compared by."""

Solver = Literal["cdf", "pot"]
"""How the Wasserstein distance is found: in closed form, or by POT."""

NETWORK = "net"
"""The name of the network among methods."""

RATES_BPM = (40.0, 200.0)
"""Heart rates that are looked for."""


@dataclass(frozen=True)
class FaceFinding:
    """How faces are found.

    Attributes
    ----------
    detector, face_model
        See :class:`vision_cli.rppg_adapt.faces.detection.FaceDetector`.
    """

    detector: Annotated[Detector, typer.Option(help="How faces are found.", rich_help_panel=_FACE)] = "haar"
    face_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model of --detector yunet.", rich_help_panel=_FACE)
    ] = None


@dataclass(frozen=True)
class PulseOptions:
    """How pulses are read.

    Attributes
    ----------
    method
        One method, or ``auto``: the most trustworthy one in each window.
    window_s, step_s
        Length of a window and distance of two, in seconds.
    rates_bpm
        Lowest and highest heart rate.
    fps
        Rate to take instead of the video's times.
    tta
        Steps of adaptation to each video before it is read; 0 for none.
    hrv, respiration
        Whether these are measured too.
    roi
        Left, top, width and height of a box to read instead of faces, in pixels.
    finding, faces
        See :func:`vision_cli.rppg_adapt.faces.extraction.read_faces`.
    """

    method: Annotated[
        Method, typer.Option(help="auto takes the most trustworthy one in each window.", rich_help_panel=_PULSE)
    ] = "auto"
    window_s: Annotated[
        float,
        typer.Option("--window", min=5, max=60, metavar="S", help="Length of a window.", rich_help_panel=_PULSE),
    ] = 10.0
    step_s: Annotated[
        float, typer.Option("--step", min=0.1, metavar="S", help="Distance of two windows.", rich_help_panel=_PULSE)
    ] = 1.0
    rates_bpm: Annotated[
        tuple[float, float],
        typer.Option("--hr-range", metavar="LOW,HIGH", help="Heart rates to look for, bpm.", rich_help_panel=_PULSE),
        Numbers(float, count=2, least=20, most=300, rising=True, unit="bpm"),
    ] = RATES_BPM
    fps: Annotated[
        float | None, typer.Option(metavar="HZ", help="Rate instead of the file's times.", rich_help_panel=_PULSE)
    ] = None
    tta: Annotated[
        int, typer.Option(min=0, metavar="N", help="Steps of adaptation to each video.", rich_help_panel=_PULSE)
    ] = 0
    hrv: Annotated[bool, typer.Option("--hrv", help="Heart rate variability too.", rich_help_panel=_PULSE)] = False
    respiration: Annotated[bool, typer.Option("--resp", help="Respiration rate too.", rich_help_panel=_PULSE)] = False
    roi: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(metavar="X,Y,W,H", help="Box to read instead of faces, pixels.", rich_help_panel=_FACE),
        Numbers(float, count=4, unit="pixels"),
    ] = None
    finding: FaceFinding = field(default_factory=FaceFinding)
    faces: Annotated[
        int, typer.Option(min=1, metavar="N", help="Faces to read, largest first.", rich_help_panel=_FACE)
    ] = 1


@dataclass(frozen=True)
class Preprocessing:
    """How videos become clips.

    Attributes
    ----------
    size
        Rows and columns of the crops.
    fps
        Frames a second of the clips, whatever the cameras' are.
    stmap
        Whether spatio-temporal maps are kept too.
    finding
        How faces are found.
    """

    size: Annotated[int, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of the crops.")] = 36
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames a second of the clips.")] = 30.0
    stmap: Annotated[bool, typer.Option("--stmap", help="Keep spatio-temporal maps too.")] = False
    finding: FaceFinding = field(default_factory=FaceFinding)


@dataclass(frozen=True)
class Synthesis:
    """Which videos are made.

    Attributes
    ----------
    count, seconds, preset, fps, size, bpm
        See :class:`vision_cli.phantoms.faces.pulse_videos.PulseVideo`; ``size`` is height and width.
    """

    count: Annotated[int, typer.Option("--count", "-n", min=1, metavar="N", help="Videos to make.")] = 8
    seconds: Annotated[float, typer.Option(min=2, max=3600, metavar="S", help="Length of each.")] = 20.0
    preset: Annotated[Literal["easy", "hard", "shift"], typer.Option(help="shift: dark skin, low light, JPEG.")] = (
        "hard"
    )
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames a second.")] = 30.0
    size: Annotated[
        tuple[int, int], typer.Option(metavar="WxH", help="Pixels."), Size(least=64, most=4096, multiple=2)
    ] = (240, 320)
    bpm: Annotated[float | None, typer.Option(min=30, max=220, metavar="BPM", help="Heart rate of all.")] = None


@dataclass(frozen=True)
class NetworkChoice:
    """A network from new; None is what `vision_cli.rppg_adapt.networks.files.ModelSettings` has by default.

    Attributes
    ----------
    backbone
        Which network.
    normalisation
        Of its input: changes from frame to frame, or pixels.
    size
        Rows and columns of its clips.
    """

    backbone: Annotated[Literal["lite", "physnet"] | None, typer.Option(help="Network; lite by default.")] = None
    normalisation: Annotated[
        Literal["diff", "standard"] | None,
        typer.Option("--input", help="What the network sees: changes, which is the default, or pixels."),
    ] = None
    size: Annotated[int | None, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of clips.")] = None


@dataclass(frozen=True)
class SourceTraining:
    """How a network is trained on labelled clips.

    Attributes
    ----------
    val_fraction
        Share of the subjects of a cache that are held out.
    frames
        Frames of a training clip.
    epochs
        Passes over a cache.
    steps
        Steps instead of passes; None for passes, of clips without end for `ENDLESS_STEPS`.
    batch_size, learning_rate
        How fast.
    keep
        The weights that validate best, or the last ones: of clips without end nothing is learnt by heart, and once
        nearly all held-out clips are right they no longer tell weights apart.
    validate_every, save_every
        Steps between validations and between checkpoints.
    """

    val_fraction: Annotated[float, typer.Option(min=0.05, max=0.9, metavar="X", help="Share of subjects held out.")] = (
        0.2
    )
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a training clip.")] = 160
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the cache.")] = 30
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Steps instead of epochs.")] = None
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Clips a step.")] = 8
    learning_rate: Annotated[float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.")] = 2e-3
    keep: Annotated[Kept, typer.Option(help="Weights to keep: best in validation, or the last ones.")] = "best"
    validate_every: int = 100
    save_every: int = 50

    def steps_over(self, clips: int | None) -> int:
        """Return the steps of a training on so many clips; None for clips without end."""
        if self.steps is not None:
            return self.steps
        return ENDLESS_STEPS if clips is None else max(1, self.epochs * clips // self.batch_size)


ENDLESS_STEPS = 2000
"""Steps of a training on clips without end."""


@dataclass(frozen=True)
class LossOptions:
    """The loss of an adaptation; see `vision_cli.rppg_adapt.training.losses.AdaptLoss`.

    Attributes
    ----------
    recipe
        ``robust``, or ``paper``: FWD between branches and to the source alone.
    branches
        Those that take part.
    distance
        Between spectra; None for that of the recipe.
    order, solver
        Of FWD.
    anchor
        Weight of the source; None for that of the recipe.
    """

    recipe: Annotated[Recipe, typer.Option("--loss", help="paper: FWD alone.", rich_help_panel=_LOSS)] = "robust"
    branches: Annotated[
        Branches, typer.Option(help="Original, spatial and temporal branch.", rich_help_panel=_LOSS)
    ] = "ost"
    distance: Annotated[
        Distance | None,
        typer.Option(help="Between spectra: fwd for paper, mse for robust.", rich_help_panel=_LOSS),
    ] = None
    order: Annotated[
        int, typer.Option("--fwd-p", min=1, max=4, metavar="P", help="Order of FWD.", rich_help_panel=_LOSS)
    ] = 1
    solver: Annotated[Solver, typer.Option("--fwd-solver", help="Closed form, or POT.", rich_help_panel=_LOSS)] = "cdf"
    anchor: Annotated[
        float | None, typer.Option(min=0, metavar="X", help="Weight of the source.", rich_help_panel=_LOSS)
    ] = None


@dataclass(frozen=True)
class Adaptation:
    """How a network is adapted.

    Attributes
    ----------
    loss
        Of the branches.
    update
        Which weights change.
    epochs
        Passes over the clips, 20 s of a clip counting as one.
    batch_size, learning_rate
        How fast.
    frames
        Frames of a view.
    adapt_fraction
        Share of the subjects of a cache that are adapted to; with 1 all of them, which are then also the test.
    steps
        Steps instead of passes.
    validate_every
        Steps between two looks at the unlabelled score; a tenth of all by default.
    """

    loss: LossOptions = field(default_factory=LossOptions)
    update: Annotated[Update, typer.Option(help="Which weights change.")] = "all"
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the clips.")] = 10
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Clips a step.")] = 4
    learning_rate: Annotated[float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.")] = 1e-3
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a clip.")] = 160
    adapt_fraction: Annotated[
        float, typer.Option(min=0.1, max=1, metavar="X", help="Share of subjects to adapt on.")
    ] = 0.7
    steps: int | None = None
    validate_every: int | None = None

    def steps_over(self, clips: int) -> int:
        """Return the steps of an adaptation to so many clips."""
        return self.steps if self.steps is not None else max(1, math.ceil(self.epochs * clips / self.batch_size))


@dataclass(frozen=True)
class Scoring:
    """How heart rates are scored against labels.

    Attributes
    ----------
    methods
        Methods to score on a cache: the network, and those without training.
    protocol
        None for rPPG-Toolbox's of its own outputs, and peaks between bins of a cache.
    window_s
        Length of the windows in seconds; None for whole videos.
    group_by
        Column of the cache's index to also score groups by.
    """

    methods: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Methods to score on a cache."),
        Names((NETWORK, *get_args(Classical))),
    ] = (NETWORK, "pos", "chrom")
    protocol: Annotated[
        ScoringProtocol | None,
        typer.Option(help="Peaks between bins, or rPPG-Toolbox's; of a pickle the latter by default."),
    ] = None
    window_s: Annotated[
        float | None,
        typer.Option("--window", metavar="full|S", help="Whole videos, or windows in seconds."),
        NumberOr("full", least=5),
    ] = None
    group_by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Also score groups of videos.")] = None
