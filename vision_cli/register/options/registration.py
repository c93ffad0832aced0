"""How a pair is registered, from which files, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.options import WeightsOption
from vision_cli.core.command.words import Numbers, Words
from vision_cli.core.errors import UsageError

TransformKind = Literal["rigid", "affine", "displacement", "diffeo"]
Preset = Literal["fast", "default", "accurate"]
Method = Literal["auto", "optimize", "network"]
Metric = Literal["lncc", "mi", "mind", "mse"]
Init = Literal["header", "moments", "search"]
LabelInterpolation = Literal["label", "nearest"]

QUALITY = "Quality options"
INPUT = "Input options"

NamesOption = Annotated[
    Path | None,
    typer.Option("--label-names", metavar="FILE", help="Table of label names.", rich_help_panel=INPUT),
]


class _Wavelet(Words):
    """Name of a discrete wavelet."""

    def parse(self, option: str, text: str) -> str:
        """Return the name."""
        import pywt

        if text not in pywt.wavelist(kind="discrete"):
            raise UsageError(
                f"{option}: {text} found; a discrete wavelet of PyWavelets expected.",
                hint="For instance haar, db2, db4, bior2.2 or bior4.4.",
            )
        return text

    def text(self, value: str) -> str:
        """Return the name."""
        return value


class _Start(Words):
    """Where the linear alignment starts from: a word, or the file of an affine transform."""

    def parse(self, option: str, text: str) -> str:
        """Return the word or the name of the file, which is read once to see that it can be."""
        if text not in get_args(Init):
            from vision_cli.register.transforms.itk_files import read_matrix

            if read_matrix(Path(text)) is None:
                raise UsageError(
                    f"{option}: {text} found; header, moments, search or the file of an affine transform expected."
                )
        return text

    def text(self, value: str) -> str:
        """Return the word or the name of the file."""
        return value


@dataclass(frozen=True)
class RegistrationOptions:
    """How a pair is registered.

    Attributes
    ----------
    transform
        Kind of transform.
    method
        ``auto`` optimises from what the network proposes if that fits better than the optimisation so far,
        ``optimize`` does without a network, ``network`` without an optimisation.
    preset
        ``default`` works at the images' own resolution (at most 256 voxels along an axis), ``fast`` at half of it,
        ``accurate`` like ``default`` with more iterations.
    metric
        Image term.
    smoothness, volume_weight
        Weights of the penalties, see :class:`vision_cli.register.optimisation.optimise.Settings`.
    wavelet
        PyWavelets name.
    iterations
        Iterations a stage, finest last; None for the preset's.
    spacing
        Working spacing in mm; None for the preset's.
    symmetric
        Use both directions of the image term.
    init
        ``header``, ``moments``, ``search`` or the file of an affine transform.
    max_memory_gb
        10^9 bytes that the work may take; None for what the machine has.
    weights
        Of the network: ``default``, a file or a hub's id.
    """

    transform: Annotated[TransformKind, typer.Option(help="Kind of map; 'diffeo' is invertible and does not fold.")] = (
        "diffeo"
    )
    method: Annotated[
        Method,
        typer.Option(
            help="Optimise, let the network predict, or 'auto': optimise, from the prediction if that is better."
        ),
    ] = "auto"
    preset: Annotated[
        Preset, typer.Option(help="'fast' works at half the images' resolution; 'accurate' iterates longer.")
    ] = "default"
    metric: Annotated[Metric, typer.Option(help="Image term; 'mi' or 'mind' for images of different kinds.")] = "lncc"
    smoothness: Annotated[
        float, typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY)
    ] = 0.45
    volume_weight: Annotated[
        float, typer.Option(min=0, metavar="X", help="Weight against local changes of volume.", rich_help_panel=QUALITY)
    ] = 0.45
    wavelet: Annotated[
        str,
        typer.Option(metavar="NAME", help="Wavelet of the field, as PyWavelets names it.", rich_help_panel=QUALITY),
        _Wavelet(),
    ] = "bior2.2"
    iterations: Annotated[
        tuple[int, ...] | None,
        typer.Option("--iters", metavar="N,N,...", help="Iterations a stage, finest last.", rich_help_panel=QUALITY),
        Numbers(int, least=0),
    ] = None
    spacing: Annotated[
        float | None,
        typer.Option(min=1e-6, metavar="MM", help="Working spacing; default by preset.", rich_help_panel=QUALITY),
    ] = None
    symmetric: Annotated[
        bool,
        typer.Option(
            "--symmetric/--no-symmetric", help="Compare the images in both directions.", rich_help_panel=QUALITY
        ),
    ] = False
    init: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Start: header, moments, search (also axes mixed up), or a transform FILE.",
            rich_help_panel=QUALITY,
        ),
        _Start(),
    ] = "moments"
    max_memory_gb: Annotated[
        float | None,
        typer.Option("--max-memory", min=0.1, metavar="GB", help="Work coarser rather than take more than this."),
    ] = None
    weights: WeightsOption = "default"


@dataclass(frozen=True)
class PairExtras:
    """Files that may come with the two images of a pair.

    Attributes
    ----------
    fixed_label, moving_label
        Label maps.
    fixed_mask, moving_mask
        Where the image term counts.
    fixed_points, moving_points
        Corresponding landmarks, RAS mm.
    """

    fixed_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of FIXED, to score the map by.", rich_help_panel=INPUT)
    ] = None
    moving_label: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Labels of MOVING.", rich_help_panel=INPUT)
    ] = None
    fixed_mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where FIXED is compared.", rich_help_panel=INPUT)
    ] = None
    moving_mask: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where MOVING is compared.", rich_help_panel=INPUT)
    ] = None
    fixed_points: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Landmarks on FIXED, RAS mm, to score the map by.", rich_help_panel=INPUT),
    ] = None
    moving_points: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Their partners on MOVING, RAS mm.", rich_help_panel=INPUT)
    ] = None


@dataclass(frozen=True, kw_only=True)
class PairFiles(PairExtras):
    """The files of one pair.

    Attributes
    ----------
    fixed, moving
        The image to align to, and the one to align.
    """

    fixed: Path
    moving: Path

    def by_role(self) -> dict[str, Path]:
        """Return the files that there are by the names of their fields, the images first."""
        roles = ("fixed", "moving", *(field.name for field in fields(PairExtras)))
        return {role: path for role in roles if (path := getattr(self, role)) is not None}


@dataclass(frozen=True)
class Reporting:
    """What is written of a registration.

    Attributes
    ----------
    label_names
        Table of label names; None for numbers alone.
    pictures
        Also write the QC pictures and the report of a pair.
    """

    label_names: NamesOption = None
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Write QC pictures and report.html of a pair.")
    ] = True


@dataclass(frozen=True)
class PairReporting(Reporting):
    """What is written of one registration, and which one is refused.

    Attributes
    ----------
    label_interpolation
        Of labels: ``label`` (greatest linear weight) or ``nearest``.
    max_folds_pct
        Refuse a result with more folded voxels than this; None for any.
    """

    label_interpolation: Annotated[
        LabelInterpolation,
        typer.Option("--label-interp", help="Interpolation of labels.", rich_help_panel=INPUT),
    ] = "label"
    max_folds_pct: Annotated[
        float | None,
        typer.Option(
            "--max-folds", min=0, max=100, metavar="PCT", help="Exit 5 if more voxels fold.", rich_help_panel=QUALITY
        ),
    ] = None
