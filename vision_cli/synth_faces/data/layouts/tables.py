"""Tables: a CSV of files and labels, and action units as OpenFace, py-feat and LibreFace write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.pictures.folders import Request, inside
from vision_cli.io.videos.videos import VIDEO_SUFFIXES
from vision_cli.synth_faces.data.layouts.entries import Entries, first_row, is_there, split_of, stream_rows
from vision_cli.synth_faces.data.sources import PictureFile, VideoFrame, VideoFrames
from vision_cli.synth_faces.plans.action_units import au_name
from vision_cli.synth_faces.values import AUS, MOST_INTENSE, FaceDataset, FaceSource, LabelledFace

Tool = Literal["openface", "py-feat", "libreface"]

_FILES = ("file", "path", "image", "image_path", "filename", "input", "name")
_LABELS = ("label", "expression", "emotion", "class")
_SUBJECTS = ("subject", "person", "identity")
_COLUMNS: dict[Tool, re.Pattern[str]] = {
    "openface": re.compile(r"AU0*(\d+)_r"),
    "libreface": re.compile(r"au_0*(\d+)_intensity"),
    "py-feat": re.compile(r"AU0*(\d+)"),
}
_FIRST_FRAME: dict[Tool, int] = {"openface": 1, "libreface": 0, "py-feat": 0}
_HALF = 0.5


@dataclass(frozen=True)
class AuRow:
    """A row of a table of action units.

    Attributes
    ----------
    file
        Picture or video that it names; empty if it names none.
    frame
        Of a video, from 0; None if the table has no frames.
    aus
        By name.
    found
        Whether a face was found.
    """

    file: str
    frame: int | None
    aus: Mapping[str, float]
    found: bool


@dataclass(frozen=True)
class AuTable:
    """A table of action units that a program measured.

    Attributes
    ----------
    tool
        The program, by its columns.
    rows
        In the order of the file.
    has_intensities
        Whether values are intensities from 0 to 5; probabilities become 0 or 5.
    """

    tool: Tool
    rows: tuple[AuRow, ...]
    has_intensities: bool


def is_csv(path: Path) -> bool:
    """Return whether a file is a table of files with a column of labels or of AUs that are told."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    columns = first_row(path)
    return _first(columns, _FILES) is not None and _first(columns, _LABELS) is not None


def read_csv(path: Path, request: Request) -> FaceDataset:
    """Read a table: a file, and any of label in words, AU columns (``AU12``, ``AUL14``), subject, split and caption.

    Files are below the folder of the table. An empty label is none; an empty AU is not known.
    """
    entries = Entries("csv", request)
    columns = first_row(path)
    file, label, subject = (_first(columns, names) for names in (_FILES, _LABELS, _SUBJECTS))
    if file is None:
        raise InputError(f"{path}: columns {', '.join(columns[:12])}; one of {', '.join(_FILES)} expected.")
    units = _unit_columns(columns)
    rows = list(stream_rows(path, (file,)))
    named = {row.get("split", "").lower() for row in rows} - {""}
    wanted = request.parts(path, {part: part for part in sorted(named)}) if named else {}
    if not named:
        request.no_parts(path)
    for row in rows:
        part = row.get("split", "").lower()
        if named and part not in wanted:
            continue
        place = inside(path.parent, row[file])
        if place is None:
            entries.skip(row[file] or "an empty name", "a name below the folder of the table expected")
            continue
        try:
            aus = {unit: _intensity(row[column]) for column, unit in units.items() if row.get(column)}
        except ValueError:
            entries.skip(row[file], f"an action unit outside 0 to {MOST_INTENSE:g}")
            continue
        face = LabelledFace(
            row[file],
            PictureFile(place),
            aus=aus,
            has_intensities=any(0 < value < MOST_INTENSE for value in aus.values()),
            subject=row.get(subject or "", ""),
            split=split_of(part),
            caption=row.get("caption", ""),
        )
        word = row.get(label or "", "")
        if word:
            entries.labelled(face, word)
        elif aus or face.caption:
            entries.take(face)
        else:
            entries.skip(row[file], "neither a label nor an action unit", is_damage=False)
    return entries.dataset()


