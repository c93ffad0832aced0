"""Recordings written as other data sets lay them out, so that their readers can be used on generated ones.

What a layout has no place for is lost: sentences in GazeSearch, findings in REFLACX and EGD, splits in EGD. Sentences
of one film and reader follow each other in one reading, further apart than a sentence looks back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.files import write_csv, write_json, write_text
from vision_cli.gaze_predict.data.layouts import egd, reflacx
from vision_cli.gaze_predict.data.readings import LEAD_IN_S, Spoken
from vision_cli.gaze_predict.values import MAP_SIDE, Film, Recording, Split
from vision_cli.io.pictures.photographs import write_photograph

FILMS = "images"
"""Folder of the films."""

_PAUSE_S = 2 * LEAD_IN_S
_USUAL_DURATION_S = 0.28
_REFLACX_SPLITS: dict[Split | None, str] = {"train": "train", "val": "validate", "test": "test", None: ""}
_GAZESEARCH_SPLITS: dict[Split | None, str] = {"train": "train", "val": "valid", "test": "test", None: ""}
_WORD = re.compile(r"[^\s.,;:?!]+(?:[.,][^\s.,;:?!]+)*|[.,;:?!]")
_UNSAFE = re.compile(r"[^\w.-]+")

Size = tuple[int, int]


@dataclass(frozen=True)
class _Reading:
    """Sentences about one film, one after the other: their recordings, and the times of their fixations in s."""

    film: str
    recordings: tuple[Recording, ...]
    starts: tuple[tuple[float, ...], ...]
    ends: tuple[tuple[float, ...], ...]


class LayoutFiles(Protocol):
    """Where the tables of a layout are written, such as a run."""

    def write_csv(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a table."""
        ...

    def write_json(self, name: str, document: Mapping[str, object] | Sequence[object]) -> None:
        """Write a document."""
        ...

    def write_text(self, name: str, text: str) -> None:
        """Write a text."""
        ...


def write_layout(directory: Path, layout: str, recordings: Sequence[Recording]) -> None:
    """Write recordings and their films into an empty folder, or one to make; see `write_tables`."""
    _require_layout(layout)
    films: dict[str, Size] = {}
    for one in _writable(recordings):
        name = film_file_name(one)
        if one.film is not None and name not in films:
            films[name] = write_film(directory / FILMS / f"{name}.png", one.film.read())
    write_tables(_Folder(directory), layout, recordings, films)


def write_tables(files: LayoutFiles, layout: str, recordings: Sequence[Recording], films: Mapping[str, Size]) -> None:
    """Write the tables of recordings, without their films.

    Parameters
    ----------
    files
        Writes them.
    layout
        ``reflacx``, ``egd``, ``gazesearch`` or ``csv``.
    recordings
        Each with its film and a fixation or more.
    films
        Widths and heights by `film_file_name`.

    Raises
    ------
    UsageError
        If there is no such layout.
    InputError
        If a recording has no film or no fixation.
    ResourceError
        If the disk is full.
    """
    _require_layout(layout)(files, _writable(recordings), films)


def write_film(path: Path, film: Film) -> Size:
    """Write a film as PNG of 8 bits, and return its width and height."""
    grey = np.rint(np.clip(film.pixels, 0, 1) * 255).astype(np.uint8)
    write_photograph(path, np.repeat(grey[..., None], 3, axis=2))
    return grey.shape[1], grey.shape[0]


def film_file_name(recording: Recording) -> str:
    """Return the name of the film of a recording as one of a file, without ending."""
    return "film" if recording.film is None else _UNSAFE.sub("_", recording.film.name).lstrip(".") or "film"


