"""Supports as the command line names them: ``PICTURE:MASK``, with ``CLASS=`` before it for one of several classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import UsageError

DEFAULT_CLASS = "object"
_EXPECTED = "[CLASS=]PICTURE:MASK expected"


@dataclass(frozen=True)
class NamedSupport:
    """A support before it is read.

    Attributes
    ----------
    class_name
        Its class.
    picture
        The picture.
    mask
        Its mask; None for a picture without the class.
    """

    class_name: str
    picture: Path
    mask: Path | None


def parse_supports(
    words: Sequence[str], negatives: Sequence[str], *, default: str = DEFAULT_CLASS
) -> tuple[NamedSupport, ...]:
    """Return the supports that words name; positive ones first.

    Parameters
    ----------
    words
        Values of ``--support``.
    negatives
        Values of ``--negative``, ``[CLASS=]PICTURE``; one without a class is a negative support of all classes.
    default
        Class of those without one.

    Raises
    ------
    UsageError
        If a file is not there, a word has another form, or a class has negative supports alone.
    """
    positive = [_support(word, default) for word in words]
    classes = list(dict.fromkeys(one.class_name for one in positive)) or [default]
    found = list(positive)
    for word in negatives:
        name, path = _class_and_rest(word)
        if not Path(path).is_file():
            raise UsageError(f"--negative {word}: no such file.", hint="Give [CLASS=]PICTURE.")
        if name is not None and name not in classes:
            raise UsageError(f"--negative {word}: no support of class {name!r}; {', '.join(classes)} expected.")
        found += [NamedSupport(one, Path(path), None) for one in (classes if name is None else [name])]
    return tuple(found)


def _support(word: str, default: str) -> NamedSupport:
    name, rest = _class_and_rest(word)
    cuts = [place for place, letter in enumerate(rest) if letter == ":"]
    for cut in reversed(cuts):
        picture, mask = Path(rest[:cut]), Path(rest[cut + 1 :])
        if picture.is_file() and mask.is_file():
            return NamedSupport(name or default, picture, mask)
    if not cuts:
        hint = "Give the mask after a colon: a.jpg:a.png. For a picture without the class: --negative a.jpg."
        raise UsageError(f"--support {word}: no mask; {_EXPECTED}.", hint=hint)
    picture, mask = Path(rest[: cuts[-1]]), Path(rest[cuts[-1] + 1 :])
    missing = mask if picture.is_file() else picture
    raise UsageError(f"--support {word}: {missing or 'nothing'}: no such file; {_EXPECTED}.")


def _class_and_rest(word: str) -> tuple[str | None, str]:
    """Return the class before ``=`` and what follows; file names may have ``=`` themselves."""
    name, equals, rest = word.partition("=")
    if not equals or "/" in name or Path(word.partition(":")[0]).is_file():
        return None, word
    return name.strip() or None, rest
