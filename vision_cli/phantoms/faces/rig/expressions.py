"""Samples of expressions: which action units a face shows, and how strongly."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from vision_cli.phantoms.faces.rig.action_units import BILATERAL, SIDED, STRONGEST
from vision_cli.phantoms.faces.rig.prototypes import PROTOTYPES

FREE = "free"
"""Label of samples with any action units."""

_EXCLUSIVE = (
    ("5", "43"), ("12", "15"), ("13", "15"), ("17", "27"), ("18", "20"), ("19", "24"), ("19", "32"), ("22", "24"),
    ("23", "27"), ("24", "25"), ("24", "26"), ("24", "27"), ("24", "32"), ("26", "27"), ("38", "39"),
)  # fmt: skip
_FREE_UNITS = tuple(number for number in BILATERAL if number != "43")
# Sum of the parameters of beta distributions: the greater, the narrower.
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
    for number in _FREE_UNITS:
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
