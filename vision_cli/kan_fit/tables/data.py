"""Tables as matrices of numbers: readers of CSV, TSV, Parquet, NPZ and the Feynman database's text files.

Text columns are one-hot encoded; missing cells are an error unless they are to be imputed. The encoding of the training
table is kept as `Column` and applied to the tables to predict.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError, VcliError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.io.arrays import npz_headers, read_arrays
from vision_cli.io.packing import open_unpacked
from vision_cli.io.tables.limits import require_parquet_room, require_text_room

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]

_TARGET_NAMES = ("y", "target", "label")
_MOST_CATEGORIES = 50
_FEWEST_ROWS = 10
_HEAD_BYTES = 1 << 16
_LONGEST_HEADER = 4 << 20


@dataclass(frozen=True)
class Column:
    """A feature column.

    Attributes
    ----------
    name
        Header of the column.
    categories
        Values of a text column, one input each; empty for numbers.
    fill
        Value of missing cells; None where they are an error.
    """

    name: str
    categories: tuple[str, ...] = ()
    fill: float | None = None


@dataclass(frozen=True)
class Frame:
    """A table as read.

    Attributes
    ----------
    path
        File of the table.
    cells
        The columns by name.
    """

    path: Path
    cells: pd.DataFrame


@dataclass(frozen=True)
class TableData:
    """A table as a matrix of inputs and a target.

    Attributes
    ----------
    inputs
        ``(N, F)``.
    names
        Names of the F inputs, as in ``a`` or ``colour=red``.
    target
        ``(N,)``; None where the table has none.
    columns
        Columns that the inputs are encoded from.
    target_name
        Header of the target.
    notes
        Warnings: columns left out, cells filled.
    """

    inputs: Matrix
    names: tuple[str, ...]
    target: Matrix | None
    columns: tuple[Column, ...]
    target_name: str | None
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
        If the file is missing, empty or damaged, rows are longer than the header, or two columns have the same name.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; a table expected.", hint="Check the path.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".parquet":
            import pandas as pd

            require_parquet_room(path)
            cells = pd.read_parquet(path)
        elif suffix == ".npz":
            cells = _read_npz(path)
        else:
            cells = _read_text(path, header=header)
    except (VcliError, MemoryError):
        raise
    except Exception as error:
        # Each library raises its own errors for damaged files.
        raise InputError(
            f"{path}: cannot be read as a table ({' '.join(str(error).split())[:200]}).",
            hint="Give CSV, TSV, Parquet or NPZ.",
        ) from error
    cells.columns = [spreadsheet_text(str(name).strip()) for name in cells.columns]
    repeated = sorted(name for name, count in Counter(cells.columns).items() if count > 1)
    if repeated:
        raise InputError(f"{path}: column {repeated[0]} found twice; different names expected.", hint="Rename one.")
    if not len(cells):
        raise InputError(f"{path}: no rows found; one or more expected.", hint="Give another file.")
    return Frame(path, cells)


def training_data(
    frame: Frame, *, target: str | None = None, features: Sequence[str] | None = None, impute: bool = False
) -> TableData:
    """Return the inputs and the target of a table to fit.

    Parameters
    ----------
    frame
        The table.
    target
        Header of the target; None for the column named y, target or label, or else the last one.
    features
        Headers of the features; None for all other columns.
    impute
        Whether to fill missing numbers with the median of their column.

    Raises
    ------
    InputError
        If a column is missing, the target is not numeric or constant, or cells are missing or infinite.
    """
    path, cells = frame.path, frame.cells
    if len(cells) < _FEWEST_ROWS:
        raise InputError(f"{path}: {len(cells)} rows found; {_FEWEST_ROWS} or more expected.")
    if target is None:
        named = [name for name in cells.columns if name.lower() in _TARGET_NAMES]
        target = named[0] if len(named) == 1 else str(cells.columns[-1])
    _require_columns(frame, [target, *(features or [])])
    wanted = list(features) if features else [name for name in cells.columns if name != target]
    if target in wanted:
        raise InputError(f"{path}: the target {target} is among the features; other columns expected.")
    if not wanted:
        raise InputError(f"{path}: no column but the target {target} found; one feature or more expected.")
    values = _numbers(frame, target, what="target")
    _require_finite(frame, target, values, hint="Drop these rows: a target is not imputed.")
    if values.min() == values.max():
        raise InputError(f"{path}: target {target} is {values[0]:g} in every row; differing values expected.")
    columns, notes = [], []
    for name in wanted:
        column = _plan_column(frame, name, impute=impute)
        if column is None:
            notes.append(f"{name} has the same value in every row and was left out")
        else:
            columns.append(column)
            if column.fill is not None and (missing := int(cells[name].isna().sum())):
                notes.append(f"{missing} missing values of {name} were filled with its median, {column.fill:g}")
    if not columns:
        raise InputError(f"{path}: every feature is constant; one or more that vary expected.")
    inputs, names = _matrix(frame, columns)
    return TableData(inputs, names, values, tuple(columns), target, tuple(notes))


def prediction_data(frame: Frame, columns: Sequence[Column], *, target_name: str | None = None) -> TableData:
    """Return the inputs of a fitted model from a table; other columns are ignored.

    Parameters
    ----------
    frame
        The table.
    columns
        Columns of the model.
    target_name
        Header of the model's target, which is read where the table has it.

    Raises
    ------
    InputError
        If a column is missing, or holds a category that the model was not fitted with.
    """
    _require_columns(frame, [column.name for column in columns])
    inputs, names = _matrix(frame, columns)
    target = None
    if target_name is not None and target_name in frame.cells.columns:
        target = _numbers(frame, target_name, what="target")
        _require_finite(frame, target_name, target, hint="Drop the column or fill the cells.")
    return TableData(inputs, names, target, tuple(columns), target_name)


def _require_columns(frame: Frame, names: Sequence[str]) -> None:
    known = list(frame.cells.columns)
    missing = [name for name in names if name not in known]
    if missing:
        raise InputError(
            f"{frame.path}: no column {', '.join(missing)} found; columns are {', '.join(known[:30])}.",
            hint=did_you_mean(missing[0], known) or "Name one of these.",
        )


def _plan_column(frame: Frame, name: str, *, impute: bool) -> Column | None:
    """Return the encoding of a feature; None if it is constant."""
    series = frame.cells[name]
    if _is_text(series):
        gaps = series.isna()
        if gaps.any():
            raise InputError(
                f"{frame.path}: {int(gaps.sum())} missing values in {name}, first in row {int(gaps.argmax()) + 1}; "
                "a category expected.",
                hint="Fill the cells, or leave the column out with --features.",
            )
        categories = tuple(sorted({str(value) for value in series}))
        if len(categories) > _MOST_CATEGORIES:
            raise InputError(
                f"{frame.path}: column {name} has {len(categories)} different texts, as names or identifiers have; "
                f"at most {_MOST_CATEGORIES} categories expected.",
                hint="Leave it out with --features.",
            )
        return None if len(categories) == 1 else Column(name, categories)
    values = _numbers(frame, name, what="column")
    known = values[~np.isnan(values)]
    _require_finite(frame, name, known if impute else values, hint="Fill them, or give --impute.")
    if not len(known) or known.min() == known.max():
        return None
    return Column(name, fill=float(np.median(known)) if impute else None)


def _matrix(frame: Frame, columns: Sequence[Column]) -> tuple[Matrix, tuple[str, ...]]:
    width = sum(max(len(column.categories), 1) for column in columns)
    matrix = np.empty((len(frame.cells), width), dtype=np.float64)
    names: list[str] = []
    for column in columns:
        here = len(names)
        if not column.categories:
            values = _numbers(frame, column.name, what="column")
            if column.fill is not None:
                values = np.where(np.isnan(values), column.fill, values)
            _require_finite(frame, column.name, values, hint="Fill them, or fit the model with --impute.")
            matrix[:, here] = values
            names.append(column.name)
            continue
        texts = frame.cells[column.name].astype(str).to_numpy()
        for number, category in enumerate(column.categories):
            matrix[:, here + number] = texts == category
        unknown = matrix[:, here : here + len(column.categories)].sum(axis=1) == 0
        if unknown.any():
            row = int(unknown.argmax())
            raise InputError(
                f"{frame.path}: {column.name} is {texts[row]!r} in row {row + 1}; one of "
                f"{', '.join(column.categories)} expected.",
                hint="The model was fitted without this category.",
            )
        names += [f"{column.name}={category}" for category in column.categories]
    return matrix, tuple(names)


def _is_text(series: pd.Series[Any]) -> bool:
    return series.dtype.kind not in "biuf"


def _numbers(frame: Frame, name: str, *, what: str) -> Matrix:
    series = frame.cells[name]
    if _is_text(series):
        import pandas as pd

        bad = pd.to_numeric(series, errors="coerce").isna() & series.notna()
        row = int(bad.argmax())
        raise InputError(
            f"{frame.path}: {what} {name} is {str(series.iloc[row])!r} in row {row + 1}; a number expected.",
            hint="Correct the cell." if what == "column" else "Choose a column of numbers with --target.",
        )
    return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


def _require_finite(frame: Frame, name: str, values: Matrix, *, hint: str) -> None:
    bad = ~np.isfinite(values)
    if bad.any():
        raise InputError(
            f"{frame.path}: {int(bad.sum())} values of {name} are missing or infinite, first in row "
            f"{int(bad.argmax()) + 1}; finite numbers expected.",
            hint=hint if np.isnan(values).any() else "Correct the infinite ones.",
        )


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


def _read_text(path: Path, *, header: bool) -> pd.DataFrame:
    import pandas as pd

    try:
        with open_unpacked(path) as stream:
            start = stream.read(_HEAD_BYTES)
            # A header of many columns is longer.
            start += stream.readline(_LONGEST_HEADER)
        head = start.decode("utf-8-sig", errors="strict" if path.suffix.lower() != ".gz" else "replace")
    except UnicodeDecodeError as error:
        if error.reason != "unexpected end of data":
            raise InputError(
                f"{path}: not UTF-8 text; a table in UTF-8 expected.", hint="Save it as CSV UTF-8."
            ) from error
        head = start[: error.start].decode("utf-8-sig")
    lines = [line for line in head.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise InputError(f"{path}: no rows found; a table expected.", hint="Give another file.")
    separator = max(",;\t", key=lines[0].count)
    if separator not in lines[0]:
        separator = r"\s+"
    cells = re.split(separator, lines[0].strip()) if separator == r"\s+" else lines[0].split(separator)
    decimal = "," if separator == ";" and re.search(r"\d,\d", head) and not re.search(r"\d\.\d", head) else "."
    all_numbers = all(_is_number(cell.replace(decimal, ".")) for cell in cells)
    if all_numbers and header and separator != r"\s+":
        raise InputError(
            f"{path}: numbers found in the first line; names of columns expected.",
            hint="Give --no-header if it has none.",
        )
    has_names = header and not all_numbers
    names = [cell.strip().strip('"') for cell in cells]
    if has_names and (repeated := sorted(name for name, count in Counter(names).items() if count > 1)):
        # pandas would number repeated names.
        raise InputError(f"{path}: column {repeated[0]} found twice; different names expected.", hint="Rename one.")
    require_text_room(path, separator)
    table = pd.read_csv(
        path,
        # pandas would infer other compressions from the suffix, whose size was not checked.
        compression="gzip" if path.suffix.lower() == ".gz" else None,
        sep=separator,
        comment="#",
        header=0 if has_names else None,
        skipinitialspace=True,
        decimal=decimal,
        encoding="utf-8-sig",
        # Otherwise the first cells of rows longer than the header become an index.
        index_col=False,
        engine="c",
    )
    if not has_names:
        table.columns = [*(f"x{n}" for n in range(table.shape[1] - 1)), "y"]
    return table


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
