"""Rows of numbers as text: what XYZ, TXT, ASC and CSV files and the ASCII kinds of PCD and PLY hold.

A row that is short is an error and never filled up: this is how a file that was cut short shows. NaN written as such
is kept.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import InputError
from vision_cli.io.limits import require_room
from vision_cli.io.points.columns import find_coordinates

_NAN = ["nan", "NaN", "NAN", "-nan", "-NaN", "-nan(ind)", "nan(ind)"]
_MICROSOFT_NAN = re.compile(rb"([-+]?)1[.,]#(?:QNAN|SNAN|NAN|IND|(INF))0*", re.IGNORECASE)
"""How runtime libraries of Microsoft before 2015 print what is not finite."""

_DECIMAL_COMMA = re.compile(rb"^[^#\n]*\d,\d", re.MULTILINE)
_NUMBER_WITH_COMMA = re.compile(rb"[-+]?\d+(?:,\d+)?(?:[eE][-+]?\d+)?")
_UNIT_APART = re.compile(rb"\s+(?=[\[({])")
_LAST_SEPARATOR, _ENDED_LINES = re.compile(rb"[,;][ \t]*(?=\r?$)", re.MULTILINE), 2
_HTML = re.compile(rb"\s*(?:<!doctype\s+html|<html|<\?xml|<head)", re.IGNORECASE)
_COMMENT = (b"#", b"//", b";")
_HEAD = 1 << 16
_BYTES_A_NUMBER = 24
"""Parsed chunks, columns joined of them and the array made of these are in memory at once, beside the text."""


@dataclass(frozen=True)
class Rows:
    """The rows of a text file.

    Attributes
    ----------
    values
        ``(N, K)``.
    names
        Names of the K columns; empty where the file does not name them.
    is_header
        Whether the names stand in a line of their own, and not in a comment, which may say anything.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...] = ()
    is_header: bool = False


def require_cloud_file(path: Path) -> int:
    """Refuse what cannot be a file of points: nothing, an empty file, a web page. Return its size in bytes.

    Raises
    ------
    InputError
        If it is one of these.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "no such file"
        raise InputError(f"{path}: {found}; a point cloud or mesh expected.", hint="Check the path.")
    size = path.stat().st_size
    if size == 0:
        raise InputError(f"{path}: empty, 0 bytes; points expected.", hint="Copy the file again.")
    with path.open("rb") as stream:
        start = stream.read(_HEAD)
    if _HTML.match(start.removeprefix(b"\xef\xbb\xbf")):
        raise InputError(
            f"{path}: a web page; a point cloud or mesh expected.",
            hint="The download failed or asked for a login; fetch the file itself.",
        )
    return size


def as_float64(values: NDArray[np.generic]) -> NDArray[np.float64]:
    """Widen numbers of a binary file; damaged ones may be NaN of the kind that processors signal."""
    with np.errstate(invalid="ignore"):
        return values.astype(np.float64)


def wrong_count_error(path: Path, declared: int, found: int, what: str = "points") -> InputError:
    """Make the error of a file that does not hold what its header declares."""
    hint = "The file is cut short; copy it again." if found < declared else "The file is damaged; write it again."
    return InputError(f"{path}: header declares {declared} {what}, {found} found.", hint=hint)


def parse_rows(
    path: Path, content: bytes, separator: str = " ", columns: int | None = None, first_line: int = 1
) -> NDArray[np.float64]:
    """Parse rows of numbers.

    Parameters
    ----------
    path
        The file, for errors.
    content
        The rows; blank lines between them are skipped.
    separator
        Comma, semicolon, or a blank for any white space. Without commas between cells a comma is a decimal point.
    columns
        Numbers expected in each row; None for as many as the first has.
    first_line
        Number in the file of the first line of ``content``, for errors.

    Returns
    -------
    ndarray
        ``(N, K)``; no row at all gives ``(0, K)``.

    Raises
    ------
    InputError
        If a row has fewer or more cells, or one that is no number.
    """
    import pandas as pd

    if not content.strip():
        return np.empty((0, columns or 0))
    content = _without_microsoft_nan(content)
    has_comma = separator != "," and _DECIMAL_COMMA.search(content) is not None
    numbers = sum(
        content.count(mark) for mark in ((b" ", b"\t", b"\n") if separator == " " else (separator.encode(), b"\n"))
    )
    require_room(path, len(content) + _BYTES_A_NUMBER * (numbers + 1), f"up to {numbers + 1} numbers of text")
    try:
        table = pd.read_csv(
            io.BytesIO(content),
            sep=r"\s+" if separator == " " else separator,
            header=None,
            dtype="float64",
            keep_default_na=False,
            na_values=_NAN,
            comment="#",
            skipinitialspace=True,
            decimal="," if has_comma else ".",
            engine="c",
        )
    except (ValueError, UnicodeDecodeError) as error:
        # pandas counts neither comments nor what came before; the line is looked up for the message alone.
        raise _first_fault(path, content, separator, columns, first_line, error) from error
    except pd.errors.EmptyDataError:
        return np.empty((0, columns or 0))
    values: NDArray[np.float64] = table.to_numpy()
    if columns is not None and values.shape[1] != columns:
        raise _first_fault(path, content, separator, columns, first_line, ValueError(f"{values.shape[1]} columns"))
    return values


def read_rows(path: Path) -> Rows:
    """Read a text file of points: with or without comments, names of the columns, and a count of the rows.

    Raises
    ------
    InputError
        If it holds no rows, rows of different lengths, cells that are no numbers, or another number of rows than its
        first line declares.
    """
    require_cloud_file(path)
    content = _without_last_separators(_without_microsoft_nan(_as_utf8(path.read_bytes())))
    if b"\0" in content[:_HEAD]:
        raise InputError(f"{path}: binary data; rows of numbers expected.", hint="Give it the suffix of its format.")
    names: tuple[str, ...] = ()
    is_header = False
    declared, start, line = None, 0, 1
    separator = " "
    while start < len(content):
        end = content.find(b"\n", start)
        end = len(content) if end < 0 else end
        text = content[start:end].strip()
        bare = text.lstrip(b"#/; ").strip()
        separator = _separator(bare)
        cells = _cells(bare, separator)
        is_comment = text.startswith(_COMMENT)
        if text and not is_comment and all(_is_number(cell) for cell in cells):
            if len(cells) == 1 and declared is None and cells[0].isdigit() and _has_wider_rows(content[end:]):
                declared = int(cells[0])
            else:
                break
        elif bare and cells and not any(_is_number(cell) for cell in cells):
            if not (is_comment and is_header):
                names, is_header = _names(bare, separator), not is_comment
        elif text and not is_comment:
            raise InputError(f"{path}: line {line} is {_shown(text)}; numbers expected.", hint="Correct the line.")
        start, line = end + 1, line + 1
    values = parse_rows(path, content[start:], separator, None, line)
    if declared is not None and declared != len(values):
        raise wrong_count_error(path, declared, len(values))
    if not len(values):
        raise InputError(f"{path}: no rows of numbers; points expected.", hint="Give another file.")
    if len(names) != values.shape[1]:
        # Words with blanks between them may be a title.
        if is_header and (separator != " " or find_coordinates(names) is not None):
            raise InputError(
                f"{path}: {len(names)} names of columns ({', '.join(names)}), {values.shape[1]} numbers a row; one "
                "name for each number expected.",
                hint="Correct the line of names, or take it out.",
            )
        return Rows(values)
    return Rows(values, names, is_header)


def _separator(line: bytes) -> str:
    if b";" in line:
        return ";"
    # "0,5 1,25 3" can be nothing but decimal commas: "5 1" is no number.
    words = line.split()
    if b"," not in line or (len(words) > 1 and all(_NUMBER_WITH_COMMA.fullmatch(word) for word in words)):
        return " "
    return ","


def _names(line: bytes, separator: str) -> tuple[str, ...]:
    """Return the names of columns in a line: quoted or not, blanks before a unit in brackets do not separate."""
    text = (_UNIT_APART.sub(b"", line) if separator == " " else line).decode("utf-8", "replace")
    if separator == " ":
        # Tabs separate names that hold blanks.
        cells = text.split("\t") if "\t" in text else text.split()
    else:
        cells = next(csv.reader([text], delimiter=separator, skipinitialspace=True))
    return tuple(cell.strip().strip('"') for cell in cells)


def _as_utf8(content: bytes) -> bytes:
    """Return a text without its byte order mark; what is marked as UTF-16 is turned, as far as it is."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace").encode()
    return content.removeprefix(b"\xef\xbb\xbf")


