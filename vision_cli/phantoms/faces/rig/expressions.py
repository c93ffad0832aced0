"""Which action units an expression is made of, and samples of them.

Prototypes of the basic expressions follow EMFACS (P. Ekman, W. V. Friesen, J. C. Hager, *Facial Action Coding System:
Investigator's Guide*, 2002, table 10-2); those of compound ones S. Du, Y. Tao, A. M. Martinez, "Compound facial
expressions of emotion", PNAS 111 (15), 2014, table 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.phantoms.faces.rig.action_units import SIDED, STRONGEST

Range = tuple[str, float, float]
"""An action unit, the probability with which it is there, and its mean intensity from 0 to 1."""


@dataclass(frozen=True)
class Prototype:
    """Variants of an expression, equally likely; each is a list of action units."""

    variants: tuple[tuple[Range, ...], ...]
    one_sided: bool = False


def _of(*variants: Sequence[Range], one_sided: bool = False) -> Prototype:
    return Prototype(tuple(tuple(v) for v in variants), one_sided)


BASIC: Mapping[str, Prototype] = {
    "neutral": _of(()),
    "happiness": _of(
        [("6", 0.9, 0.6), ("12", 1, 0.75), ("25", 0.85, 0.7), ("26", 0.3, 0.3)],
        [("6", 0.7, 0.4), ("12", 1, 0.6)],
    ),
    "sadness": _of(
        [("1", 1, 0.75), ("4", 0.9, 0.5), ("15", 1, 0.75), ("17", 0.6, 0.5)],
        [("1", 0.85, 0.6), ("4", 0.7, 0.45), ("15", 1, 0.8), ("11", 0.5, 0.5), ("17", 0.5, 0.5), ("7", 0.3, 0.4)],
    ),
    "surprise": _of(
        [("1", 1, 0.8), ("2", 1, 0.8), ("5", 0.9, 0.65), ("25", 1, 0.6), ("26", 1, 0.75)],
        [("1", 1, 0.8), ("2", 1, 0.8), ("5", 0.9, 0.65), ("25", 1, 0.5), ("27", 1, 0.5)],
    ),
    "fear": _of(
        [("1", 1, 0.75), ("2", 0.75, 0.5), ("4", 0.95, 0.6), ("5", 1, 0.85), ("20", 1, 0.75), ("25", 0.9, 0.6),
         ("26", 0.6, 0.4)],
        [("1", 1, 0.75), ("2", 0.8, 0.5), ("4", 0.95, 0.6), ("5", 1, 0.85), ("25", 1, 0.6), ("26", 0.9, 0.55),
         ("20", 0.7, 0.5)],
    ),
    "disgust": _of(
        [("9", 1, 0.8), ("10", 0.7, 0.5), ("4", 0.6, 0.4), ("7", 0.6, 0.45), ("17", 0.6, 0.5)],
        [("10", 1, 0.8), ("9", 0.7, 0.5), ("25", 0.7, 0.5), ("16", 0.5, 0.4), ("7", 0.5, 0.4), ("4", 0.4, 0.3)],
    ),
    "anger": _of(
        [("4", 1, 0.8), ("5", 0.7, 0.45), ("7", 0.9, 0.65), ("23", 0.9, 0.7), ("24", 0.6, 0.5), ("17", 0.4, 0.4)],
        [("4", 1, 0.8), ("5", 0.7, 0.5), ("7", 0.9, 0.6), ("10", 0.8, 0.5), ("25", 1, 0.6), ("16", 0.8, 0.55),
         ("26", 0.4, 0.3)],
    ),
    "contempt": _of(
        [("12", 0.8, 0.4), ("14", 1, 0.8)],
        one_sided=True,
    ),
}  # fmt: skip
"""Prototypes of the 8 basic expressions."""

COMPOUND: Mapping[str, Prototype] = {
    "happily surprised": _of([("1", 1, 0.7), ("2", 1, 0.7), ("12", 1, 0.7), ("25", 1, 0.7), ("26", 0.7, 0.6), ("5", 0.5, 0.4)]),
    "happily disgusted": _of([("10", 1, 0.65), ("12", 1, 0.7), ("25", 1, 0.6), ("4", 0.3, 0.3), ("6", 0.6, 0.5), ("9", 0.4, 0.5)]),
    "sadly fearful": _of([("1", 1, 0.75), ("4", 1, 0.6), ("20", 1, 0.6), ("25", 1, 0.5), ("2", 0.4, 0.4), ("5", 0.4, 0.4), ("15", 0.4, 0.5)]),
    "sadly angry": _of([("4", 1, 0.75), ("15", 1, 0.7), ("6", 0.3, 0.3), ("7", 0.4, 0.4), ("11", 0.2, 0.4), ("17", 0.7, 0.5)]),
    "sadly surprised": _of([("1", 1, 0.8), ("4", 0.9, 0.5), ("25", 1, 0.5), ("26", 1, 0.6), ("2", 0.6, 0.4), ("6", 0.3, 0.3)]),
    "sadly disgusted": _of([("4", 1, 0.6), ("10", 1, 0.65), ("1", 0.6, 0.5), ("6", 0.3, 0.3), ("9", 0.3, 0.4), ("15", 0.5, 0.5), ("17", 0.5, 0.5)]),
    "fearfully angry": _of([("4", 1, 0.75), ("20", 1, 0.65), ("25", 1, 0.6), ("5", 0.7, 0.6), ("7", 0.4, 0.4), ("10", 0.3, 0.4)]),
    "fearfully surprised": _of([("1", 1, 0.75), ("2", 0.9, 0.65), ("5", 1, 0.8), ("20", 1, 0.55), ("25", 1, 0.6), ("4", 0.5, 0.4), ("26", 0.6, 0.5)]),
    "fearfully disgusted": _of([("1", 0.8, 0.6), ("4", 1, 0.6), ("10", 1, 0.6), ("20", 1, 0.6), ("25", 1, 0.55), ("5", 0.5, 0.6), ("9", 0.3, 0.4)]),
    "angrily surprised": _of([("4", 1, 0.7), ("25", 1, 0.6), ("26", 1, 0.65), ("5", 0.6, 0.6), ("7", 0.4, 0.4), ("10", 0.3, 0.4)]),
    "angrily disgusted": _of([("4", 1, 0.75), ("10", 1, 0.7), ("17", 0.8, 0.55), ("7", 0.6, 0.5), ("9", 0.4, 0.5)]),
    "disgustedly surprised": _of([("1", 0.8, 0.6), ("2", 0.8, 0.6), ("5", 0.7, 0.5), ("10", 1, 0.7), ("4", 0.3, 0.3), ("25", 0.5, 0.4)]),
    "appalled": _of([("4", 1, 0.6), ("10", 1, 0.7), ("9", 0.6, 0.6), ("17", 0.4, 0.4), ("24", 0.3, 0.4)]),
    "hatred": _of([("4", 1, 0.8), ("10", 1, 0.65), ("7", 0.7, 0.6), ("9", 0.4, 0.5), ("17", 0.5, 0.5), ("24", 0.3, 0.5)]),
    "awed": _of([("1", 1, 0.7), ("2", 0.8, 0.6), ("5", 0.9, 0.5), ("25", 1, 0.5), ("4", 0.2, 0.2), ("20", 0.2, 0.3), ("26", 0.6, 0.5)]),
}  # fmt: skip
"""Prototypes of the 15 compound expressions."""

PROTOTYPES: Mapping[str, Prototype] = {**BASIC, **COMPOUND}
FREE = "free"
"""Label of samples with any action units."""

_EXCLUSIVE = (("12", "15"), ("24", "25"), ("24", "26"), ("24", "27"), ("23", "27"), ("26", "27"), ("38", "39"),
              ("18", "20"), ("5", "43"), ("17", "27"), ("22", "24"), ("13", "15"), ("32", "24"), ("19", "24"), ("19", "32"))  # fmt: skip
_FREE_UNITS = ("1", "2", "4", "5", "6", "7", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20",
               "22", "23", "24", "25", "26", "27", "32", "38", "39")  # fmt: skip
_SPREAD = 9.0


def draw_aus(rng: np.random.Generator, label: str) -> dict[str, float]:
    """Draw action units of an expression.

    Parameters
    ----------
    rng
        Source of all that is drawn.
    label
        A key of `PROTOTYPES`, or `FREE`.

    Returns
    -------
    Intensities from 0 to 5 by name, those above 0. Where the sides differ, the name of both sides has the weaker
    side's intensity and the name of a side the stronger one's.

    Raises
    ------
    ValueError
        If the label is unknown.
    """
    if label == FREE:
        return _free(rng)
    if label not in PROTOTYPES:
        raise ValueError(f"{label}: unknown expression; one of {', '.join((*PROTOTYPES, FREE))} expected")
    prototype = PROTOTYPES[label]
    variant = prototype.variants[int(rng.integers(len(prototype.variants)))]
    # How expressive the person is moves all units of an expression together.
    vigour = rng.normal(0, 0.14)
    units: dict[str, float] = {}
    for number, chance, mean in variant:
        present, drawn = rng.random(), _beta(rng, float(np.clip(mean + vigour, 0.12, 0.92)))
        if present < chance:
            units[number] = max(drawn, 0.12)
    side = "LR"[int(rng.integers(2))]
    _add_chance_units(rng, units, 0.035 if label != "neutral" else 0.025)
    if prototype.one_sided:
        sided = {side + number if number in SIDED else number: value for number, value in units.items()}
        return _rounded(sided)
    return _rounded(_with_asymmetry(rng, units))


def _free(rng: np.random.Generator) -> dict[str, float]:
    count = int(rng.integers(1, 6))
    units: dict[str, float] = {}
    for number in rng.permutation(_FREE_UNITS):
        if len(units) == count:
            break
        if not _excluded(str(number), units):
            units[str(number)] = float(rng.beta(1.4, 1.2))
    named: dict[str, float] = {}
    for number, value in units.items():
        one_sided = number in SIDED and rng.random() < 0.25
        named["LR"[int(rng.integers(2))] + number if one_sided else number] = value
    return _rounded(named)


def _add_chance_units(rng: np.random.Generator, units: dict[str, float], chance: float) -> None:
    """Let the face do something that does not belong to its expression, weakly."""
    for number in _FREE_UNITS[:-1]:
        happens, value = rng.random() < chance, float(rng.uniform(0.05, 0.3))
        if happens and number not in units and not _excluded(number, units):
            units[number] = value


def _excluded(number: str, units: Mapping[str, float]) -> bool:
    return any((number == a and b in units) or (number == b and a in units) for a, b in _EXCLUSIVE)


def _with_asymmetry(rng: np.random.Generator, units: Mapping[str, float]) -> dict[str, float]:
    named: dict[str, float] = {}
    for number, value in units.items():
        lean = rng.normal(0, 0.09)
        if number not in SIDED or abs(lean) < 0.05:
            named[number] = value
            continue
        named[number] = value * (1 - abs(lean))
        named[("L" if lean > 0 else "R") + number] = min(value * (1 + abs(lean)), 1.0)
    return named


def _beta(rng: np.random.Generator, mean: float) -> float:
    return float(rng.beta(_SPREAD * mean, _SPREAD * (1 - mean)))


def _rounded(units: Mapping[str, float]) -> dict[str, float]:
    found = {number: round(STRONGEST * value, 2) for number, value in units.items()}
    return {number: value for number, value in found.items() if value > 0}
