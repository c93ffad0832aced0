"""Sentences of reports about findings, made of frames and words, with certainty, denials and slips of the pen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vision_cli.phantoms.chests import wording
from vision_cli.phantoms.chests.anatomy import SIGNS
from vision_cli.phantoms.chests.values import FINDINGS, ChestFilm, Finding, Side, Zone

Certainty = Literal["certain", "probable", "possible"]
Manner = Literal["label", "plain", "localised"]
"""The bare name; a sentence without a place; a sentence with a side, a zone or both."""

_CERTAINTIES: tuple[Certainty, ...] = ("certain", "probable", "possible")
_CERTAINTY_SHARES = (0.7, 0.15, 0.15)
_SLIP, _SWALLOW = 0.12, 0.12
"""Shares of sentences with a misspelt word, and of sentences with dropped words."""

_KINDS = ("localised", "plain", "label", "negated", "clear", "vague", "empty")
_KIND_SHARES = (0.46, 0.10, 0.20, 0.12, 0.03, 0.04, 0.05)

_NOMINAL_V: dict[Zone | None, float] = {"upper": 0.23, "mid": 0.46, "lower": 0.73, "central": 0.45, None: 0.5}
_NOMINAL_U = 0.24


@dataclass(frozen=True)
class Sentence:
    """What is said about a film.

    Attributes
    ----------
    text
        The words; empty where nothing is said.
    finding
        Name that it is about; None for none in particular.
    side
        Side that it names; None if none.
    zone
        Zone that it names; None if none.
    certainty
        How sure it is.
    is_negated
        It denies the finding.
    is_localised
        It names a side or a zone.
    """

    text: str
    finding: str | None
    side: Side | Literal["both"] | None = None
    zone: Zone | None = None
    certainty: Certainty = "certain"
    is_negated: bool = False
    is_localised: bool = False

    def spots_in(self, film: ChestFilm) -> tuple[tuple[float, float], ...]:
        """Return the places of a film that it points to, unit frame; none unless it asserts a place.

        Where the film has no such finding, the middle of the named part of the lungs is meant.
        """
        if self.is_negated or not self.is_localised:
            return ()
        places = [place for finding in film.findings if finding.name == self.finding for place in finding.places]
        named = [place for place in places if self.side in (None, "both", place.side) or place.side is None]
        zoned = [place for place in named if self.zone in (None, place.zone)]
        if named:
            return tuple(place.centre for place in zoned or named)
        sides = SIGNS if self.side in (None, "both") else (self.side,)
        signs = [0] if self.zone == "central" else [sign for side, sign in SIGNS.items() if side in sides]
        nominal = np.array([(0.5 + sign * _NOMINAL_U, _NOMINAL_V[self.zone]) for sign in signs])
        return tuple((float(x), float(y)) for x, y in film.lung_box.to_unit(nominal))


def draw_sentence(rng: np.random.Generator, findings: Sequence[Finding]) -> Sentence:
    """Return a sentence about one of a film's findings, about one that it does not have, or about none."""
    kind = str(rng.choice(_KINDS, p=_KIND_SHARES))
    if kind in ("localised", "plain") and not findings:
        kind = "negated"
    if kind == "empty":
        return Sentence("", None)
    if kind == "vague":
        return make_vague(rng)
    present = {finding.name for finding in findings}
    if kind == "clear" and not present:
        return make_absence(rng, None)
    if kind in ("clear", "negated"):
        absent = [name for name in FINDINGS if name not in present]
        return make_absence(rng, str(rng.choice(absent)))
    if kind == "label" and (not findings or rng.random() < 0.3):
        return make_label(rng, str(rng.choice(FINDINGS)))
    finding = findings[int(rng.integers(len(findings)))]
    if kind == "label":
        return make_label(rng, finding.name)
    return make_sentence(rng, finding, manner="localised" if kind == "localised" else "plain")


