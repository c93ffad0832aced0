"""Words of expressions: eight basic ones, fifteen compound ones, and what data sets and people call them."""

from __future__ import annotations

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import UsageError
from vision_cli.synth_faces.values import EXPRESSIONS

BASIC8 = EXPRESSIONS
BASIC7 = EXPRESSIONS[:7]
"""Without contempt, as RAF-DB, FER2013 and SFEW have it."""

COMPOUND: dict[str, tuple[str, ...]] = {
    "happily-surprised": ("happiness", "surprise"),
    "happily-disgusted": ("happiness", "disgust"),
    "sadly-fearful": ("sadness", "fear"),
    "sadly-angry": ("sadness", "anger"),
    "sadly-surprised": ("sadness", "surprise"),
    "sadly-disgusted": ("sadness", "disgust"),
    "fearfully-angry": ("fear", "anger"),
    "fearfully-surprised": ("fear", "surprise"),
    "fearfully-disgusted": ("fear", "disgust"),
    "angrily-surprised": ("anger", "surprise"),
    "angrily-disgusted": ("anger", "disgust"),
    "disgustedly-surprised": ("disgust", "surprise"),
    "appalled": ("disgust", "anger"),
    "hatred": ("disgust", "anger"),
    "awed": ("fear", "surprise"),
}
"""The compound expressions of Du, Tao and Martinez 2014, Table 1, and the basic ones that they join."""

_SETS = {"basic7": BASIC7, "basic8": BASIC8, "compound": tuple(COMPOUND)}
LABELS = (*EXPRESSIONS, *COMPOUND)

_WORDS = {
    "neutral": ("neutrality",),
    "happiness": ("happy", "happily", "joy", "joyful", "smile", "smiling"),
    "sadness": ("sad", "sadly"),
    "surprise": ("surprised",),
    "fear": ("fearful", "afraid", "scared"),
    "disgust": ("disgusted",),
    "anger": ("angry",),
    "contempt": ("contemptuous",),
}
_MEANINGS = {word: name for name, words in _WORDS.items() for word in (name, *words)}


def parse_labels(text: str, where: str = "--labels") -> tuple[str, ...]:
    """Return the labels of ``basic7``, ``basic8``, ``compound`` or words apart by commas, each once.

    Raises
    ------
    UsageError
        If a word is unknown, or there is none.
    """
    found: list[str] = []
    for word in filter(None, (part.strip().lower() for part in text.split(","))):
        found += _SETS[word] if word in _SETS else [label_of(word, where)]
    if not found:
        raise UsageError(f"{where}: no label; {', '.join(_SETS)} or words such as happiness expected.")
    return tuple(dict.fromkeys(found))


def label_of(word: str, where: str = "--labels") -> str:
    """Return the label that a word means.

    Raises
    ------
    UsageError
        If it means none.
    """
    plain = word.strip().lower().replace("_", "-").replace(" ", "-")
    if plain in COMPOUND:
        return plain
    if (name := expression_of(plain)) is None:
        raise UsageError(
            f"{where}: label {word!r}; {', '.join((*_SETS, *LABELS))} expected.", hint=did_you_mean(plain, LABELS)
        )
    return name


def expression_of(word: str) -> str | None:
    """Return the basic expression that a word of a data set means, as ``happy`` or ``Angry``; None if it is unknown."""
    return _MEANINGS.get(word.strip().lower())


def parts_of(label: str) -> tuple[str, ...]:
    """Return the basic expressions that a label joins: itself, of a basic one."""
    return COMPOUND.get(label, (label,))
