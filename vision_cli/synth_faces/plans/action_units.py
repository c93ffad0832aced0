"""Action units in words, as vectors of 41, and by side of the face.

``12=4`` asks for AU 12 on both sides with intensity 4; ``L14=2`` for AU 14 of the left side alone. Intensities are
numbers from 0 to 5 or the letters A to E of FACS, which are 1 to 5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.values import AUS, BILATERAL_AUS, MOST_INTENSE, SIDED_AUS

_SIDES = ("L", "R")
_LETTERS = {letter: float(place) for place, letter in enumerate("ABCDE", start=1)}
_KNOWN = frozenset(AUS)

OPPOSED: tuple[tuple[str, str, str], ...] = (
    ("12", "15", "pull the corner of the mouth up and down"),
    ("18", "20", "purse and stretch the lips"),
    ("24", "25", "press the lips together and part them"),
    ("24", "27", "press the lips together and stretch the mouth open"),
    ("26", "27", "are two degrees of opening the jaw"),
    ("38", "39", "widen and narrow the nostrils"),
)
"""Pairs of AUs whose muscles work against each other on the same side, and what they do (Ekman, Friesen and Hager,
FACS, 2002)."""


def parse_aus(text: str, where: str = "--au") -> dict[str, float]:
    """Return the intensities that words such as ``12=4,6=3,L14=2`` ask for, in the order of `AUS`.

    Parameters
    ----------
    text
        Words apart by comma, semicolon or blank.
    where
        Option or place of the text, for messages.

    Raises
    ------
    UsageError
        If an AU is unknown, given twice or has no such sides, or an intensity is not from 0 to 5.
    """
    found: dict[str, float] = {}
    for word in re.split(r"[,;\s]+", text.strip()):
        if not word:
            continue
        unit, is_given, value = word.partition("=")
        name = au_name(unit, where)
        if not is_given:
            raise UsageError(f"{where}: {word!r} without an intensity; {name}=3 expected.", hint="Intensities: 0 to 5.")
        if name in found:
            raise UsageError(f"{where}: AU {name} twice; once expected.", hint="Remove one.")
        found[name] = au_intensity(value, name, where)
    return in_order(found)


def au_name(word: str, where: str = "--au") -> str:
    """Return the name of an AU in `AUS` from ``12``, ``AU12``, ``AU06``, ``L12`` or ``AUL12``, in whatever case.

    Raises
    ------
    UsageError
        If there is no such AU, or it has no left and right.
    """
    parts = re.fullmatch(r"(?:AU[_ ]?)?([LR]?)0*(\d*)", word.strip().upper())
    side, number = parts.groups() if parts else ("", "")
    name = f"{side}{number}"
    if name in _KNOWN:
        return name
    if side and not number:
        raise UsageError(
            f"{where}: {word!r} is a side without an action unit; one such as {side}12 expected.",
            hint="Add its number.",
        )
    if side and number in BILATERAL_AUS:
        sided = ", ".join(dict.fromkeys(unit[1:] for unit in SIDED_AUS))
        raise UsageError(
            f"{where}: AU {number} has no left and right here; a side of {sided} expected.",
            hint=f"Ask for both sides with {number}=...",
        )
    raise UsageError(f"{where}: AU {word!r}; one of {', '.join(AUS)} expected.", hint=did_you_mean(name or word, AUS))


def au_intensity(text: str, name: str, where: str = "--au") -> float:
    """Return an intensity from a number from 0 to 5 or a letter from A to E.

    Raises
    ------
    UsageError
        If it is neither.
    """
    word = text.strip().upper()
    try:
        value = _LETTERS[word] if word in _LETTERS else float(word)
    except ValueError:
        value = math.nan
    if not 0 <= value <= MOST_INTENSE:
        raise UsageError(
            f"{where}: AU {name} of intensity {text!r}; 0 to {MOST_INTENSE:g} expected.",
            hint="The grades A to E of FACS are 1 to 5.",
        )
    return value


def aus_text(aus: Mapping[str, float]) -> str:
    """Return intensities as words that `parse_aus` reads; those of 0 too."""
    return ",".join(f"{name}={value:.6g}" for name, value in in_order(aus).items())


def in_order(aus: Mapping[str, float]) -> dict[str, float]:
    """Return intensities in the order of `AUS`."""
    return {name: float(aus[name]) for name in AUS if name in aus}


def au_vector(aus: Mapping[str, float]) -> tuple[float, ...]:
    """Return the 41 intensities in the order of `AUS`, 0 for those that are not named.

    Raises
    ------
    ValueError
        If an AU is unknown or an intensity is not from 0 to 5.
    """
    if unknown := sorted(set(aus) - _KNOWN):
        raise ValueError(f"action units {', '.join(unknown)}; names of the 41 expected")
    if wrong := {name: value for name, value in aus.items() if not 0 <= value <= MOST_INTENSE}:
        raise ValueError(f"intensities {wrong}; 0 to {MOST_INTENSE:g} expected")
    return tuple(float(aus.get(name, 0.0)) for name in AUS)


def aus_of_vector(vector: Sequence[float] | Iterable[float]) -> dict[str, float]:
    """Return the intensities of a vector of 41 by name, those of 0 left out.

    Raises
    ------
    ValueError
        If it does not have 41 values.
    """
    return {name: float(value) for name, value in zip(AUS, vector, strict=True) if value != 0}


def sides_of(aus: Mapping[str, float]) -> dict[str, tuple[float, float]]:
    """Return left and right intensity of each AU that is named, by number.

    A side that is named counts for its side; the other side has what is asked for both, or 0.
    """
    numbers = [number for number in BILATERAL_AUS if number in aus or any(f"{side}{number}" in aus for side in _SIDES)]
    both = {number: float(aus.get(number, 0.0)) for number in numbers}
    return {
        number: (float(aus.get(f"L{number}", both[number])), float(aus.get(f"R{number}", both[number])))
        for number in numbers
    }


def completed_aus(aus: Mapping[str, float]) -> dict[str, float]:
    """Return intensities with both sides and the whole named: as OpenGraphAU has it, a number is its stronger side."""
    complete: dict[str, float] = {}
    for number, (left, right) in sides_of(aus).items():
        complete[number] = max(left, right)
        if f"L{number}" in _KNOWN:
            complete |= {f"L{number}": left, f"R{number}": right}
    return in_order(complete)


def conflicts(aus: Mapping[str, float]) -> tuple[str, ...]:
    """Return a sentence on each pair of AUs that work against each other on one side; they can be asked for."""
    sides = sides_of(aus)
    return tuple(
        f"AU {first} and {second} {what}: a face can hardly show both."
        for first, second, what in OPPOSED
        if any(one > 0 and other > 0 for one, other in zip(sides.get(first, ()), sides.get(second, ()), strict=False))
    )