def make_sentence(rng: np.random.Generator, finding: Finding, *, manner: Manner = "localised") -> Sentence:
    """Return a sentence that asserts a finding.

    Parameters
    ----------
    rng
        Of the words.
    finding
        That it is about.
    manner
        A finding in the middle of the chest has no place to name and is asserted without one; so are some others.
    """
    if manner == "label":
        return make_label(rng, finding.name)
    family = wording.FAMILIES[finding.name]
    side, zone = _named_place(rng, finding, family) if manner == "localised" else (None, None)
    certainty = _CERTAINTIES[int(rng.choice(3, p=_CERTAINTY_SHARES))]
    nouns = wording.NOUNS[finding.form]
    noun = _pick(rng, nouns if zone else [noun for noun in nouns if not noun.startswith("apical")])
    bare = _with_size(rng, noun, finding)
    phrase = _placed(rng, bare, side, zone, family) if side or zone else bare
    frame = _frame(rng, certainty, family, side, zone)
    text = frame.format(np=phrase, np0=bare, side="" if side in (None, "both") else side)
    return Sentence(
        text=_dictate(rng, text),
        finding=finding.name,
        side=side,
        zone=zone,
        certainty=certainty,
        is_localised=side is not None or zone is not None,
    )


def make_absence(rng: np.random.Generator, name: str | None) -> Sentence:
    """Return a sentence that denies a finding, sometimes for one side only; None denies everything."""
    if name is None:
        return Sentence(_dictate(rng, _pick(rng, wording.CLEAR)), None, is_negated=True)
    own = wording.OWN_ABSENT_FRAMES.get(name, ())
    if own and rng.random() < 0.35:
        return Sentence(_dictate(rng, _pick(rng, own)), name, is_negated=True)
    noun = _pick(rng, wording.NOUNS[_pick(rng, wording.FORMS[name])])
    side: Side | None = None
    if wording.FAMILIES[name] not in ("heart", "mediastinum") and rng.random() < 0.15:
        side = "right" if rng.random() < 0.5 else "left"
        noun = f"{side} {noun}"
    text = _pick(rng, wording.ABSENT_FRAMES).format(np=noun)
    return Sentence(_dictate(rng, text), name, side=side, is_negated=True, is_localised=side is not None)


def make_label(rng: np.random.Generator, name: str) -> Sentence:
    """Return the bare name of a finding, in one of its spellings."""
    return Sentence(_pick(rng, (name, name, name.capitalize(), name.title())), name)


def make_vague(rng: np.random.Generator) -> Sentence:
    """Return a sentence about nothing in particular."""
    return Sentence(_dictate(rng, _pick(rng, wording.VAGUE)), None, certainty="possible")


