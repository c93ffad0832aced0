"""Films with what is said about them, by the words of the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.data.films import AUTO, film_source, is_film
from vision_cli.gaze_predict.data.readings import require_columns
from vision_cli.gaze_predict.data.reports import read_report
from vision_cli.gaze_predict.text.sentences import split_sentences
from vision_cli.gaze_predict.text.tokenizer import LENGTH, Tokenizer
from vision_cli.gaze_predict.values import FilmSource
from vision_cli.io.pictures.folders import names_below
from vision_cli.io.tables.tables import read_csv_table
from vision_cli.io.volumes.radiographs import Window

_LISTS = (".csv", ".tsv")


@dataclass(frozen=True)
class Case:
    """A film and the sentences about it.

    Attributes
    ----------
    name
        Unique in a run.
    film
        The film.
    sentences
        In the order in which they are said; empty for a search without a question.
    """

    name: str
    film: FilmSource
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class FilmReading:
    """How films are read; see `vision_cli.gaze_predict.data.films.read_film`."""

    window: Window | None = None
    auto_invert: bool = False

    def source(self, path: Path, name: str) -> FilmSource:
        """Return a film that is read when it is asked for."""
        return film_source(path, name=name, window=self.window or AUTO, auto_invert=self.auto_invert)


def open_cases(words: Sequence[Path], sentences: Sequence[str], reading: FilmReading) -> tuple[Case, ...]:
    """Return the films that words name, each with the same sentences, or with those of a list.

    Parameters
    ----------
    words
        Films, folders of films, and lists: CSV with the columns ``image`` and ``text`` or ``report``, a film or a
        sentence a row; paths in it are below its folder.
    sentences
        For films that are not in a list.
    reading
        How they are read.

    Raises
    ------
    InputError
        If a word names no film, or a list is damaged.
    """
    paths: dict[Path, tuple[str, ...]] = {}
    for word in words:
        if word.suffix.lower() in _LISTS:
            paths |= _listed(word)
        elif word.is_dir():
            found = [path for path in sorted(word.rglob("*")) if path.is_file() and is_film(path)]
            if not found:
                raise InputError(
                    f"{word}: a folder without films.", hint="Give a folder with DICOM, PNG or JPEG files."
                )
            paths |= dict.fromkeys(found, tuple(sentences))
        elif word.is_file():
            paths[word] = tuple(sentences)
        else:
            raise InputError(f"{word}: no such file or folder; a film expected.", hint="Check the path.")
    names = _names(list(paths))
    return tuple(
        Case(name, reading.source(path, name), said) for name, (path, said) in zip(names, paths.items(), strict=True)
    )


def sentences_of(text: str | None, report: Path | None, chosen: int | None = None) -> tuple[str, ...]:
    """Return the sentences of a text or of a report; ``chosen`` is the number of the only one, from 1.

    Raises
    ------
    InputError
        If there is no sentence, or none of this number.
    """
    if report is not None:
        parts = [section.text for section in read_report(report)]
    elif text is not None:
        parts = [text]
    else:
        return ()
    count = Tokenizer.default().count
    found = tuple(one.text for part in parts for one in split_sentences(part, most=LENGTH, count=count))
    where = report if report is not None else "--text"
    if not found:
        raise InputError(
            f"{where}: no word in it; a sentence expected.", hint="Leave it out for a search without a question."
        )
    if chosen is None:
        return found
    if not 1 <= chosen <= len(found):
        raise InputError(f"{where}: {len(found)} sentences; no sentence {chosen}.", hint="Give --sentence N or all.")
    return (found[chosen - 1],)


def _listed(path: Path) -> Mapping[Path, tuple[str, ...]]:
    rows = list(read_csv_table(path, ("image",)))
    if not rows:
        raise InputError(f"{path}: no row; films expected.")
    if not {"text", "report"} & set(rows[0]):
        require_columns(path, list(rows[0]), ("image", "text"))
    found: dict[Path, tuple[str, ...]] = {}
    for row in rows:
        film = path.parent / row["image"]
        said = sentences_of(row.get("text") or None, path.parent / row["report"] if row.get("report") else None)
        found[film] = (*found.get(film, ()), *said)
    return found


def _names(paths: Sequence[Path]) -> list[str]:
    import os

    absolute = [Path(os.path.abspath(path)) for path in paths]
    return names_below(Path(os.path.commonpath([path.parent for path in absolute])), absolute)
