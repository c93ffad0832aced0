"""Settings of the task; their fields are the command-line options with their defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.words import Names, NumberOr, Numbers, Size

_FACE, _PULSE, _LOSS = "Face", "Pulse", "Loss"

Detector = Literal["haar", "lbp", "yunet"]
"""A face detector; see :class:`vision_cli.io.faces.detection.FaceDetector`."""

TrainingFreeMethod = Literal["green", "ica", "chrom", "pbv", "pos", "lgi", "omit"]
"""A training-free method."""

Method = Literal["auto", "net", "pos", "chrom", "lgi", "omit", "ica", "green", "pbv"]
"""A method of estimating pulses: the network, a training-free method, or ``auto``, the best of several per window."""

Layout = Literal["ubfc", "pure", "cohface", "ubfc-phys", "mmpd", "scamps", "ibvp", "lgi", "physdrive", "manifest"]
"""The folder layout of a data set."""

ScoringProtocol = Literal["fine", "toolbox"]
"""Heart rates for scores: interpolated peaks of spectra, or the protocol of rPPG-Toolbox."""

KeptWeights = Literal["best", "last"]
"""The weights with the best validation score, or the last ones."""

Update = Literal["all", "bn", "encoder"]
"""Weights that an adaptation changes: all, those of batch normalisation only, or all except the decoder's."""

Recipe = Literal["robust", "paper"]
"""The loss of an adaptation."""

Branches = Literal["ost", "os", "ot"]
"""Branches that are used: original, spatial, temporal."""

Distance = Literal["fwd", "mse", "kl", "js"]
"""A distance of spectra."""

Solver = Literal["cdf", "pot"]
"""A solver of the Wasserstein distance: closed form, or POT."""

NETWORK = "net"
"""The name of the network among methods."""

RATES_BPM = (40.0, 200.0)
"""Lowest and highest heart rate, bpm."""


@dataclass(frozen=True)
class FaceDetection:
    """Settings of the face detector.

    Attributes
    ----------
    detector, face_model
        See :class:`vision_cli.io.faces.detection.FaceDetector`.
    """

    detector: Annotated[Detector, typer.Option(help="Face detector.", rich_help_panel=_FACE)] = "haar"
    face_model: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Model file of --detector yunet.", rich_help_panel=_FACE)
    ] = None


@dataclass(frozen=True)
class PulseOptions:
    """Settings of pulse estimation.

    Attributes
    ----------
    method
        One method, or ``auto``: the method with the highest quality in each window.
    window_s, step_s
        Length of a window, and time between the starts of two, in seconds.
    rates_bpm
        Lowest and highest heart rate.
    fps
        Frames per second, instead of the video's times.
    tta
        Steps of test-time adaptation to each video; 0 for none.
    hrv, respiration
        Whether to compute heart rate variability and respiration rate.
    roi
        Left, top, width and height of a fixed box in pixels, instead of detected faces.
    detection, faces
        See :func:`vision_cli.rppg_adapt.faces.extraction.read_faces`.
    """

    method: Annotated[
        Method, typer.Option(help="Method; auto takes the most reliable one per window.", rich_help_panel=_PULSE)
    ] = "auto"
    window_s: Annotated[
        float,
        typer.Option("--window", min=5, max=60, metavar="S", help="Length of a window, s.", rich_help_panel=_PULSE),
    ] = 10.0
    step_s: Annotated[
        float,
        typer.Option("--step", min=0.1, metavar="S", help="Time between two windows, s.", rich_help_panel=_PULSE),
    ] = 1.0
    rates_bpm: Annotated[
        tuple[float, float],
        typer.Option("--hr-range", metavar="LOW,HIGH", help="Range of heart rates, bpm.", rich_help_panel=_PULSE),
        Numbers(float, count=2, least=20, most=300, rising=True, unit="bpm"),
    ] = RATES_BPM
    fps: Annotated[
        float | None,
        typer.Option(metavar="HZ", help="Frame rate, instead of the file's times.", rich_help_panel=_PULSE),
    ] = None
    tta: Annotated[
        int, typer.Option(min=0, metavar="N", help="Steps of test-time adaptation per video.", rich_help_panel=_PULSE)
    ] = 0
    hrv: Annotated[bool, typer.Option("--hrv", help="Compute heart rate variability.", rich_help_panel=_PULSE)] = False
    respiration: Annotated[bool, typer.Option("--resp", help="Compute respiration rate.", rich_help_panel=_PULSE)] = (
        False
    )
    roi: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(metavar="X,Y,W,H", help="Fixed box instead of detected faces, px.", rich_help_panel=_FACE),
        Numbers(float, count=4, unit="pixels"),
    ] = None
    detection: FaceDetection = field(default_factory=FaceDetection)
    faces: Annotated[
        int, typer.Option(min=1, metavar="N", help="Maximum number of faces, largest first.", rich_help_panel=_FACE)
    ] = 1