def misspell(rng: np.random.Generator, word: str) -> str:
    """Return a word with one letter dropped, doubled, or swapped with the next."""
    at = int(rng.integers(1, len(word) - 1))
    kind = int(rng.integers(3))
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at] + word[at:]
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _pick(rng: np.random.Generator, choices: Sequence[str]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _named_place(
    rng: np.random.Generator, finding: Finding, family: str
) -> tuple[Side | Literal["both"] | None, Zone | None]:
    """Return the side and zone that a sentence names: both, or one of them."""
    sides = finding.sides
    first = finding.places[0]
    if not sides:
        return (None, None) if family in ("heart", "mediastinum") else (None, first.zone)
    sided = next(place for place in finding.places if place.side is not None)
    # a device is named by the side that it is on, not by every side that it crosses
    is_both = len(sides) == 2
    side: Side | Literal["both"] | None = "both" if is_both and rng.random() < 0.7 else sided.side
    zone: Zone | None = sided.zone if side != "both" or all(p.zone == sided.zone for p in finding.places) else None
    if family in ("fluid", "device", "bone"):
        return side, None
    what = rng.random()
    if what < 0.3:
        return side, None
    if what < 0.42 and side != "both" and not is_both:
        return None, zone
    return side, zone


def _with_size(rng: np.random.Generator, noun: str, finding: Finding) -> str:
    """Return a noun with a size, a number or a measure before or after it, or bare."""
    name, chance = finding.name, rng.random()
    if name == "lung lesion" and chance < 0.25:
        if finding.form == "nodules":
            return f"{_pick(rng, ('two', 'multiple', 'several', 'a few', str(len(finding.places))))} {noun}"
        millimetres = round(300 * finding.places[0].extent[0] * 2)
        return f"{millimetres} mm {noun}" if rng.random() < 0.7 else f"{noun} measuring {millimetres / 10:.1f} cm"
    if name in ("support devices", "fracture") or chance < 0.5:
        return noun
    has_extent = name not in ("cardiomegaly", "enlarged cardiomediastinum", "edema")
    return f"{_pick(rng, (wording.SIZES if has_extent else wording.DEGREES)[finding.size])} {noun}"


def _placed(
    rng: np.random.Generator,
    noun: str,
    side: Side | Literal["both"] | None,
    zone: Zone | None,
    family: str,
) -> str:
    """Return a noun with its place, before or after it."""
    is_before = rng.random() < 0.5
    if side is None and zone is not None:
        adjective = _pick(rng, wording.ZONE_ADJECTIVES[zone])
        return f"{adjective} {noun}" if is_before else f"{noun} {_pick(rng, wording.ZONE_ALONE[zone])}"
    zoned = _pick(rng, wording.ZONE_ADJECTIVES[zone]) if zone else ""
    if side == "both":
        if is_before:
            return f"bilateral {zoned} {noun}".replace("  ", " ")
        return f"{noun} " + (
            f"in both {wording.ZONE_PLACES[zone][1]}s" if zone else _pick(rng, ("bilaterally", "on both sides"))
        )
    if is_before:
        if zone:
            return f"{side} {zoned} {noun}"
        return f"{_pick(rng, (f'{side}', f'{side} sided', f'{side}-sided'))} {noun}"
    if zone:
        return f"{noun} {_pick(rng, ('in', 'at', 'within', 'over'))} the {side} {_pick(rng, wording.ZONE_PLACES[zone])}"
    places = {
        "lung": ("in the {} lung", "on the {}", "in the {} hemithorax"),
        "device": ("on the {}", "in the {} chest wall", "from a {} approach", "over the {} chest"),
        "bone": ("on the {}", "of the {} chest wall"),
    }
    return f"{noun} " + _pick(rng, places.get(family, ("on the {}", "in the {} hemithorax", "at the {} side"))).format(
        side
    )


def _frame(rng: np.random.Generator, certainty: Certainty, family: str, side: str | None, zone: Zone | None) -> str:
    """Return a frame that holds all that the sentence is to name."""
    if certainty == "probable":
        return _pick(rng, wording.PROBABLE)
    if certainty == "possible":
        return _pick(rng, wording.POSSIBLE)
    can_side = side in SIGNS and zone is None
    must_place = side is not None or zone is not None
    own = [
        frame
        for frame in wording.OWN_FRAMES[family]
        if ("{side}" in frame and can_side) or ("{side}" not in frame and ("{np}" in frame or not must_place))
    ]
    return _pick(rng, own) if own and rng.random() < 0.3 else _pick(rng, wording.FRAMES)


def _dictate(rng: np.random.Generator, text: str) -> str:
    """Return a sentence as it is written down: capital and full stop or not, words dropped or misspelt now and then."""
    words = text.split()
    if rng.random() < _SWALLOW:
        words = [word for word in words if word not in wording.DROPPED or rng.random() < 0.4] or words
    if rng.random() < _SLIP:
        long = [
            at for at, word in enumerate(words) if len(word) > 5 and word.isalpha() and word not in wording.PROTECTED
        ]
        if long:
            at = long[int(rng.integers(len(long)))]
            words[at] = misspell(rng, words[at])
    text = " ".join(words)
    if rng.random() < 0.6:
        text = text[:1].upper() + text[1:]
    return text + ("." if rng.random() < 0.6 else "")
