"""Faces in words: the captions that the text-to-face network learns from, and the prompts that it is asked with.

Captions say expression, age, sex, hair, beard, glasses, skin, pose and light in words. Action units are never in them,
so that what a network knows of action units comes from their own tokens alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from vision_cli.synth_faces.plans.labels import parts_of
from vision_cli.synth_faces.plans.plan import LABEL_FIELD, Wanted
from vision_cli.synth_faces.plans.seeds import word_seed

EXPRESSION_WORDS: Mapping[str, tuple[str, ...]] = {
    "neutral": ("neutral", "calm"),
    "happiness": ("happy", "smiling", "joyful"),
    "sadness": ("sad", "unhappy"),
    "surprise": ("surprised", "amazed"),
    "fear": ("afraid", "fearful", "scared"),
    "disgust": ("disgusted",),
    "anger": ("angry", "furious"),
    "contempt": ("contemptuous", "scornful"),
}
"""Adjectives of each expression, the usual one first."""

_OPENINGS = ("a photo", "a portrait", "a picture")
_GREY_OPENINGS = ("a grey photo", "a black and white photo")
_AGES = ((32.0, "young"), (54.0, "adult"), (np.inf, "old"))
_PERSONS = {"male": "man", "female": "woman"}
_ANYONE = ("person", "face")
_HAIR = {
    "bald": "a bald head",
    "cropped": "cropped {colour} hair",
    "short": "short {colour} hair",
    "tied": "tied {colour} hair",
    "long": "long {colour} hair",
    "afro": "{colour} afro hair",
}
HAIR_COLOURS = ("black", "dark", "brown", "blond", "grey", "red")
_BEARDS = ((0.1, ""), (0.6, "stubble"), (np.inf, "a beard"))
_SKINS = ((0.33, "light skin"), (0.66, "brown skin"), (np.inf, "dark skin"))
_TURNED, _TILTED, _LIT = 8.0, 5.0, 18.0
_YAWS = {-1: "turned left", 0: "facing the camera", 1: "turned right"}
_PITCHES = {-1: "looking up", 0: "", 1: "looking down"}
_LIGHTS = {-1: "light from the left", 0: "light from the front", 1: "light from the right"}
_SHOWING, _FEATURES = "showing", "with {words} expression"

_USUAL_CHANCE = 0.6
"""How often the first of several words is taken."""

_MENTION_CHANCE = 0.75
"""How often a feature is mentioned."""

_RARE_MENTION_CHANCE = 0.9
"""The same of glasses and beards, which most faces do not have."""


def caption_of(label: str | None, facts: Mapping[str, str | float], seed: int) -> str:
    """Return a face in words; what is not in the facts is not said, and features are left out at random.

    Parameters
    ----------
    label
        One of `LABELS`; None where there is none.
    facts
        As those of `ManifestRow`: ``sex``, ``age`` in years, ``hair``, ``hair_colour``, ``beard`` and ``melanin`` from
        0 to 1, ``glasses``, ``yaw_deg``, ``pitch_deg``, ``light_deg``, ``is_grey``.
    seed
        Of the choice of words.
    """
    rng = np.random.default_rng((seed, word_seed(0, "caption", "words")))
    opening = _one_of(rng, _GREY_OPENINGS if facts.get("is_grey") == "yes" else _OPENINGS)
    person = _person(rng, facts)
    manner, words, nouns = rng.random(), _expression(rng, label), " and ".join(parts_of(label)) if label else ""
    if words and manner < 0.8:
        person = f"{words} {person}"
    clauses = []
    if words and 0.8 <= manner < 0.9:
        clauses.append(_FEATURES.format(words=words))
    elif words and manner >= 0.9:
        clauses.append(f"{_SHOWING} {nouns}")
    looks, views = _looks(rng, facts), _views(rng, facts)
    if looks and not clauses:
        clauses.append(f"with {looks.pop(0)}")
    first = " ".join([f"{opening} of {_article(person)} {person}", *clauses])
    return ", ".join([first, *looks, *views])


def prompt_of(wanted: Wanted) -> str:
    """Return what a network is asked for: the prompt of a sample, or one of its label and of a person of its seeds.

    In a prompt ``{label}`` stands for the usual adjectives of the label.
    The person is one that captions describe, so that samples of one label differ as the faces differ that were learned
    from; the same person seed gives the same words of the person.
    """
    if wanted.prompt:
        words = " and ".join(EXPRESSION_WORDS[part][0] for part in parts_of(wanted.label)) if wanted.label else ""
        return " ".join(wanted.prompt.replace(LABEL_FIELD, words).split())
    return caption_of(wanted.label, _anyone(np.random.default_rng(wanted.person_seed)), wanted.person_seed)


def vocabulary() -> tuple[str, ...]:
    """Return all words of captions, in the order of the alphabet."""
    phrases: list[str] = [
        *_OPENINGS,
        *_GREY_OPENINGS,
        *_PERSONS.values(),
        *_ANYONE,
        *HAIR_COLOURS,
        "glasses",
        "of",
        "an",
    ]
    phrases += [word for words in EXPRESSION_WORDS.values() for word in words] + list(EXPRESSION_WORDS)
    phrases += [word for _, word in (*_AGES, *_BEARDS, *_SKINS)] + [style.format(colour="") for style in _HAIR.values()]
    phrases += [
        *_YAWS.values(),
        *_PITCHES.values(),
        *_LIGHTS.values(),
        _SHOWING,
        _FEATURES.format(words=""),
        "and",
        ",",
    ]
    return tuple(sorted({word for phrase in phrases for word in phrase.split()}))


def _person(rng: np.random.Generator, facts: Mapping[str, str | float]) -> str:
    anyone = _one_of(rng, _ANYONE)
    says_sex, says_age = rng.random() < _RARE_MENTION_CHANCE, rng.random() < _MENTION_CHANCE
    person = _PERSONS.get(str(facts.get("sex", "")), anyone) if says_sex else anyone
    if "age" in facts and says_age:
        return f"{_below(_AGES, float(facts['age']))} {person}"
    return person


def _looks(rng: np.random.Generator, facts: Mapping[str, str | float]) -> list[str]:
    """Return what is said of hair, beard, glasses and skin."""
    style, colour = str(facts.get("hair", "")), str(facts.get("hair_colour", ""))
    hair = " ".join(_HAIR[style].format(colour=colour).split()) if style in _HAIR else ""
    beard = _below(_BEARDS, float(facts["beard"])) if "beard" in facts else ""
    glasses = "glasses" if facts.get("glasses") == "yes" else ""
    skin = _below(_SKINS, float(facts["melanin"])) if "melanin" in facts else ""
    chances = (_MENTION_CHANCE, _RARE_MENTION_CHANCE, _RARE_MENTION_CHANCE, _MENTION_CHANCE)
    return _some(rng, (hair, beard, glasses, skin), chances)


def _views(rng: np.random.Generator, facts: Mapping[str, str | float]) -> list[str]:
    """Return what is said of pose and light."""
    yaw = _YAWS[_side(facts["yaw_deg"], _TURNED)] if "yaw_deg" in facts else ""
    pitch = _PITCHES[_side(facts["pitch_deg"], _TILTED)] if "pitch_deg" in facts else ""
    light = _LIGHTS[_side(facts["light_deg"], _LIT)] if "light_deg" in facts else ""
    return _some(rng, (yaw, pitch, light), (_MENTION_CHANCE,) * 3)


def _some(rng: np.random.Generator, parts: Sequence[str], chances: Sequence[float]) -> list[str]:
    numbers = rng.random(len(parts))
    return [part for part, number, chance in zip(parts, numbers, chances, strict=True) if part and number < chance]


def _expression(rng: np.random.Generator, label: str | None) -> str:
    """Return the adjectives of a label; a compound one has those of its two expressions."""
    if label is None:
        return ""
    return " and ".join(_one_of(rng, EXPRESSION_WORDS[part]) for part in parts_of(label))


def _anyone(rng: np.random.Generator) -> Mapping[str, str | float]:
    """Return facts of a person in front of the camera."""
    is_male = bool(rng.random() < 0.5)
    styles = ("bald", "cropped", "short", "long", "afro") if is_male else ("cropped", "short", "tied", "long", "afro")
    chances = (0.1, 0.25, 0.5, 0.08, 0.07) if is_male else (0.04, 0.2, 0.25, 0.45, 0.06)
    melanin = float(rng.random())
    # Light hair on dark skin is in no caption.
    colours = HAIR_COLOURS[: 2 if melanin > 0.66 else 4]
    return {
        "sex": "male" if is_male else "female",
        "age": float(18 + 60 * rng.beta(1.5, 2.2)),
        "hair": styles[int(rng.choice(5, p=np.array(chances) / sum(chances)))],
        "hair_colour": colours[int(rng.integers(len(colours)))],
        "melanin": melanin,
        "beard": float(rng.choice([0.0, 0.3, 0.85], p=[0.5, 0.25, 0.25])) if is_male else 0.0,
        "glasses": "yes" if rng.random() < 0.14 else "no",
        "yaw_deg": 0.0,
        "pitch_deg": 0.0,
        "light_deg": 0.0,
    }


def _one_of(rng: np.random.Generator, words: Sequence[str]) -> str:
    usual, place = rng.random() < _USUAL_CHANCE, int(rng.integers(len(words)))
    return words[0 if usual else place]


def _below(steps: Sequence[tuple[float, str]], value: float) -> str:
    return next(word for limit, word in steps if value < limit)


def _side(value: str | float, least: float) -> int:
    number = float(value)
    return 0 if abs(number) < least else (1 if number > 0 else -1)


def _article(words: str) -> str:
    return "an" if words[0] in "aeiou" else "a"
