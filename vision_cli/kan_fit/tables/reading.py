"""Readers of tables: CSV, TSV, Parquet, NPZ and the Feynman database's text files.

pandas parses; what it would guess wrongly is settled before: the separator, names and their quotes, comments, decimal
commas, row names as R writes them, and which words stand for a missing value.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from vision_cli.core.errors import InputError, VcliError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.packing import open_unpacked
from vision_cli.io.tables.limits import require_parquet_room, require_text_room

if TYPE_CHECKING:
    import pandas as pd

ROW_NAMES = "(row names)"

_HEAD_BYTES = 1 << 16
_LONGEST_HEADER = 4 << 20
_COMPARED_LINES = 20
_MISSING = ("", "NA", "N/A", "#N/A", "#NA", "NaN", "nan", "-nan", "-NaN", "NULL", "null", "<NA>", "n/a", "1.#QNAN")
"""Cells without a value in any column. ``None`` is not one of them, as it may be a category."""

_MISSING_NUMBERS = frozenset({"?", "-", "--", ".", "*", "none", "missing", "unknown", "nil", "n.a.", "na", "x"})
"""Cells without a value, in lower case, in a column whose other cells are numbers."""

_MOSTLY = 0.8
_SEPARATORS = ",;\t|"
_COMMENTS = ("#", "%")
_EXCEL_SEPARATOR = re.compile(r"sep=[,;|\t]")
"""Line before the header that tells Excel the separator."""

_NAMES_OF_ROWS = ("", "Unnamed: 0")
"""Names of a first column of row names; the latter is what pandas makes of the former."""

_UNITS_AROUND = re.compile(r"\s*[$€£¥]\s*|\s*[%€£¥]\s*$")
"""Signs of money before, and of money or per cent after, numbers."""

_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?")
_GROUPED = {
    ",": r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?|[+-]?\d+(?:,\d+)?",
    ".": r"[+-]?\d{1,3}(?:,\d{3})+(?:\.\d+)?|[+-]?\d+(?:\.\d+)?",
}
"""Numbers with their thousands apart, by the decimal mark."""

_OTHER_FORMATS = {
    ".json": "JSON",
    ".jsonl": "JSON",
    ".ndjson": "JSON",
    ".xlsx": "an Excel workbook",
    ".xls": "an Excel workbook",
    ".ods": "a spreadsheet",
    ".feather": "a Feather file",
    ".arrow": "an Arrow file",
    ".dta": "a Stata file",
    ".sav": "an SPSS file",
    ".rds": "an R file",
    ".rdata": "an R file",
}


@dataclass(frozen=True)
class Frame:
    """A table as read.

    Attributes
    ----------
    path
        File of the table.
    cells
        The columns by name.
    notes
        What was left out or understood in a way that may surprise.
    """

    path: Path
    cells: pd.DataFrame
    notes: tuple[str, ...] = ()


def read_table(path: Path, *, header: bool = True) -> Frame:
    """Read a table.

    Parameters
    ----------
    path
        ``.parquet``, ``.npz``, or text, also compressed as ``.gz``.
    header
        Whether the first line of text names the columns; files of numbers separated by blanks need none.

    Raises
    ------
    InputError
        If the file is missing, empty, damaged or of another format, rows are longer than the header, or two columns
        have the same name.
    """
    _require_table(path)
    suffix = path.suffix.lower()
    notes: list[str] = []
    try:
        if suffix == ".parquet":
            cells = _read_parquet(path, notes)
        elif suffix == ".npz":
            cells = _read_npz(path)
        else:
            cells = _read_text(path, notes, header=header)
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        # Each library raises its own errors for damaged files.
        raise InputError(
            f"{path}: cannot be read as a table ({' '.join(str(error).split())[:200]}).",
            hint="Give CSV, TSV, Parquet or NPZ.",
        ) from error
    cells.columns = [spreadsheet_text(str(name).strip()) for name in cells.columns]
    _require_different(path, list(cells.columns))
    if not len(cells):
        raise InputError(f"{path}: no rows found; one or more expected.", hint="Give another file.")
    cells = _numbers_with_gaps(_numbers_with_signs(cells, notes), notes)
    return Frame(path, cells, tuple(notes))


def _require_table(path: Path) -> None:
    if path.is_dir():
        raise InputError(
            f"{path}: a folder found; one file with a table expected.",
            hint="For a folder of images use `vcli kan-fit classify`.",
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file; a table expected.", hint="Check the path.")
    found = _OTHER_FORMATS.get(path.suffix.lower())
    if found is None and path.suffix.lower() not in {".parquet", ".npz", ".gz"}:
        with path.open("rb") as stream:
            start = stream.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
        found = "JSON" if start[:1] in {b"{", b"["} else "an Excel workbook" if start[:4] == b"PK\x03\x04" else None
    if found is not None:
        raise InputError(
            f"{path}: {found} found; CSV, TSV, Parquet or NPZ expected.",
            hint="Save it as CSV: most programs that write it can, and pandas can by read_json or read_excel.",
        )


def _require_different(path: Path, names: Sequence[str]) -> None:
    repeated = sorted(name for name, count in Counter(names).items() if count > 1)
    if repeated:
        raise InputError(f"{path}: column {repeated[0]} found twice; different names expected.", hint="Rename one.")


def _read_parquet(path: Path, notes: list[str]) -> pd.DataFrame:
    """Return the table of a Parquet file; a named index of pandas is a column."""
    import pandas as pd

    require_parquet_room(path)
    cells = pd.read_parquet(path)
    named = [str(name) for name in cells.index.names if name is not None]
    if named:
        cells = cells.reset_index()
        notes.append(f"the index {', '.join(named)} was read as a column")
    elif not isinstance(cells.index, pd.RangeIndex):
        cells = cells.reset_index(drop=True)
        notes.append("the index has no name and was left out")
    return _plain_numbers(cells, notes)


def _plain_numbers(cells: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return a table with decimal numbers as floating-point ones, and time spans in seconds."""
    changed = {}
    for name in cells.columns:
        series = cells[name]
        if series.dtype.kind == "m":
            changed[name] = series.dt.total_seconds()
            notes.append(f"{name} holds time spans, which were read in seconds")
        elif series.dtype == object and all(isinstance(value, Decimal) for value in series.dropna()):
            changed[name] = series.astype(float)
    return cells.assign(**changed) if changed else cells


