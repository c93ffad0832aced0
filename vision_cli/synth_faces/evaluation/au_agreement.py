"""How well measured action units agree with the true ones, an AU at a time.

Most AUs of most faces are 0, so accuracy alone flatters: a generator without any control reaches .88 (Table 5 of
SynFER). F1, ICC(3,1) and Pearson correlation stand beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError

Floats = NDArray[np.float64]

PRESENT = 1.0
"""Intensity from which an AU counts as present: FACS A. BP4D takes A, DISFA is often read from B (2) on."""

_LEAST_FACES = 2


@dataclass(frozen=True)
class UnitAgreement:
    """Agreement on one AU.

    Attributes
    ----------
    name
        Of the AU.
    faces
        How many have a true value.
    base_rate
        Share of them that show it.
    accuracy, f1
        Of its presence; F1 is NaN where neither truth nor prediction has it.
    icc, pearson
        ICC(3,1) and Pearson correlation of intensities; NaN where the truth, or for Pearson either, does not vary.
    mae
        Mean absolute error of intensities.
    """

    name: str
    faces: int
    base_rate: float
    accuracy: float
    f1: float
    icc: float
    pearson: float
    mae: float


@dataclass(frozen=True)
class Agreement:
    """Agreement on all AUs, and means over those that have each measure.

    Attributes
    ----------
    units
        One an AU.
    """

    units: tuple[UnitAgreement, ...]

    def mean(self, measure: str) -> float:
        """Return the mean of a measure over the AUs that have it; NaN if none has."""
        values = np.array([getattr(unit, measure) for unit in self.units], dtype=np.float64)
        known = values[np.isfinite(values)]
        return float(known.mean()) if len(known) else float("nan")


def au_agreement(true: Floats, measured: Floats, names: Sequence[str], *, present: float = PRESENT) -> Agreement:
    """Compare intensities.

    Parameters
    ----------
    true
        ``(N, A)``, 0 to 5; NaN where it is not known.
    measured
        ``(N, A)``.
    names
        Of the AUs.
    present
        Intensity from which an AU counts as present, in both.

    Raises
    ------
    InputError
        If the shapes do not fit together, or a measured value is not finite.
    """
    if true.ndim != 2 or true.shape != measured.shape or true.shape[1] != len(names):
        raise InputError(f"intensities {true.shape} and {measured.shape} of {len(names)} AUs; (faces, AUs) expected.")
    if not np.isfinite(measured).all():
        raise InputError("measured intensities that are not finite; finite ones expected.", hint="Check the weights.")
    return Agreement(tuple(_one(name, true[:, place], measured[:, place], present) for place, name in enumerate(names)))


def icc_3_1(first: Floats, second: Floats) -> float:
    """Return ICC(3,1), the consistency of two fixed raters (Shrout and Fleiss 1979): ``(BMS - EMS) / (BMS + EMS)``.

    Parameters
    ----------
    first, second
        Ratings, ``(N,)``.

    Returns
    -------
    float
        -1 to 1; NaN for fewer than two faces or where no rating varies.
    """
    if len(first) < _LEAST_FACES:
        return float("nan")
    ratings = np.stack([first, second], axis=1)
    centred = ratings - ratings.mean(axis=0)
    faces = centred.mean(axis=1)
    between = 2 * (faces**2).sum() / (len(first) - 1)
    error = ((centred - faces[:, None]) ** 2).sum() / (len(first) - 1)
    return float((between - error) / (between + error)) if between + error > 0 else float("nan")


def pearson(first: Floats, second: Floats) -> float:
    """Return the correlation; NaN for fewer than two values or where one does not vary."""
    if len(first) < _LEAST_FACES:
        return float("nan")
    one, other = first - first.mean(), second - second.mean()
    scale = np.sqrt((one**2).sum() * (other**2).sum())
    return float((one * other).sum() / scale) if scale > 0 else float("nan")


def _one(name: str, true: Floats, measured: Floats, present: float) -> UnitAgreement:
    known = np.isfinite(true)
    true, measured = true[known], measured[known]
    nothing = float("nan")
    if not len(true):
        return UnitAgreement(name, 0, nothing, nothing, nothing, nothing, nothing, nothing)
    shown, found = true >= present, measured >= present
    both = int(shown.sum() + found.sum())
    return UnitAgreement(
        name=name,
        faces=len(true),
        base_rate=float(shown.mean()),
        accuracy=float((shown == found).mean()),
        f1=2 * int((shown & found).sum()) / both if both else nothing,
        icc=icc_3_1(true, measured) if np.ptp(true) > 0 else nothing,
        pearson=pearson(true, measured),
        mae=float(np.abs(true - measured).mean()),
    )
