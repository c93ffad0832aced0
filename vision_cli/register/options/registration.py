"""Settings of a registration and of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, get_args

import typer

from vision_cli.core.command.options import WeightsOption
from vision_cli.core.command.words import Names, Numbers, Words
from vision_cli.core.errors import UsageError
from vision_cli.register.options.pair_files import INPUT

TransformKind = Literal["rigid", "affine", "displacement", "diffeo"]
Preset = Literal["fast", "default", "accurate"]
Method = Literal["auto", "optimize", "network"]
Metric = Literal["lncc", "mi", "mind", "mse"]
MetricChoice = Literal["auto", "lncc", "mi", "mind", "mse"]
Init = Literal["header", "moments", "search"]
LabelInterpolation = Literal["label", "nearest"]

QUALITY = "Quality options"

SAVED = ("warp", "composite", "coeffs", "images", "labels", "jacobian")

LabelNamesOption = Annotated[
    Path | None,
    typer.Option("--label-names", metavar="FILE", help="Table of label names.", rich_help_panel=INPUT),
]
LabelInterpolationOption = Annotated[
    LabelInterpolation,
    typer.Option("--label-interp", help="Interpolation of labels.", rich_help_panel=INPUT),
]


class _Wavelet(Words):
    """The name of a discrete wavelet."""

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
    """The start of the linear alignment: a word, or the file of an affine transform."""

    def parse(self, option: str, text: str) -> str:
        """Return the word, or the name of the file after a check that it can be read."""
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
    """Settings of a registration.

    Attributes
    ----------
    transform
        Kind of transform.
    method
        ``optimize`` optimises without a network, ``network`` predicts without an optimisation, ``auto`` optimises and
        continues from the prediction of the network if it fits better than the field optimised so far; with ``preset``
        ``fast`` the network is left out unless ``weights`` are named.
    preset
        ``default`` works at the resolution of the images (at most 256 voxels along an axis), ``fast`` at half of it,
        ``accurate`` as ``default`` with more iterations.
    metric
        Image term; ``auto`` for local correlation, after the moving intensities are mapped to those of the fixed image
        if the contrasts differ, see :mod:`vision_cli.register.optimisation.contrast`.
    smoothness, volume_weight
        Weights of the penalties, see :class:`vision_cli.register.optimisation.optimise.Settings`; no ``volume_weight``
        for that of the preset, 0.3 for ``fast`` and 0.45 otherwise.
    wavelet
        PyWavelets name.
    iterations
        Iterations of each stage, finest last; None for those of the preset.
    spacing
        Working spacing in mm; None for that of the preset.
    symmetric
        Use both directions of the image term.
    init
        ``header``, ``moments``, ``search`` or the file of an affine transform.
    max_rotation_deg
        Refuse an affine that turns by more than this from the positions in the headers, in degrees, or that mirrors;
        None for a warning from 45 degrees on.
    max_memory_gb
        Memory limit in 10^9 bytes, which makes the working grid coarser if needed; None for no limit.
    weights
        Weights of the network: ``default``, a file or an id of the Hugging Face Hub.
    """

    transform: Annotated[TransformKind, typer.Option(help="Kind of map; 'diffeo' is invertible and does not fold.")] = (
        "diffeo"
    )
    method: Annotated[
        Method,
        typer.Option(
            help="Optimise, predict with the network, or 'auto': optimise, from the prediction if it fits better."
        ),
    ] = "auto"
    preset: Annotated[
        Preset, typer.Option(help="'fast' works at half the images' resolution; 'accurate' iterates longer.")
    ] = "default"
    metric: Annotated[
        MetricChoice,
        typer.Option(help="Image term; 'auto': local correlation, of mapped intensities if the contrasts differ."),
    ] = "auto"
    smoothness: Annotated[
        float, typer.Option("--lambda", min=0, metavar="X", help="Weight of smoothness.", rich_help_panel=QUALITY)
    ] = 0.45
    volume_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="X",
            help="Weight against local changes of volume; default by preset.",
            rich_help_panel=QUALITY,
        ),
    ] = None
    wavelet: Annotated[
        str,
        typer.Option(metavar="NAME", help="Wavelet of the field, as PyWavelets names it.", rich_help_panel=QUALITY),
        _Wavelet(),
    ] = "bior2.2"
    iterations: Annotated[
        tuple[int, ...] | None,
        typer.Option(
            "--iters", metavar="N,N,...", help="Iterations of each stage, finest last.", rich_help_panel=QUALITY
        ),
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
            help="Start: header, moments, search (also permuted and mirrored axes), or a transform FILE.",
            rich_help_panel=QUALITY,
        ),
        _Start(),
    ] = "moments"
    max_rotation_deg: Annotated[
        float | None,
        typer.Option(
            "--max-rotation",
            min=0,
            max=180,
            metavar="DEG",
            help="Exit 5 if the affine turns by more than this from the headers, or mirrors.",
            rich_help_panel=QUALITY,
        ),
    ] = None
    max_memory_gb: Annotated[
        float | None,
        typer.Option(
            "--max-memory", min=0.1, metavar="GB", help="Memory limit; work at a coarser resolution if needed."
        ),
    ] = None
    weights: WeightsOption = "default"


@dataclass(frozen=True)
class Reporting:
    """Outputs of a registration.

    Attributes
    ----------
    label_names
        Table of label names; None for numbers alone.
    save
        Files to write beside the measures, of `SAVED`: affine and both warps; both composites; the coefficients; the
        warped images; the warped labels; the Jacobian.
    pictures
        Whether to write the QC pictures and the report of a pair.
    """

    label_names: LabelNamesOption = None
    save: Annotated[
        tuple[str, ...],
        typer.Option(
            metavar="LIST",
            help="Files to write: warp, composite, coeffs, images, labels, jacobian, or all; measures always.",
        ),
        Names(SAVED, every="all", least=1),
    ] = SAVED
    pictures: Annotated[
        bool, typer.Option("--pictures/--no-pictures", help="Write QC pictures and report.html of a pair.")
    ] = True


@dataclass(frozen=True)
class PairReporting(Reporting):
    """Outputs of a single registration, and the limit on its folded voxels.

    Attributes
    ----------
    label_interpolation
        Interpolation of labels: ``label`` (greatest linear weight) or ``nearest``.
    max_folds_pct
        Refuse a result with more folded voxels than this, in %; None for no limit.
    """

    label_interpolation: LabelInterpolationOption = "label"
    max_folds_pct: Annotated[
        float | None,
        typer.Option(
            "--max-folds", min=0, max=100, metavar="PCT", help="Exit 5 if more voxels fold.", rich_help_panel=QUALITY
        ),
    ] = None
