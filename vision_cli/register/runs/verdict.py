"""Verdicts of the reports: an assessment of a registration or a batch from its measures.

The fit is judged by labels and landmarks; without either, by the local correlation of the images.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from vision_cli.core.report import Level
from vision_cli.register.runs.metrics import PairMetrics
from vision_cli.register.transforms.orientation import LARGE_ROTATION_DEG, Orientation

LEAST_DICE = 0.5
"""Mean Dice below which the overlap of the structures is too small for a good fit."""

LEAST_LNCC = 0.3
"""Mean squared local correlation below which the similarity is too small for a good fit."""

LEAST_CHANGE = 0.005
"""Changes of Dice or local correlation up to this are ignored: the interpolation of labels causes as much."""

LEAST_CHANGE_MM = 0.1
"""Changes of the landmark error up to this, in mm, are ignored: landmarks are not placed more precisely."""

MANY_FOLDS_PCT = 1.0
"""Percentage of folded voxels above which a map is not usable."""

RULE = (
    "Rule: good if the fit is no worse than before the registration and than after the affine alone, mean Dice is at "
    f"least {LEAST_DICE:g} (without labels: local correlation at least {LEAST_LNCC:g}), no voxel folds, and the affine "
    f"neither mirrors nor turns by more than {LARGE_ROTATION_DEG:g} degrees from the headers; bad if the "
    f"fit is worse than before, or more than {MANY_FOLDS_PCT:g} % of the voxels fold; look closer otherwise."
)
_MOST_NAMED = 5


@dataclass(frozen=True)
class Verdict:
    """A verdict on a registration.

    Attributes
    ----------
    level
        ``good``, ``caution`` or ``bad``.
    text
        In one to three sentences.
    """

    level: Level
    text: str


@dataclass(frozen=True)
class _Fit:
    """A measure of the fit before, after the linear alignment, and after the registration."""

    name: str
    before: float | None
    affine: float | None
    after: float
    least: float | None
    change: float
    is_error: bool = False
    unit: str = ""

    def is_worse_than(self, other: float | None) -> bool:
        if other is None:
            return False
        return (self.after - other if self.is_error else other - self.after) > self.change

    def shown(self, value: float) -> str:
        return f"{value:.2f}{self.unit}"


def judge(metrics: PairMetrics) -> Verdict:
    """Return the verdict on a registration; measures that are None or not finite are ignored."""
    fits = _fits(metrics)
    folded, share = _finite(metrics.folds_voxels), _finite(metrics.folds_pct)
    said = [_sentence(_compared(fit)) for fit in fits]
    level: Level = "good"
    if warning := orientation_warning(metrics):
        level = "caution"
        said.insert(0, f"{warning}.")
    for fit in fits:
        if fit.is_worse_than(fit.affine) and not fit.is_worse_than(fit.before):
            level = "caution"
            said.append(f"After the affine alone, {fit.name} was better: {fit.shown(fit.affine or 0.0)}.")
        if fit.least is not None and fit.after < fit.least:
            level = "caution"
            said.append(f"A {fit.name} below {fit.least:g} is low.")
    if folded is not None:
        said.append(_folds(int(folded), share))
        level = "caution" if folded else level
    if not fits:
        level = "caution"
        said.append("There is no measure of the fit.")
    if any(fit.is_worse_than(fit.before) for fit in fits):
        return Verdict("bad", " ".join(("The images fit worse than before the registration.", *said)))
    if (share or 0.0) > MANY_FOLDS_PCT:
        return Verdict("bad", " ".join(("The deformation folds too much to be used.", *said)))
    opening = "The images fit." if level == "good" else "Look at the pictures before you use this registration."
    return Verdict(level, " ".join((opening, *said)))


def orientation_warning(metrics: PairMetrics) -> str | None:
    """Return a warning if the affine mirrors, or turns by more than 45 degrees from the headers; None otherwise."""
    if metrics.rotation_deg is None:
        return None
    return Orientation(metrics.rotation_deg, bool(metrics.mirrored)).warning


def judge_batch(verdicts: Mapping[str, Verdict], failed: Sequence[str], medians: PairMetrics) -> Verdict:
    """Return the verdict on a batch.

    Parameters
    ----------
    verdicts
        Verdicts on the registered pairs by id, the worst first.
    failed
        Ids of the pairs that failed.
    medians
        Medians of the measures over the pairs.
    """
    count = len(verdicts) + len(failed)
    if not count:
        return Verdict("plain", "There was no pair to register.")
    by_level = {level: [name for name, one in verdicts.items() if one.level == level] for level in ("caution", "bad")}
    good = len(verdicts) - sum(map(len, by_level.values()))
    said = [f"{good} of {count_of_pairs(count)} {'fits' if good == 1 else 'fit'}."]
    for names, text in (
        (by_level["bad"], "should not be used"),
        (by_level["caution"], "should be looked at"),
        (failed, "failed"),
    ):
        if names:
            said.append(f"{len(names)} {text}: {_listed(names)}.")
    said += [f"Median over the pairs: {_compared(fit)}" for fit in _fits(medians)[:1]]
    level: Level = "bad" if failed or by_level["bad"] else "caution" if by_level["caution"] else "good"
    return Verdict(level, " ".join(said))


def count_of_pairs(count: int) -> str:
    """Return ``1 pair`` or ``N pairs``."""
    return f"{count} pair" if count == 1 else f"{count} pairs"


def _fits(metrics: PairMetrics) -> list[_Fit]:
    """Return the measures of the fit: labels and landmarks, or the local correlation if there is neither."""
    dice, error_mm, correlation = map(_finite, (metrics.dice_mean, metrics.tre_mean_mm, metrics.lncc_after))
    fits = []
    if dice is not None:
        before, affine = _finite(metrics.dice_before_mean), _finite(metrics.dice_affine_mean)
        fits.append(_Fit("mean Dice", before, affine, dice, LEAST_DICE, LEAST_CHANGE))
    if error_mm is not None:
        before = _finite(metrics.tre_before_mean_mm)
        fits.append(_Fit("mean landmark error", before, None, error_mm, None, LEAST_CHANGE_MM, True, " mm"))
    if not fits and correlation is not None:
        before, affine = _finite(metrics.lncc_before), _finite(metrics.lncc_affine)
        fits.append(_Fit("local correlation", before, affine, correlation, LEAST_LNCC, LEAST_CHANGE))
    return fits


def _compared(fit: _Fit) -> str:
    before = "" if fit.before is None else f", {fit.shown(fit.before)} before"
    return f"{fit.name} {fit.shown(fit.after)} after{before}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _folds(count: int, share: float | None) -> str:
    if not count:
        return "No voxel folds."
    of_all = "" if share is None else f" ({share:.2g} % of the subject)"
    return f"{count} {'voxel folds' if count == 1 else 'voxels fold'}{of_all}."


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_MOST_NAMED])
    return shown if len(names) <= _MOST_NAMED else f"{shown} and {len(names) - _MOST_NAMED} more"
