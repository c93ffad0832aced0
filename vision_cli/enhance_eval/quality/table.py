"""The table of quality measures, and one call that takes several of a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError
from vision_cli.enhance_eval.quality import appearance, full_reference
from vision_cli.enhance_eval.quality.brisque import brisque, read_brisque
from vision_cli.enhance_eval.quality.lightness_order import loe
from vision_cli.enhance_eval.quality.niqe import niqe
from vision_cli.enhance_eval.quality.niqe_models import read_niqe, shipped_niqe
from vision_cli.enhance_eval.quality.piqe import piqe
from vision_cli.enhance_eval.values import Picture


@dataclass(frozen=True)
class Measure:
    """A measure of quality.

    Attributes
    ----------
    name
        In tables and on the command line.
    needs
        What it compares the picture with: nothing, the reference, or the dark input (``source``).
    larger_is_better
        None where neither is: a description, not a score.
    unit
        Of its values; empty for a plain number.
    summary
        One line for the list of measures.
    source
        Paper, or library.
    function
        Takes the picture, and what it is compared with as its second argument; NaN where it is not defined.
    """

    name: str
    needs: Literal["nothing", "reference", "source"]
    larger_is_better: bool | None
    unit: str
    summary: str
    source: str
    function: Callable[..., float]


def _niqe_vcli(picture: Picture) -> float:
    return niqe(picture, shipped_niqe())


_ROWS = (
    Measure("psnr", "reference", True, "dB", "peak signal-to-noise ratio, RGB", "-", full_reference.psnr_rgb),
    Measure(
        "psnr_gtmean",
        "reference",
        True,
        "dB",
        "the same with the mean luma made that of the reference",
        "-",
        full_reference.psnr_gtmean,
    ),
    Measure(
        "ssim_y", "reference", True, "", "structural similarity of the luma", "Wang et al. 2004", full_reference.ssim_y
    ),
    Measure(
        "ssim_rgb",
        "reference",
        True,
        "",
        "structural similarity, mean of the channels",
        "Wang et al. 2004",
        full_reference.ssim_rgb,
    ),
    Measure("mae", "reference", False, "", "mean absolute difference, RGB", "-", full_reference.mae),
    Measure("ciede2000", "reference", False, "", "mean colour difference", "CIE 142-2001", full_reference.ciede2000),
    Measure(
        "lightness_error",
        "reference",
        False,
        "L*",
        "mean absolute difference of CIE lightness",
        "-",
        full_reference.lightness_error,
    ),
    Measure(
        "gmsd",
        "reference",
        False,
        "",
        "gradient magnitude similarity deviation",
        "Xue et al. 2014",
        full_reference.gmsd,
    ),
    Measure("loe", "source", False, "", "lightness order error", "Wang et al. 2013", loe),
    Measure(
        "niqe_vcli",
        "nothing",
        False,
        "",
        "distance to natural scenes by our own model; not comparable with published NIQE",
        "after Mittal et al. 2013",
        _niqe_vcli,
    ),
    Measure("piqe", "nothing", False, "", "distorted blocks", "Venkatanath et al. 2015", piqe),
    Measure("noise", "nothing", False, "levels", "estimated standard deviation", "Immerkaer 1996", appearance.noise),
    Measure("mean_luma", "nothing", None, "levels", "mean luma", "-", appearance.mean_luma),
    Measure("contrast", "nothing", None, "levels", "standard deviation of the luma", "-", appearance.contrast),
    Measure("entropy", "nothing", True, "bit", "entropy of the grey levels", "-", appearance.entropy),
    Measure(
        "colourfulness",
        "nothing",
        None,
        "",
        "spread and mean of the opponent colours",
        "Hasler and Suesstrunk 2003",
        appearance.colourfulness,
    ),
    Measure(
        "average_gradient",
        "nothing",
        None,
        "levels/px",
        "mean gradient magnitude",
        "-",
        appearance.average_gradient,
    ),
    Measure("clipped_share", "nothing", False, "", "share of pixels at white", "-", appearance.clipped_share),
    Measure("crushed_share", "nothing", False, "", "share of black pixels", "-", appearance.crushed_share),
)

MEASURES: Mapping[str, Measure] = MappingProxyType({row.name: row for row in _ROWS})

DEFAULT_MEASURES = ("psnr", "psnr_gtmean", "ssim_y", "ssim_rgb", "loe", "niqe_vcli", "piqe", "noise", "mean_luma")


def niqe_measure(parameters: Path) -> Measure:
    """Return NIQE with the authors' parameters.

    Raises
    ------
    MissingError, InputError
        As `niqe_models.read_niqe`.
    """
    model = read_niqe(parameters)
    return Measure(
        "niqe",
        "nothing",
        False,
        "",
        "distance to natural scenes",
        "Mittal et al. 2013",
        lambda picture: niqe(picture, model),
    )


def brisque_measure(model: Path, ranges: Path) -> Measure:
    """Return BRISQUE with the authors' support vectors.

    Raises
    ------
    MissingError, InputError
        As `brisque.read_brisque`.
    """
    vectors = read_brisque(model, ranges)
    return Measure(
        "brisque",
        "nothing",
        False,
        "",
        "support vector regression of scene statistics",
        "Mittal et al. 2012",
        lambda picture: brisque(picture, vectors),
    )


def choose_measures(names: Sequence[str], option: str = "--metrics") -> tuple[Measure, ...]:
    """Return measures by their names, or those of ``default`` or ``all``.

    Raises
    ------
    UsageError
        If a name is unknown.
    """
    groups = {"default": DEFAULT_MEASURES, "all": tuple(MEASURES)}
    wanted = dict.fromkeys(member for name in names for member in groups.get(name, (name,)))
    unknown = [name for name in wanted if name not in MEASURES]
    if unknown:
        hint = did_you_mean(unknown[0], (*MEASURES, *groups))
        if unknown[0] in {"niqe", "brisque"}:
            hint = f"{unknown[0]} needs the authors' parameter files; niqe_vcli comes with this program."
        raise UsageError(
            f"{option}: {', '.join(unknown)} found; names of {', '.join((*MEASURES, *groups))} expected.", hint=hint
        )
    return tuple(MEASURES[name] for name in wanted)


def measure_picture(
    picture: Picture,
    measures: Sequence[Measure],
    *,
    reference: Picture | None = None,
    source: Picture | None = None,
) -> dict[str, float]:
    """Return the values of measures by name; those that need what is not there are left out.

    Parameters
    ----------
    picture
        ``(H, W, 3)``, enhanced.
    measures
        Which.
    reference, source
        The well-exposed partner, and the dark input; of the same shape.
    """
    partners: Mapping[str, Picture | None] = {"reference": reference, "source": source}
    values = {}
    for one in measures:
        if one.needs == "nothing":
            values[one.name] = one.function(picture)
        elif (partner := partners[one.needs]) is not None:
            values[one.name] = one.function(picture, partner)
    return values
