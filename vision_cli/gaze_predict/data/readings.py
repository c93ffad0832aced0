"""From a reading, its fixations and its dictation, to recordings of single sentences.

A sentence takes the fixations that overlap the time from a lead-in before its start to its end: eyes go ahead of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.films import FilmIndex
from vision_cli.gaze_predict.values import FINDINGS, Recording, ScanPath, Split
from vision_cli.io.pictures.folders import Findings

Coords = Literal["pixel", "unit"]
Floats = NDArray[np.float64]

LEAD_IN_S = 1.5
"""Seconds before the start of a sentence whose fixations belong to it."""

_UNIT_AT_MOST = 1.5
"""Positions in pixels go further than this in any film."""

_SPLITS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validate": "val",
    "validation": "val",
    "test": "test",
}
_ENDS_SENTENCE = re.compile(r"[.?!](?=\s|$)")
_CLOSES = re.compile(r" (?=[.,;:?!])")


@dataclass
class GazeSource:
    """What the readers of layouts share while they read a data set.

    Attributes
    ----------
    films
        The films at hand.
    findings
        What cannot be used.
    coords
        Unit of the positions of a table that does not say so itself.
    lead_in
        Seconds before a sentence whose fixations belong to it.
    off_film
        Fixations dropped so far because they lie beside the film.
    without_ends
        Readings so far whose dictation has no punctuation.
    """

    films: FilmIndex
    findings: Findings
    coords: Coords = "pixel"
    lead_in: float = LEAD_IN_S
    off_film: int = 0
    without_ends: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fixations:
    """Fixations of a whole reading, in the order of time.

    Attributes
    ----------
    points
        ``(N, 2)`` in the unit frame, inside the film.
    starts, ends
        ``(N,)`` s; NaN where times are not known.
    """

    points: Floats
    starts: Floats
    ends: Floats


@dataclass(frozen=True)
class Spoken:
    """Words, or a sentence, and when they were said, in s."""

    text: str
    start: float
    end: float


def unit_points(where: Path, x: ArrayLike, y: ArrayLike, size: tuple[float, float]) -> Floats:
    """Return positions in pixels as points of the unit frame, ``(N, 2)``.

    Parameters
    ----------
    where
        The file, for the message.
    x, y
        ``(N,)`` px, beside the film too; NaN where there is none.
    size
        Width and height of the film in px.

    Raises
    ------
    InputError
        If no position is beyond 1.5, as those in fractions of the film are.
    """
    points = np.stack([np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)], axis=1)
    known = points[np.isfinite(points)]
    if known.size and known.max() <= _UNIT_AT_MOST and min(size) > _UNIT_AT_MOST:
        raise InputError(
            f"{where}: positions up to {known.max():g}; pixels of a film of {size[0]:g} × {size[1]:g} expected.",
            hint="For fractions of the film give --coords unit.",
        )
    return np.asarray(points / np.asarray(size, dtype=np.float64))


def usable(source: GazeSource, name: str, points: Floats, starts: ArrayLike, ends: ArrayLike) -> Fixations | None:
    """Return the fixations inside the film, in the order of time; None, with a finding, where there is none.

    Parameters
    ----------
    source
        Counts what is dropped.
    name
        The reading, for findings.
    points
        ``(N, 2)`` in the unit frame.
    starts, ends
        ``(N,)`` s; all NaN where times are not known.
    """
    first, last = np.asarray(starts, dtype=np.float64), np.asarray(ends, dtype=np.float64)
    is_place = np.isfinite(points).all(axis=1)
    is_time = ~(last < first)
    for bad, reason in ((~is_place, "a position that is no number"), (is_place & ~is_time, "a negative duration")):
        for number in np.flatnonzero(bad):
            source.findings.leave_out(f"fixation {number + 1} of {name}", reason)
    inside = is_place & ((points >= 0) & (points <= 1)).all(axis=1)
    source.off_film += int((is_place & is_time & ~inside).sum())
    kept = np.flatnonzero(inside & is_time)
    if not len(kept):
        source.findings.leave_out(name, "no fixation inside the film")
        return None
    # Times that are not known, all or some, come last in the order of the file.
    kept = kept[np.argsort(first[kept], kind="stable")]
    return Fixations(points[kept], first[kept], last[kept])


def sentences(source: GazeSource, name: str, words: Sequence[Spoken]) -> list[Spoken]:
    """Return the sentences of a dictation; all of it is one where it has no punctuation."""
    found: list[Spoken] = []
    begun: list[Spoken] = []
    for word in words:
        begun.append(word)
        if _ENDS_SENTENCE.search(word.text):
            found.append(_joined(begun))
            begun = []
    if begun:
        found.append(_joined(begun))
        if len(found) == 1:
            source.without_ends.append(name)
    return [one for one in found if any(letter.isalnum() for letter in one.text)]


def spoken_paths(
    source: GazeSource, name: str, fixations: Fixations, said: Sequence[Spoken]
) -> Iterator[tuple[str, str, ScanPath]]:
    """Yield number, text and scan path of each sentence that a fixation belongs to."""
    for number, one in enumerate(said, start=1):
        chosen = (fixations.starts <= one.end) & (fixations.ends >= one.start - source.lead_in)
        if not chosen.any():
            source.findings.leave_out(f"sentence {number} of {name}", "no fixation while it was said")
            continue
        yield f"{number:02d}", one.text, scan_path(fixations, chosen)


def scan_path(fixations: Fixations, chosen: NDArray[np.bool_] | slice = slice(None)) -> ScanPath:
    """Return chosen fixations as a scan path."""
    starts, ends = fixations.starts[chosen], fixations.ends[chosen]
    return ScanPath(
        fixations.points[chosen].astype(np.float32), (ends - starts).astype(np.float32), starts.astype(np.float32)
    )


def split_named(where: Path, word: str) -> Split | None:
    """Return the split that a word of a data set names; None for no word.

    Raises
    ------
    InputError
        If it names none.
    """
    if not word:
        return None
    if word.lower() not in _SPLITS:
        raise InputError(f"{where}: split {word!r}; {', '.join(_SPLITS)} expected.", hint="Rename it.")
    return _SPLITS[word.lower()]


def finding_named(word: str) -> str | None:
    """Return the finding of a name, however it is written; None if there is no such finding."""
    plain = " ".join(word.lower().replace("_", " ").split())
    return plain if plain in FINDINGS else None


def require_columns(where: Path, found: Sequence[str], needed: Sequence[str]) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    InputError
        With the columns found and those needed.
    """
    if missing := [name for name in needed if name not in found]:
        raise InputError(
            f"{where}: columns {', '.join(found) or 'none'}; {', '.join(missing)} needed too.",
            hint="Is it a table of this layout?",
        )


def number(text: str | None) -> float:
    """Return a cell as a number; NaN where it is none."""
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def notes_of(source: GazeSource, recordings: Sequence[Recording]) -> tuple[str, ...]:
    """Return a sentence on each thing that was left out or assumed."""
    if source.off_film:
        source.findings.say(f"{source.off_film} fixations beside the film were dropped.")
    if source.without_ends:
        source.findings.say(
            f"{len(source.without_ends)} readings without punctuation are one sentence each, as "
            f"{source.without_ends[0]}."
        )
    if lacking := sum(one.film is None for one in recordings):
        source.findings.say(f"The films of {lacking} of {len(recordings)} recordings are not at hand.")
    return source.findings.sentences()


def _joined(words: Sequence[Spoken]) -> Spoken:
    text = _CLOSES.sub("", " ".join(word.text.strip() for word in words))
    return Spoken(text, words[0].start, words[-1].end)