@dataclass(frozen=True)
class _Folder:
    """Writes into a folder."""

    directory: Path

    def write_csv(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        write_csv(self.directory / name, columns, rows)

    def write_json(self, name: str, document: Mapping[str, object] | Sequence[object]) -> None:
        write_json(self.directory / name, document)

    def write_text(self, name: str, text: str) -> None:
        write_text(self.directory / name, text)


_Writer = Callable[[LayoutFiles, Sequence[Recording], Mapping[str, Size]], None]


def _require_layout(layout: str) -> _Writer:
    writers: dict[str, _Writer] = {
        "reflacx": _write_reflacx,
        "egd": _write_egd,
        "gazesearch": _write_gazesearch,
        "csv": _write_csv,
    }
    if layout not in writers:
        raise UsageError(f"layout {layout!r}; {', '.join(writers)} expected.")
    return writers[layout]


def _writable(recordings: Sequence[Recording]) -> Sequence[Recording]:
    for one in recordings:
        if one.film is None or not len(one.path):
            raise InputError(f"{one.id}: no film or no fixation; both expected to write a recording.")
    return recordings


def _write_csv(files: LayoutFiles, recordings: Sequence[Recording], sizes: Mapping[str, Size]) -> None:
    columns = ("image", "text", "x", "y", "duration", "order", "reader", "sentence_id", "split", "subject", "finding")
    rows = []
    for one in recordings:
        width, height = sizes[film_file_name(one)]
        for order, ((x, y), duration) in enumerate(zip(one.path.points, _durations(one), strict=True), start=1):
            rows.append(
                (
                    f"{film_file_name(one)}.png",
                    one.sentence,
                    round(float(x) * width, 3),
                    round(float(y) * height, 3),
                    round(duration, 6),
                    order,
                    one.reader,
                    one.id,
                    one.split or "",
                    one.subject,
                    one.finding or "",
                )
            )
    files.write_csv("gaze.csv", columns, rows)


def _write_gazesearch(files: LayoutFiles, recordings: Sequence[Recording], _: Mapping[str, Size]) -> None:
    files.write_json(
        "gazesearch.json",
        [
            {
                "name": f"{film_file_name(one)}.png",
                "subject": one.reader,
                "task": one.finding or one.sentence,
                "condition": "present",
                "bbox": [0, 0, 0, 0],
                "X": [round(float(x) * MAP_SIDE, 3) for x in one.path.points[:, 0]],
                "Y": [round(float(y) * MAP_SIDE, 3) for y in one.path.points[:, 1]],
                "T": [round(duration, 6) for duration in _durations(one)],
                "length": len(one.path),
                "fixOnTarget": True,
                "correct": 1,
                "split": _GAZESEARCH_SPLITS[one.split],
            }
            for one in recordings
        ],
    )


def _write_reflacx(files: LayoutFiles, recordings: Sequence[Recording], sizes: Mapping[str, Size]) -> None:
    folder = "main_data"
    listed = []
    for number, reading in enumerate(_readings(recordings, by_reader=True), start=1):
        name = f"P100R{number:06d}"
        first = reading.recordings[0]
        width, height = sizes[reading.film]
        listed.append(
            (
                name,
                _REFLACX_SPLITS[first.split],
                False,
                f"{reading.film}.png",
                reading.film,
                first.subject,
                width,
                height,
                first.reader,
            )
        )
        fixations = [
            (round(start, 6), round(end, 6), round(float(x) * width, 3), round(float(y) * height, 3))
            for one, starts, ends in zip(reading.recordings, reading.starts, reading.ends, strict=True)
            for start, end, (x, y) in zip(starts, ends, one.path.points, strict=True)
        ]
        files.write_csv(f"{folder}/{name}/fixations.csv", reflacx.FIXATIONS, fixations)
        words = [(word.text, round(word.start, 6), round(word.end, 6)) for word in _words(reading)]
        files.write_csv(f"{folder}/{name}/timestamps_transcription.csv", reflacx.WORDS, words)
        files.write_text(
            f"{folder}/{name}/transcription.txt", " ".join(one.sentence for one in reading.recordings) + "\n"
        )
    columns = ("id", "split", "eye_tracking_data_discarded", "image", "dicom_id", "subject_id")
    files.write_csv(f"{folder}/metadata_phase_1.csv", (*columns, "image_size_x", "image_size_y", "reader"), listed)


def _write_egd(files: LayoutFiles, recordings: Sequence[Recording], sizes: Mapping[str, Size]) -> None:
    sheet: list[tuple[object, ...]] = []
    fixations: list[tuple[object, ...]] = []
    wide, high = egd.SCREEN
    for reading in _readings(recordings, by_reader=False):
        width, height = sizes[reading.film]
        scale = min(wide / width, high / height)
        left, top = int((wide - scale * width) / 2), int((high - scale * height) / 2)
        sheet.append((reading.film, f"{FILMS}/{reading.film}.png", reading.recordings[0].subject, left, left, top, top))
        for one, starts, ends in zip(reading.recordings, reading.starts, reading.ends, strict=True):
            for start, end, (x, y) in zip(starts, ends, one.path.points.astype(float), strict=True):
                across, down = (left + x * (wide - 2 * left)) / wide, (top + y * (high - 2 * top)) / high
                row = (round(across, 8), round(down, 8), round(start, 6), round(end - start, 6), len(fixations) + 1, 1)
                fixations.append((1, reading.film, *row))
        said = [
            {"phrase": _ended(one.sentence), "begin_time": round(starts[0], 6), "end_time": round(ends[-1], 6)}
            for one, starts, ends in zip(reading.recordings, reading.starts, reading.ends, strict=True)
        ]
        text = " ".join(str(one["phrase"]) for one in said)
        document = {"full_text": text, "time_stamped_text": said}
        files.write_json(f"{egd.TRANSCRIPTS}/{reading.film}/transcript.json", document)
    files.write_csv("master_sheet.csv", ("dicom_id", "path", "patient_id", *egd.PADS), sheet)
    columns = ("SESSION_ID", "DICOM_ID", "FPOGX", "FPOGY", "FPOGS", "FPOGD", "FPOGID", "FPOGV")
    files.write_csv("fixations.csv", columns, fixations)


def _readings(recordings: Sequence[Recording], *, by_reader: bool) -> Iterator[_Reading]:
    """Put the sentences of one film, and of one reader, into one time."""
    groups: dict[tuple[str, str], list[Recording]] = {}
    for one in recordings:
        groups.setdefault((film_file_name(one), one.reader if by_reader else ""), []).append(one)
    for (film, _), group in groups.items():
        now = LEAD_IN_S
        starts, ends = [], []
        for one in group:
            durations = _durations(one)
            onsets = one.path.onsets.astype(float)
            known = bool(np.isfinite(onsets).all())
            begun = now + (onsets - onsets[0] if known else np.cumsum(durations) - durations)
            starts.append(tuple(float(value) for value in begun))
            ends.append(tuple(float(value) for value in begun + durations))
            now = max(ends[-1]) + _PAUSE_S
        yield _Reading(film, tuple(group), tuple(starts), tuple(ends))


def _words(reading: _Reading) -> Iterator[Spoken]:
    """Spread the words of each sentence over the time of its fixations; punctuation is a word of no time."""
    for one, starts, ends in zip(reading.recordings, reading.starts, reading.ends, strict=True):
        words = _WORD.findall(_ended(one.sentence))
        step = (max(ends) - starts[0]) / len(words)
        for place, word in enumerate(words):
            yield Spoken(word, starts[0] + place * step, starts[0] + (place + 1) * step)


def _ended(sentence: str) -> str:
    plain = sentence.strip()
    return plain if plain.endswith((".", "?", "!")) else f"{plain}."


def _durations(recording: Recording) -> list[float]:
    """Return durations in s; the median of public recordings where they are not known."""
    return [_USUAL_DURATION_S if math.isnan(one) else float(one) for one in recording.path.durations]
