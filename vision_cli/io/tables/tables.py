"""Tables that users write by hand or export: lists of cases, names of labels, points.

Spreadsheets add byte-order marks and semicolons; both are read. What a row lacks is said by file, line and
column.
"""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.io.limits import require_room

_NUMBER_COLUMNS = {"label", "label number", "number", "id", "index", "value", "no", "no."}
_NAME_COLUMNS = {"name", "label name", "structure", "region", "description", "title"}
_POINT_COLUMNS = ("x", "y", "z")
_HINT = "Give fewer rows or columns, or use a machine with more memory."
_BYTES_A_LETTER = 40
"""Cells are texts of Python, of a letter and a separator each at worst."""

PointSpace = Literal["ras", "lps", "voxel"]
"""Coordinates of points: mm to the right, front and top; mm to the left, back and top; or voxel indices from 0."""

_SPACES: Mapping[str, PointSpace] = {"LPS": "lps", "1": "lps", "RAS": "ras", "0": "ras", "VOXEL": "voxel"}


def read_csv_table(path: str | Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Read a table with a header, separated by comma, semicolon or tab; cells come without outer blanks.

    Parameters
    ----------
    path
        The file; UTF-8, with or without a byte-order mark.
    required
        Columns that must be there, with a value in each row.

    Raises
    ------
    InputError
        If the file is missing, empty or no text, a required column or cell is missing, a row has too many
        cells, or two rows have the same ``id``.
    """
    path = Path(path)
    header, rows = _split(path)
    missing = [column for column in required if column not in header]
    if missing:
        raise InputError(
            f"{path}: columns {', '.join(header)}; {', '.join(missing)} expected too.",
            hint="Add the columns.",
        )
    if doubled := sorted(column for column, count in Counter(header).items() if count > 1):
        raise InputError(f"{path}: column {doubled[0]} twice; once expected.", hint="Rename one.")
    if not rows:
        raise InputError(f"{path}: a header without rows; one row or more expected.", hint="Add rows.")
    table: list[dict[str, str]] = []
    lines: dict[str, int] = {}
    for line, cells in rows:
        if len(cells) > len(header):
            raise InputError(
                f"{path}: line {line} has {len(cells)} cells; {len(header)} expected.",
                hint="Quote cells that hold the separator.",
            )
        row = dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True))
        if empty := [column for column in required if not row[column]]:
            raise InputError(
                f"{path}: line {line} has no {empty[0]}; a value expected.",
                hint="Fill the cell or drop the row.",
            )
        if (key := row.get("id")) and key in lines:
            raise InputError(
                f"{path}: id {key} on lines {lines[key]} and {line}; unique ids expected.", hint="Rename one."
            )
        if key:
            lines[key] = line
        table.append(row)
    return table


def read_label_names(path: str | Path) -> dict[int, str]:
    """Read the names of labels: a table with a number and a name column, or a FreeSurfer colour table.

    Raises
    ------
    InputError
        If the file is missing or neither of the two, or gives one label two names.
    """
    path = Path(path)
    names: dict[int, str] = {}
    for line, number, words in _colour_rows(path) or _label_rows(path):
        name = " ".join(words.split())
        try:
            label = int(number)
        except ValueError as error:
            raise InputError(
                f"{path}: label {number!r} on line {line}; an integer expected.", hint="Correct the row."
            ) from error
        if names.setdefault(label, name) != name:
            raise InputError(
                f"{path}: label {label} is {names[label]!r}, on line {line} {name!r}; one name expected.",
                hint="Remove one of the rows.",
            )
    return names


@dataclass(frozen=True)
class PointTable:
    """Points of a file as they stand there.

    Attributes
    ----------
    coordinates
        ``(N, D)``.
    space
        The coordinates by the file itself; None if it does not say.
    comments
        Lines before the header.
    header
        Names of the columns; empty without a header.
    rows
        Cells of each point.
    columns
        Places of the D coordinates in a row.
    """

    coordinates: NDArray[np.float64]
    space: PointSpace | None
    comments: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    columns: tuple[int, ...]


def read_points(
    path: str | Path, ndim: int = 3, *, space: PointSpace | None = None, vox2ras: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Read points as RAS mm, ``(N, ndim)``; see `read_point_table` for the files.

    Parameters
    ----------
    path
        The file.
    ndim
        Numbers of a point.
    space
        Coordinates of the file: ``ras`` or ``lps`` mm, or ``voxel`` indices; None for those that the file names.
    vox2ras
        ``(D + 1, D + 1)`` matrix of the image for voxel indices.

    Raises
    ------
    InputError
        As `read_point_table`, or if neither ``space`` nor the file names the coordinates, or they contradict.
    """
    table = read_point_table(path, ndim)
    return points_in_ras(Path(path), table.coordinates, point_space(Path(path), table, space), vox2ras)


def point_space(path: Path, table: PointTable, space: PointSpace | None) -> PointSpace:
    """Return the coordinates of a table of points: as asked for, else as the file names them.

    Raises
    ------
    InputError
        If neither names them, or they contradict.
    """
    if space is not None and table.space is not None and space != table.space:
        raise InputError(
            f"{path}: points in {table.space.upper()} by its header found; {space.upper()} asked for.",
            hint="Correct --points-space or the header.",
        )
    found = space or table.space
    if found is None:
        raise InputError(
            f"{path}: points of unnamed coordinates found; RAS mm, LPS mm or voxels expected.",
            hint="Give --points-space ras, lps (ITK, ANTs) or voxel, or name the columns x_ras,y_ras,z_ras.",
        )
    return found


def points_in_ras(
    path: Path, coordinates: NDArray[np.float64], space: PointSpace, vox2ras: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Convert points ``(N, D)`` to RAS mm; the same converts RAS mm to LPS mm.

    Raises
    ------
    InputError
        If voxel indices are given without an image.
    """
    found = coordinates.copy()
    if space == "lps":
        found[:, :2] *= -1
    elif space == "voxel":
        if vox2ras is None:
            raise InputError(
                f"{path}: points in voxels without an image found; mm expected.", hint="Convert them to RAS or LPS mm."
            )
        found = found @ vox2ras[:-1, :-1].T + vox2ras[:-1, -1]
    return found


def read_point_table(path: str | Path, ndim: int = 3) -> PointTable:
    """Read a table of points.

    Numbers are separated by comma, semicolon (then with a decimal point or comma) or blanks, with or without a header.
    Where a header names the columns x, y, z there may be others. The coordinates are named by columns such as x_ras or
    x_lps, by a line ``# space: LPS``, by Slicer's .fcsv, and by the header ``x,y,z,t`` of ANTs, which is LPS.

    Raises
    ------
    InputError
        If the file is missing or empty, or a line does not have ``ndim`` numbers.
    """
    path = Path(path)
    lines = [(n, line.strip()) for n, line in enumerate(_text(path).splitlines(), start=1) if line.strip()]
    comments = tuple(line for _, line in lines if line.startswith("#"))
    lines = [(n, line) for n, line in lines if not line.startswith("#")]
    # Without names of columns every cell must be a coordinate: a number before them may as well be an id.
    columns: list[int] | None = None
    names: list[str] = []
    space = _space_of_comments(path, comments)
    if path.suffix.lower() == ".fcsv":
        # Markups: id, x, y, z, orientation and so on; without a line on the coordinates they are RAS.
        columns, space = list(range(1, ndim + 1)), space or "ras"
    elif lines and not any(_is_number(cell) for cell in _cells(lines[0][1])[:ndim]):
        names = _cells(lines[0][1])
        lines = lines[1:]
        columns, named = _point_columns([name.lower() for name in names], ndim)
        if named is not None and space is not None and named != space:
            raise InputError(
                f"{path}: columns in {named.upper()} under a comment of {space.upper()}; one of them expected.",
                hint="Correct the header.",
            )
        space = space or named
    if not lines:
        raise InputError(f"{path}: no points; one line a point expected.", hint="Give another file.")
    points, rows = [], []
    for line, text in lines:
        cells = _cells(text)
        picked = cells if columns is None else [cells[i] for i in columns if i < len(cells)]
        numbers = [float(cell) for cell in picked if _is_number(cell)]
        if not len(numbers) == len(picked) == ndim:
            raise InputError(
                f"{path}: line {line} is {text[:60]!r}; {ndim} numbers expected.",
                hint=f"Correct the line, or name the columns {', '.join(_POINT_COLUMNS[:ndim])} in a header.",
            )
        points.append(numbers)
        rows.append(tuple(cells))
    found = np.asarray(points, dtype=np.float64)
    if not np.isfinite(found).all():
        raise InputError(f"{path}: coordinates that are NaN or infinite; finite expected.", hint="Correct them.")
    return PointTable(found, space, comments, tuple(names), tuple(rows), tuple(columns or range(ndim)))


def _point_columns(header: Sequence[str], ndim: int) -> tuple[list[int] | None, PointSpace | None]:
    """Return the places of the coordinates in a header and the space that it names, None where it does not."""
    plain = _POINT_COLUMNS[:ndim]
    if all(axis in header for axis in plain):
        # The header of ANTs, whose points are LPS.
        return [header.index(axis) for axis in plain], "lps" if "t" in header else None
    spaces: tuple[PointSpace, ...] = ("ras", "lps", "voxel")
    for space in spaces:
        named = [f"{axis}_{space}" for axis in plain]
        if all(name in header for name in named):
            return [header.index(name) for name in named], space
    return None, None


def _colour_rows(path: Path) -> list[tuple[int, str, str]]:
    """Return line, number and name of each row of a colour table; none if the file is none."""
    return [
        (line, match.group(1), match.group(2))
        for line, text in enumerate(_text(path).splitlines(), start=1)
        if (match := re.match(r"\s*(\d+)\s+([^\s,;]+)", text))
    ]


def _label_rows(path: Path) -> list[tuple[int, str, str]]:
    """Return line, number and name of each row of a table with such columns."""
    header, rows = _split(path)
    words = [column.lower().replace("_", " ") for column in header]
    number_at = next((i for i, word in enumerate(words) if word in _NUMBER_COLUMNS), None)
    name_at = next((i for i, word in enumerate(words) if word in _NAME_COLUMNS and i != number_at), None)
    if number_at is None or name_at is None:
        raise InputError(
            f"{path}: columns {', '.join(header)}; a label and a name column expected.",
            hint="Call them label and name.",
        )
    padded = [(line, [*cells, *[""] * len(header)]) for line, cells in rows]
    return [(line, cells[number_at], cells[name_at]) for line, cells in padded]


def _space_of_comments(path: Path, comments: Sequence[str]) -> PointSpace | None:
    for comment in comments:
        if match := re.match(r"#\s*(?:CoordinateSystem|space)\s*[=:]\s*(\w+)", comment, re.IGNORECASE):
            word = match.group(1).upper()
            if word in _SPACES:
                return _SPACES[word]
            raise InputError(
                f"{path}: coordinate system {word}; RAS or LPS expected.",
                hint="Save the points again in RAS.",
            )
    return None


def _cells(line: str) -> list[str]:
    if ";" in line:
        cells = line.replace(",", ".").split(";")
    else:
        cells = line.removesuffix(",").split(",") if "," in line else line.split()
    return [cell.strip().strip('"') for cell in cells]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _split(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Return the header and the rows that are not blank, each with its line number."""
    lines = _text(path).splitlines()
    first = next((line for line in lines if line.strip()), "")
    separator = max(",;\t", key=first.count)
    reader = csv.reader(lines, delimiter=separator)
    rows = []
    try:
        for row in reader:
            cells = [spreadsheet_text(cell.strip()) for cell in row]
            while cells and not cells[-1]:
                cells.pop()
            if cells:
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise InputError(
            f"{path}: line {reader.line_num} cannot be read as a table row ({error}); cells and separators expected.",
            hint="Save it as CSV UTF-8.",
        ) from error
    if not rows:
        raise InputError(f"{path}: an empty table; a header and rows expected.", hint="Give another file.")
    return rows[0][1], rows[1:]


def _text(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: no such file; a table expected.", hint="Check the path.")
    size = path.stat().st_size
    require_room(path, _BYTES_A_LETTER * size, f"a table of {size} bytes", most=math.inf, hint=_HINT)
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text; a table expected.", hint="Save it as CSV UTF-8.") from error