def _read_npz(path: Path) -> pd.DataFrame:
    import pandas as pd

    headers = npz_headers(path)
    arrays = read_arrays(path, headers)
    if "X" in arrays:
        matrix = arrays.pop("X")
        if matrix.ndim != 2:
            raise InputError(f"{path}: X with {matrix.ndim} axes found; two, rows and columns, expected.")
        arrays = {**{f"x{n}": matrix[:, n] for n in range(matrix.shape[1])}, **arrays}
    arrays = {
        name: array.ravel() if array.ndim == 2 and array.shape[1] == 1 else array for name, array in arrays.items()
    }
    shapes = {array.shape for array in arrays.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 1:
        found = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise InputError(
            f"{path}: {found or 'no arrays'} found; X (N, F) and y (N,), or vectors of one length, expected."
        )
    return pd.DataFrame(arrays)


@dataclass(frozen=True)
class _Layout:
    """How a text file holds its table.

    Attributes
    ----------
    separator
        Between cells; a regular expression for blanks.
    names
        Names of the columns as many as the rows have cells; None where there are none.
    skipped
        Lines before the first row.
    decimal
        Decimal mark.
    dropped
        Columns that are left out: row names, an empty column after a trailing separator.
    notes
        What was understood in a way that may surprise.
    """

    separator: str
    names: list[str] | None
    skipped: int
    decimal: str
    dropped: list[str]
    notes: list[str]


def _read_text(path: Path, notes: list[str], *, header: bool) -> pd.DataFrame:
    import pandas as pd

    layout = _layout(path, _head(path), header=header)
    notes += layout.notes
    require_text_room(path, layout.separator)
    table = pd.read_csv(
        path,
        # pandas would infer other compressions from the suffix, whose size was not checked.
        compression="gzip" if path.suffix.lower() == ".gz" else None,
        sep=layout.separator,
        header=None,
        names=layout.names,
        skiprows=_skipped_lines(path, layout.skipped),
        skipinitialspace=True,
        decimal=layout.decimal,
        encoding="utf-8-sig",
        keep_default_na=False,
        na_values=list(_MISSING),
        # Otherwise the first cells of rows longer than the header become an index.
        index_col=False,
        # The types of the columns are those of all their cells, not of the first chunk.
        low_memory=False,
        engine="c",
    )
    if layout.names is None:
        table.columns = [*(f"x{n}" for n in range(table.shape[1] - 1)), "y"]
    return _ungrouped(table.drop(columns=layout.dropped), layout.decimal)


def _head(path: Path) -> str:
    """Return the start of a text file, to the end of a line."""
    try:
        with open_unpacked(path) as stream:
            start = stream.read(_HEAD_BYTES)
            # A header of many columns is longer.
            start += stream.readline(_LONGEST_HEADER)
        return start.decode("utf-8-sig", errors="strict" if path.suffix.lower() != ".gz" else "replace")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise InputError(
                f"{path}: not UTF-8 text; a table in UTF-8 expected.", hint="Save it as CSV UTF-8."
            ) from error
        return start[: error.start].decode("utf-8-sig")


def _skipped_lines(path: Path, before: int) -> list[int]:
    """Return the numbers of the lines before the first row, and of later comments.

    A mark within a line begins no comment: it may belong to a name or a colour.
    """
    skipped = list(range(before))
    marks = tuple(mark.encode() for mark in _COMMENTS)
    with open_unpacked(path) as stream:
        for number, line in enumerate(stream):
            if number >= before and line.lstrip().startswith(marks):
                skipped.append(number)
    return skipped


def _layout(path: Path, head: str, *, header: bool) -> _Layout:
    lines = list(enumerate(head.splitlines()))
    comments = [(n, line.lstrip()[1:]) for n, line in lines if line.lstrip().startswith(_COMMENTS)]
    filled = [(n, line) for n, line in lines if line.strip() and not line.lstrip().startswith(_COMMENTS)]
    if filled and _EXCEL_SEPARATOR.fullmatch(filled[0][1].strip(' "')):
        del filled[0]
    if not filled:
        raise InputError(f"{path}: no rows found; a table expected.", hint="Give another file.")
    first, rows = filled[0], [line for _, line in filled[1 : 1 + _COMPARED_LINES]]
    separator = _separator(first[1], rows)
    cells = _cells(first[1], separator)
    body = [_cells(line, separator) for line in rows]
    decimal = _decimal_mark([cells, *body], separator)
    notes: list[str] = []

    def is_row(found: Sequence[str]) -> bool:
        return all(_is_number(cell.replace(decimal, ".")) or cell in _MISSING for cell in found)

    names: list[str] | None = cells
    skipped = first[0] + 1
    if is_row(cells):
        skipped = first[0]
        above = [_cells(line, separator) for n, line in comments if n < first[0]]
        if header and above and len(above[-1]) == len(cells) and not is_row(above[-1]):
            # NumPy, R and gnuplot write the names of the columns as a comment.
            names = above[-1]
        elif header and separator != r"\s+":
            raise InputError(
                f"{path}: numbers found in the first line; names of columns expected.",
                hint="Give --no-header if it has none.",
            )
        else:
            names = None
    elif not header:
        names, skipped = None, first[0]
    if names is None:
        return _Layout(separator, None, skipped, decimal, [], notes)
    names = [name.strip() for name in names]
    if body and separator == r"\s+" and len(names) > len(body[0]):
        # Names of several words between wider blanks.
        names = [name.strip('"') for name in re.split(r"\s{2,}|\t", first[1].strip())]
    if len(body) > 2 and not any(_is_number(c.replace(decimal, ".")) for c in body[0]) and all(map(is_row, body[1:])):
        skipped = filled[1][0] + 1
        notes.append(f"the line below the names, {', '.join(body[0])}, was taken for units and left out")
        del body[0]
    dropped = []
    if body and all(len(row) == len(names) + 1 for row in body):
        if all(not row[-1].strip() for row in body):
            names, dropped = [*names, ROW_NAMES], [ROW_NAMES]
        else:
            # The rule of R's read.table.
            names, dropped = [ROW_NAMES, *names], [ROW_NAMES]
            notes.append("the rows have one cell more than the header: the first is a row name and was left out")
    elif names[0] in _NAMES_OF_ROWS and len(names) > 1:
        names, dropped = [ROW_NAMES, *names[1:]], [ROW_NAMES]
        notes.append("the first column has no name, as row names have, and was left out")
    if len(names) > 2 and names[-1] == "" and all(len(row) == len(names) and not row[-1].strip() for row in body):
        names, dropped = [*names[:-1], "(empty)"], [*dropped, "(empty)"]
    if body and not min(map(len, body)) <= len(names) <= max(map(len, body)):
        # pandas would cut off the last cells, the target's among them, or take them for missing.
        raise InputError(
            f"{path}: rows of {min(map(len, body))} cells under a header of {len(names)} found; as many expected.",
            hint="Name the other columns, or remove them.",
        )
    names = [name or f"column {number}" for number, name in enumerate(names, 1)]
    _require_different(path, names)
    return _Layout(separator, names, skipped, decimal, dropped, notes)


def _separator(first: str, rows: Sequence[str]) -> str:
    """Return the separator by which the first line has as many cells as the rows, or one fewer, and most of them."""
    best, most = r"\s+", (0, 1)
    for one in _SEPARATORS:
        count = len(_cells(first, one))
        found = len(_cells(rows[0], one)) if rows else count
        agrees = 2 if found == count else 1 if found == count + 1 else 0
        if count > 1 and (agrees, count) > most:
            best, most = one, (agrees, count)
    return best


def _cells(line: str, separator: str) -> list[str]:
    """Return the cells of a line, quotes removed."""
    text = re.sub(r"\s+", " ", line.strip()) if separator == r"\s+" else line
    reader = csv.reader([text], delimiter=" " if separator == r"\s+" else separator, skipinitialspace=True)
    try:
        return next(reader, [])
    except csv.Error:
        return text.split(separator)


def _decimal_mark(rows: Sequence[Sequence[str]], separator: str) -> str:
    """Return the decimal mark: a comma where more cells are numbers with one than numbers with a point."""
    cells = [cell.strip() for row in rows for cell in row]
    commas = sum(bool(_DECIMAL_COMMA.fullmatch(cell)) for cell in cells)
    points = sum(bool(_DECIMAL_POINT.fullmatch(cell)) for cell in cells)
    if separator == ",":
        # Between quotes 1,234 is rather a thousand and more.
        commas -= sum(bool(re.fullmatch(r"[+-]?\d{1,3},\d{3}", cell)) for cell in cells)
    return "," if commas > points else "."


def _ungrouped(cells: pd.DataFrame, decimal: str) -> pd.DataFrame:
    """Return a table with the numbers of columns that write their thousands apart, as in 1.234,5."""
    import pandas as pd

    changed = {}
    for name in cells.columns:
        series = cells[name]
        if series.dtype.kind in "biufcmM" or not series.notna().any():
            continue
        if series.dropna().astype(str).str.strip().str.fullmatch(_GROUPED[decimal]).all():
            apart = "." if decimal == "," else ","
            plain = series.str.strip().str.replace(apart, "", regex=False).str.replace(decimal, ".", regex=False)
            changed[name] = pd.to_numeric(plain)
    return cells.assign(**changed) if changed else cells


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _numbers_with_signs(cells: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return a table whose columns of money, or of percentages, are numbers."""
    import pandas as pd

    changed = {}
    for name in cells.columns:
        series = cells[name]
        if series.dtype.kind in "biufcmM" or not series.notna().any():
            continue
        texts = series.astype(str)
        signed = texts.str.contains(_UNITS_AROUND)
        if not (signed | series.isna()).all():
            continue
        plain = texts.str.replace(_UNITS_AROUND, "", regex=True).where(series.notna())
        for decimal, apart in ((".", ","), (",", ".")):
            if plain.dropna().str.fullmatch(_GROUPED[decimal]).all():
                changed[name] = pd.to_numeric(plain.str.replace(apart, "").str.replace(decimal, "."))
                notes.append(f"{name} holds money or percentages, whose signs were left out")
                break
    return cells.assign(**changed) if changed else cells


def _numbers_with_gaps(cells: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return a table whose columns of numbers and marks of missing values are numbers."""
    import pandas as pd

    changed = {}
    for name in cells.columns:
        series = cells[name]
        if series.dtype.kind in "biufcmM" or not len(series):
            continue
        numbers = pd.to_numeric(series, errors="coerce")
        words = series[numbers.isna() & series.notna()].astype(str)
        if not len(words) or numbers.notna().sum() < _MOSTLY * series.notna().sum():
            continue
        found = sorted({word.strip() for word in words})
        if all(word.lower() in _MISSING_NUMBERS for word in found):
            changed[name] = numbers
            notes.append(f"{len(words)} cells of {name} hold {', '.join(found)} and were read as missing values")
    return cells.assign(**changed) if changed else cells