@dataclass(frozen=True)
class Preprocessing:
    """Settings of ``preprocess``.

    Attributes
    ----------
    size
        Rows and columns of the crops.
    fps
        Frames per second of the clips, independent of the cameras' frame rates.
    stmap
        Whether to store spatio-temporal maps too.
    detection
        Settings of the face detector.
    """

    size: Annotated[int, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of the crops.")] = 36
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames per second of the clips.")] = 30.0
    stmap: Annotated[bool, typer.Option("--stmap", help="Store spatio-temporal maps too.")] = False
    detection: FaceDetection = field(default_factory=FaceDetection)


@dataclass(frozen=True)
class Synthesis:
    """Settings of generated videos.

    Attributes
    ----------
    count, seconds, preset, fps, size, bpm
        See :class:`vision_cli.phantoms.faces.pulse_videos.PulseVideo`; ``size`` is height and width.
    """

    count: Annotated[int, typer.Option("--count", "-n", min=1, metavar="N", help="Number of videos.")] = 8
    seconds: Annotated[float, typer.Option(min=2, max=3600, metavar="S", help="Length of each video, s.")] = 20.0
    preset: Annotated[
        Literal["easy", "hard", "shift"],
        typer.Option(help="Skins, lights and movements; shift: dark skin, low light, JPEG."),
    ] = "hard"
    fps: Annotated[float, typer.Option(min=5, max=120, metavar="HZ", help="Frames per second.")] = 30.0
    size: Annotated[
        tuple[int, int],
        typer.Option(metavar="WxH", help="Width and height, px."),
        Size(least=64, most=4096, multiple=2),
    ] = (240, 320)
    bpm: Annotated[
        float | None, typer.Option(min=30, max=220, metavar="BPM", help="Heart rate of all videos; random by default.")
    ] = None


@dataclass(frozen=True)
class NetworkChoice:
    """Settings of a new network; None is the default of `vision_cli.rppg_adapt.networks.model.ModelSettings`.

    Attributes
    ----------
    backbone
        The network.
    normalisation
        Its input: normalised differences of consecutive frames, or standardised pixels.
    size
        Rows and columns of its clips.
    """

    backbone: Annotated[Literal["lite", "physnet"] | None, typer.Option(help="Network; lite by default.")] = None
    normalisation: Annotated[
        Literal["diff", "standard"] | None,
        typer.Option("--input", help="Input of the network: frame differences (default), or standardised pixels."),
    ] = None
    size: Annotated[int | None, typer.Option(min=16, max=256, metavar="N", help="Rows and columns of clips.")] = None


@dataclass(frozen=True)
class SourceTraining:
    """Settings of supervised training.

    Attributes
    ----------
    val_fraction
        Share of the subjects of a cache that are held out for validation.
    frames
        Frames of a training clip.
    epochs
        Passes over a cache.
    steps
        Steps; None for ``epochs``, or for `DEFAULT_SYNTHETIC_STEPS` with generated clips.
    batch_size, learning_rate
        Clips per step, and learning rate.
    keep
        The weights with the best validation score, or the last ones, for generated clips: training does not overfit
        them, and nearly perfect validation scores do not order the weights any more.
    validate_every, save_every
        Steps between validations and between checkpoints.
    """

    val_fraction: Annotated[float, typer.Option(min=0.05, max=0.9, metavar="X", help="Share of held-out subjects.")] = (
        0.2
    )
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a training clip.")] = 160
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the cache.")] = 30
    steps: Annotated[int | None, typer.Option(min=1, metavar="N", help="Steps instead of epochs.")] = None
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Clips per step.")] = 8
    learning_rate: Annotated[float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.")] = 2e-3
    keep: Annotated[KeptWeights, typer.Option(help="Weights to keep: best in validation, or the last ones.")] = "best"
    validate_every: int = 100
    save_every: int = 50

    def steps_over(self, clips: int | None) -> int:
        """Return the steps of a training on a number of clips; None for an unlimited number."""
        if self.steps is not None:
            return self.steps
        return DEFAULT_SYNTHETIC_STEPS if clips is None else max(1, self.epochs * clips // self.batch_size)


DEFAULT_SYNTHETIC_STEPS = 2000
"""Steps of a training on generated clips."""


@dataclass(frozen=True)
class LossOptions:
    """The loss of an adaptation; see `vision_cli.rppg_adapt.training.losses.AdaptationLoss`.

    Attributes
    ----------
    recipe
        ``robust``, or ``paper``: FWD between the branches and to the source only.
    branches
        Branches that are used.
    distance
        Distance of spectra; None for that of the recipe.
    order, solver
        Order and solver of FWD.
    anchor
        Weight of the anchor; None for that of the recipe.
    """

    recipe: Annotated[
        Recipe, typer.Option("--loss", help="Loss; paper: FWD and the anchor only.", rich_help_panel=_LOSS)
    ] = "robust"
    branches: Annotated[
        Branches, typer.Option(help="Branches: original, spatial, temporal.", rich_help_panel=_LOSS)
    ] = "ost"
    distance: Annotated[
        Distance | None,
        typer.Option(help="Distance of spectra; default fwd for paper, mse for robust.", rich_help_panel=_LOSS),
    ] = None
    order: Annotated[
        int, typer.Option("--fwd-p", min=1, max=4, metavar="P", help="Order of FWD.", rich_help_panel=_LOSS)
    ] = 1
    solver: Annotated[
        Solver, typer.Option("--fwd-solver", help="Solver of FWD: closed form, or POT.", rich_help_panel=_LOSS)
    ] = "cdf"
    anchor: Annotated[
        float | None, typer.Option(min=0, metavar="X", help="Weight of the anchor.", rich_help_panel=_LOSS)
    ] = None


@dataclass(frozen=True)
class Adaptation:
    """Settings of an adaptation.

    Attributes
    ----------
    loss
        The loss.
    update
        Weights that are updated.
    epochs
        Passes over the clips, with one window per clip and pass.
    batch_size, learning_rate
        Clips per step, and learning rate.
    frames
        Frames of a view.
    adapt_fraction
        Share of the subjects of a cache that are adapted to; the others are the test set. With 1 all subjects are
        adapted to and tested.
    steps
        Steps, instead of ``epochs``.
    validate_every
        Steps between two computations of the label-free score; a tenth of all steps by default.
    """

    loss: LossOptions = field(default_factory=LossOptions)
    update: Annotated[
        Update, typer.Option(help="Weights to update: all, batch normalisation only, or all except the decoder.")
    ] = "all"
    epochs: Annotated[int, typer.Option(min=1, metavar="N", help="Passes over the clips.")] = 10
    batch_size: Annotated[int, typer.Option(min=1, metavar="N", help="Clips per step.")] = 4
    learning_rate: Annotated[float, typer.Option("--lr", min=0, metavar="X", help="Learning rate.")] = 1e-3
    frames: Annotated[int, typer.Option(min=64, max=1800, metavar="N", help="Frames of a training window.")] = 160
    adapt_fraction: Annotated[
        float, typer.Option(min=0.1, max=1, metavar="X", help="Share of subjects to adapt to; the others are tested.")
    ] = 0.7
    steps: int | None = None
    validate_every: int | None = None

    def steps_over(self, clips: int) -> int:
        """Return the steps of an adaptation to a number of clips."""
        return self.steps if self.steps is not None else max(1, math.ceil(self.epochs * clips / self.batch_size))


@dataclass(frozen=True)
class Scoring:
    """Settings of ``evaluate``.

    Attributes
    ----------
    methods
        Methods to score on a cache: the network, and training-free ones.
    protocol
        None for ``toolbox`` with outputs of rPPG-Toolbox, and ``fine`` with a cache.
    window_s
        Length of the windows in seconds; None for whole videos.
    group_by
        Column of the cache's index that defines groups, which are scored too.
    """

    methods: Annotated[
        tuple[str, ...],
        typer.Option(metavar="NAMES", help="Methods to score on a cache."),
        Names((NETWORK, *get_args(TrainingFreeMethod))),
    ] = (NETWORK, "pos", "chrom")
    protocol: Annotated[
        ScoringProtocol | None,
        typer.Option(help="Interpolated peaks, or rPPG-Toolbox's protocol, which is the default for a pickle."),
    ] = None
    window_s: Annotated[
        float | None,
        typer.Option("--window", metavar="full|S", help="Whole videos, or length of windows, s."),
        NumberOr("full", least=5),
    ] = None
    group_by: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of groups to score too.")] = None