def _without_last_separators(content: bytes) -> bytes:
    """Return a text without the separators that end its lines, if the first lines end so."""
    if len(_LAST_SEPARATOR.findall(content[:_HEAD])) < _ENDED_LINES:
        return content
    return _LAST_SEPARATOR.sub(b"", content)


def _without_microsoft_nan(content: bytes) -> bytes:
    if b"#" not in content:
        return content
    return _MICROSOFT_NAN.sub(lambda found: (found[1] + b"inf") if found[2] else b"nan", content)


def _cells(line: bytes, separator: str) -> list[bytes]:
    if separator != ",":
        line = line.replace(b",", b".")
    cells = line.split() if separator == " " else line.split(separator.encode())
    return [cell.strip().strip(b'"') for cell in cells]


def _has_wider_rows(rest: bytes) -> bool:
    """Return whether the next line that is not blank has more than one cell."""
    line = rest[:_HEAD].strip().split(b"\n", 1)[0]
    return len(_cells(line, _separator(line))) > 1


def _first_fault(
    path: Path, content: bytes, separator: str, columns: int | None, first_line: int, reason: Exception
) -> InputError:
    hint = "The file is damaged or cut short; copy it again, or correct the line."
    for number, line in enumerate(content.split(b"\n"), start=first_line):
        text = line.split(b"#")[0].strip()
        if not text:
            continue
        cells = _cells(text, separator)
        columns = columns or len(cells)
        if len(cells) != columns:
            return InputError(f"{path}: line {number} has {len(cells)} numbers; {columns} expected.", hint=hint)
        if not all(_is_number(cell) for cell in cells):
            return InputError(f"{path}: line {number} is {_shown(text)}; {columns} numbers expected.", hint=hint)
    return InputError(f"{path}: rows that cannot be read ({reason}); numbers expected.", hint=hint)


def _shown(text: bytes) -> str:
    return repr(text[:60].decode("utf-8", "replace"))


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.decode("ascii", "replace") in _NAN
    return True
