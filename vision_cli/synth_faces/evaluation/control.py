"""How well one action unit can be turned alone: linearity, order and leakage, from series of levels.

A series is one person with everything else fixed, drawn at each level of one AU (`plans.plan.control_series`). All AUs
are measured on each picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.synth_faces.evaluation.au_agreement import pearson

Floats = NDArray[np.float64]

_LEAST_CHANGE = 1e-6
_TOLERANCE = 0.1
"""Fall of a measured intensity that is noise of the judge, on the scale of 0 to 5."""


@dataclass(frozen=True)
class UnitControl:
    """How well one AU is controlled.

    Attributes
    ----------
    name
        Of the AU.
    linearity
        Pearson correlation of level and measured intensity over all series.
    slope
        Of the measured intensity per level; 1 is exact.
    monotone
        Share of series that never fall by more than the tolerance from one level to the next.
    change
        Measured change of the AU from its lowest to its highest level, mean over series.
    leakage
        Mean over the other AUs of their absolute mean change, over ``change``; infinite where the AU does not rise.
    worst, worst_leakage
        The other AU that changes most, and its share.
    """

    name: str
    linearity: float
    slope: float
    monotone: float
    change: float
    leakage: float
    worst: str
    worst_leakage: float


@dataclass(frozen=True)
class SeriesPlace:
    """Where a face stands in a series.

    Attributes
    ----------
    au
        The AU that is varied.
    series
        Key of the person and of what else is fixed.
    level
        Intensity, 0 to 5.
    """

    au: str
    series: str
    level: float


def control_of_faces(
    places: Sequence[SeriesPlace | None], measured: Floats, names: Sequence[str]
) -> tuple[UnitControl, ...]:
    """Measure control on the faces of a set; series that lack a level, and AUs that are not measured, are left out.

    Parameters
    ----------
    places
        Of N faces; None for those of no series.
    measured
        Intensities ``(N, A)``.
    names
        AUs that were measured.
    """
    found: dict[str, dict[str, dict[float, int]]] = {}
    for number, place in enumerate(places):
        if place is not None and place.au in names:
            found.setdefault(place.au, {}).setdefault(place.series, {})[place.level] = number
    units: list[UnitControl] = []
    for au, series in found.items():
        levels = sorted({level for one in series.values() for level in one})
        whole = [[one[level] for level in levels] for one in series.values() if len(one) == len(levels)]
        if whole and len(levels) > 1:
            units += control(measured[np.array(whole)][None], (au,), names, levels, tolerance=_TOLERANCE)
    return tuple(units)


def control(
    measured: Floats,
    targets: Sequence[str],
    names: Sequence[str],
    levels: Sequence[float],
    *,
    tolerance: float = 0.0,
) -> tuple[UnitControl, ...]:
    """Measure control.

    Parameters
    ----------
    measured
        ``(targets, series, levels, AUs)``.
    targets
        AUs that were turned.
    names
        AUs that were measured; those of one number (12, L12, R12) do not leak into each other.
    levels
        Rising.
    tolerance
        Fall of the measured intensity between two levels that still counts as rising.

    Raises
    ------
    InputError
        If the shapes do not fit together, the levels do not rise or a target was not measured.
    """
    expected = (len(targets), len(levels), len(names))
    if measured.ndim != 4 or (measured.shape[0], *measured.shape[2:]) != expected or not measured.shape[1]:
        raise InputError(f"measured values {measured.shape}; (targets, series, levels, AUs) expected.")
    steps = np.asarray(levels, dtype=np.float64)
    if len(steps) < 2 or (np.diff(steps) <= 0).any():
        raise InputError(f"levels {', '.join(f'{level:g}' for level in levels)}; two or more, rising, expected.")
    if missing := [name for name in targets if name not in names]:
        raise InputError(f"AU {', '.join(missing)} was turned but not measured; measured ones expected.")
    return tuple(
        _one(name, series, list(names), steps, tolerance) for name, series in zip(targets, measured, strict=True)
    )


def _one(target: str, series: Floats, names: list[str], levels: Floats, tolerance: float) -> UnitControl:
    own = series[:, :, names.index(target)]
    repeated = np.broadcast_to(levels, own.shape).ravel()
    centred = repeated - repeated.mean()
    change = (series[:, -1] - series[:, 0]).mean(axis=0)
    rise = float(change[names.index(target)])
    others = [place for place, name in enumerate(names) if name.lstrip("LR") != target.lstrip("LR")]
    leaks = np.abs(change[others])
    worst = int(leaks.argmax()) if others else -1
    share = 1 / rise if rise > _LEAST_CHANGE else float("inf")
    return UnitControl(
        name=target,
        linearity=pearson(repeated, own.ravel()),
        slope=float((centred * own.ravel()).sum() / (centred**2).sum()),
        monotone=float((np.diff(own, axis=1) >= -tolerance).all(axis=1).mean()),
        change=rise,
        leakage=float(leaks.mean() * share) if others and leaks.any() else 0.0,
        worst=names[others[worst]] if others else "",
        worst_leakage=float(leaks[worst] * share) if others and leaks.any() else 0.0,
    )