def is_au_table(path: Path) -> bool:
    """Return whether a file is a table of one of the programs."""
    return path.suffix.lower() == ".csv" and path.is_file() and _tool(first_row(path)) is not None


def read_au_table(path: Path) -> AuTable:
    """Read the AUs that OpenFace (``AU12_r``), LibreFace (``au_12_intensity``) or py-feat (``AU12``) measured.

    Values of py-feat are probabilities unless one exceeds 1. AUs that are none of the 41 are left out.

    Raises
    ------
    InputError
        If the table is of none of them, or a value is no number.
    """
    columns = first_row(path)
    tool = _tool(columns)
    if tool is None:
        raise InputError(
            f"{path}: columns {', '.join(columns[:12])}; AUs as OpenFace, LibreFace or py-feat name them expected."
        )
    units = {column: unit for column in columns if (unit := _unit(tool, column)) in AUS}
    file = _first(columns, _FILES)
    frame_column = _first(columns, ("frame", "frame_idx"))
    read: list[tuple[dict[str, str], dict[str, float]]] = []
    for number, row in enumerate(stream_rows(path, ()), start=1):
        try:
            read.append((row, {unit: float(row[column]) for column, unit in units.items() if row.get(column)}))
        except ValueError:
            raise InputError(f"{path}: row {number} has an action unit that is no number; one expected.") from None
    are_probabilities = tool == "py-feat" and all(value <= 1 for _, aus in read for value in aus.values())
    rows = []
    for row, aus in read:
        frame = _frame(row.get(frame_column or "", ""), _FIRST_FRAME[tool])
        found = (
            row.get("success", "1") not in {"0", "False"}
            and bool(aus)
            and all(value == value for value in aus.values())
        )
        known = {
            unit: MOST_INTENSE * (value >= _HALF) if are_probabilities else min(max(value, 0.0), MOST_INTENSE)
            for unit, value in aus.items()
        }
        rows.append(AuRow(row.get(file or "", ""), frame, known if found else {}, found))
    return AuTable(tool, tuple(rows), not are_probabilities)


def read_au_faces(path: Path, request: Request) -> FaceDataset:
    """Read a table of AUs with its pictures: the files that it names, or a video of its own name beside it."""
    request.no_parts(path)
    table = read_au_table(path)
    entries = Entries(f"au-table ({table.tool})", request)
    beside = next((p for p in sorted(path.parent.glob("*")) if p.stem == path.stem and _is_video(p)), None)
    videos: dict[Path, VideoFrames] = {}
    for number, row in enumerate(table.rows, start=1):
        name = f"{row.file or path.stem}/{number:06}"
        if not row.found:
            entries.skip(name, "no face was found", is_damage=False)
            continue
        file = _beside(path.parent, row.file) if row.file else beside
        source: FaceSource
        if file is None:
            entries.skip(name, "neither a file nor a video of the table's name")
            continue
        if _is_video(file):
            source = VideoFrame(
                videos.setdefault(file, VideoFrames(file)), number - 1 if row.frame is None else row.frame
            )
        else:
            source = PictureFile(file)
        entries.take(LabelledFace(name, source, aus=row.aus, has_intensities=table.has_intensities))
    return entries.dataset()


def _first(columns: list[str], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in columns), None)


def _tool(columns: list[str]) -> Tool | None:
    for tool in _COLUMNS:
        if sum(_unit(tool, column) is not None for column in columns) > 1:
            return tool
    return None


def _unit(tool: Tool, column: str) -> str | None:
    match = _COLUMNS[tool].fullmatch(column)
    return match.group(1) if match else None


def _unit_columns(columns: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for column in columns:
        if column.upper().startswith("AU"):
            try:
                found[column] = au_name(column)
            except UsageError:
                continue
    return found


def _intensity(cell: str) -> float:
    value = float(cell)
    if not 0 <= value <= MOST_INTENSE:
        raise ValueError(cell)
    return value


def _frame(cell: str, first: int) -> int | None:
    try:
        return max(int(float(cell)) - first, 0)
    except (ValueError, OverflowError):
        return None


def _beside(root: Path, name: str) -> Path | None:
    """Return the file of a name; of a whole path, as programs write it, the end is taken."""
    place = inside(root, name)
    return place if place is not None and is_there(place) else inside(root, Path(name.replace("\\", "/")).name)


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES
