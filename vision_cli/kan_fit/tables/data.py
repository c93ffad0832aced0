"""Tables as matrices of numbers.

Text columns are one-hot encoded; missing cells are an error unless they are to be imputed, and that one was missing is
then an input of its own. The encoding of the training table is kept as `Column` and applied to the tables to predict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError
from vision_cli.kan_fit.tables.reading import Frame

if TYPE_CHECKING:
    import pandas as pd

Matrix = NDArray[np.float64]

_TARGET_NAMES = ("y", "target", "label")
_MOST_CATEGORIES, _MOST_OF_ROWS = 50, 0.5
_MOST_CLASSES, _FEWEST_OF_A_CLASS = 20, 5
_FEWEST_ROWS = 10
_FEWEST_MISSING = 5
"""Missing cells of a column from which on their absence is an input of its own."""

_MISSING, _NOT = " is missing", "not "
_NO_CATEGORY = "(missing)"
"""Category of missing cells of a text column that is imputed."""

_MANY_NUMBERS, _MOSTLY = 10, 0.8


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
    marks_missing
        Whether a second input is 1 where the cell is missing and 0 elsewhere.
    """

    name: str
    categories: tuple[str, ...] = ()
    fill: float | None = None
    marks_missing: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Names of its inputs."""
        if self.categories:
            return tuple(f"{self.name}={category}" for category in self.categories)
        return (self.name, f"{self.name}{_MISSING}") if self.marks_missing else (self.name,)


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
    classes
        Of a text target, whose values are the numbers of its classes from 0; empty for numbers.
    """

    inputs: Matrix
    names: tuple[str, ...]
    target: Matrix | None
    columns: tuple[Column, ...]
    target_name: str | None
    notes: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()


def training_data(
    frame: Frame, *, target: str | None = None, features: Sequence[str] | None = None, impute: bool = False
) -> TableData:
    """Return the inputs and the target of a table to fit.

    Parameters
    ----------
    frame
        The table.
    target
        Header of the target; None for the column named y, target or label, or else the last one. With a class, as in
        ``species=setosa``, this class against all others.
    features
        Headers of the features; None for all other columns.
    impute
        Whether to fill missing numbers with the median of their column.

    Raises
    ------
    InputError
        If a column is missing, the target is neither numeric nor of a few classes, or constant, or cells are missing or
        infinite.
    """
    path, cells = frame.path, frame.cells
    if len(cells) < _FEWEST_ROWS:
        raise InputError(f"{path}: {len(cells)} rows found; {_FEWEST_ROWS} or more expected.")
    if target is None:
        named = [name for name in cells.columns if name.lower() in _TARGET_NAMES]
        target = named[0] if len(named) == 1 else str(cells.columns[-1])
    header = _header_of(frame, target)
    _require_columns(frame, [header, *(features or [])])
    wanted = list(features) if features else [name for name in cells.columns if name != header]
    if header in wanted:
        raise InputError(f"{path}: the target {target} is among the features; other columns expected.")
    if not wanted:
        raise InputError(f"{path}: no column but the target {target} found; one feature or more expected.")
    classes = _classes_of(frame, header, target)
    values = _target_values(frame, target, classes)
    _require_finite(frame, target, values, hint="Drop these rows: a target is not imputed.")
    if values.min() == values.max():
        raise InputError(f"{path}: target {target} is {values[0]:g} in every row; differing values expected.")
    columns, notes = [], list(frame.notes)
    for name in wanted:
        if not features and _has_identifiers(frame, name):
            notes.append(f"{name} has {cells[name].nunique()} different texts, as identifiers have, and was left out")
            continue
        if cells[name].isna().all():
            notes.append(f"{name} is empty in every row and was left out")
            continue
        column = _plan_column(frame, name, impute=impute)
        if column is None:
            notes.append(f"{name} has the same value in every row and was left out")
        else:
            columns.append(column)
            if _NO_CATEGORY in column.categories:
                notes.append(f"{int(cells[name].isna().sum())} missing values of {name} are a category of their own")
            elif column.fill is not None and (missing := int(cells[name].isna().sum())):
                notes.append(f"{missing} missing values of {name} were filled with its median, {column.fill:g}")
    if not columns:
        raise InputError(
            f"{path}: every feature is constant or holds identifiers; one or more that vary expected.",
            hint="Name others with --features." if not features else None,
        )
    if len(classes) > 2:
        notes.append(f"{header} is text of {len(classes)} classes: {', '.join(classes)}")
    elif classes:
        share = format(float(values.mean()), ".3g")
        notes.append(f"{header} is text: 1 stands for {classes[1]} ({share} of the rows), 0 for {classes[0]}")
    inputs, names = _matrix(frame, columns)
    return TableData(inputs, names, values, tuple(columns), target, tuple(notes), classes)


def prediction_data(
    frame: Frame, columns: Sequence[Column], *, target_name: str | None = None, classes: tuple[str, ...] = ()
) -> TableData:
    """Return the inputs of a fitted model from a table; other columns are ignored.

    Parameters
    ----------
    frame
        The table.
    columns
        Columns of the model.
    target_name
        Header of the model's target, which is read where the table has it.
    classes
        Classes of a text target.

    Raises
    ------
    InputError
        If a column is missing, or holds a category that the model was not fitted with.
    """
    _require_columns(frame, [column.name for column in columns])
    inputs, names = _matrix(frame, columns)
    target = None
    if target_name is not None and _header_of(frame, target_name) in frame.cells.columns:
        target = _target_values(frame, target_name, classes)
        _require_finite(frame, target_name, target, hint="Drop the column or fill the cells.")
    return TableData(inputs, names, target, tuple(columns), target_name, classes=classes)


def _header_of(frame: Frame, target: str) -> str:
    """Return the column of a target, which may be given with a class as in ``species=setosa``."""
    header = target.rpartition("=")[0]
    return header if header and target not in frame.cells.columns and header in frame.cells.columns else target


def _classes_of(frame: Frame, header: str, target: str) -> tuple[str, ...]:
    """Return the classes of a text target; none where it is a column of numbers."""
    series = frame.cells[header]
    if target != header:
        chosen = target.rpartition("=")[2]
        known = sorted({str(value) for value in series.dropna()})
        if chosen not in known:
            raise InputError(
                f"{frame.path}: no {chosen} in {header} found; one of {', '.join(known[:30])} expected.",
                hint=did_you_mean(chosen, known),
            )
        return (f"{_NOT}{chosen}", chosen)
    if not _is_text(series) or _mostly_numbers(series):
        return ()
    known = sorted({str(value) for value in series.dropna()})
    if len(known) > _MOST_CLASSES:
        raise InputError(
            f"{frame.path}: target {header} has {len(known)} different texts; numbers, or at most {_MOST_CLASSES} "
            "classes, expected.",
            hint=f"Fit one class against the others, as in --target '{header}={known[0]}'.",
        )
    rare = min(known, key=lambda name: int((series == name).sum()), default="")
    if len(known) > 2 and (rows := int((series == rare).sum())) < _FEWEST_OF_A_CLASS:
        raise InputError(
            f"{frame.path}: target {header} is {rare} in {rows} rows; {_FEWEST_OF_A_CLASS} or more of each class "
            "expected.",
            hint="Leave these rows out, or join classes.",
        )
    return tuple(known) if len(known) > 1 else ()


def _target_values(frame: Frame, target: str, classes: tuple[str, ...]) -> Matrix:
    """Return the values of a target, ``(N,)``: of classes their numbers from 0; NaN where missing."""
    header = _header_of(frame, target)
    if not classes:
        return _numbers(frame, header, what="target")
    series = frame.cells[header]
    texts = series.astype(str).to_numpy()
    numbers = sum(number * (texts == name) for number, name in enumerate(classes))
    values = np.where(series.isna(), np.nan, numbers * 1.0)
    others = ~np.isnan(values) & (values == 0) & (texts != classes[0])
    if others.any() and not classes[0].startswith(_NOT):
        row = int(others.argmax())
        raise InputError(
            f"{frame.path}: {header} is {texts[row]!r} in row {row + 1}; {' or '.join(classes)} expected.",
            hint="The model was fitted without this class.",
        )
    return np.asarray(values)


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
        if gaps.any() and not impute:
            raise InputError(
                f"{frame.path}: {int(gaps.sum())} missing values in {name}, first in row {int(gaps.argmax()) + 1}; "
                "a category expected.",
                hint="Fill the cells, leave the column out with --features, or give --impute.",
            )
        _require_words(frame, name)
        categories = tuple(sorted(set(_texts(series))))
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
    missing = len(values) - len(known)
    marks = impute and min(missing, len(known)) >= _FEWEST_MISSING
    return Column(name, fill=float(np.median(known)) if impute else None, marks_missing=marks)


def _has_identifiers(frame: Frame, name: str) -> bool:
    """Return whether a column holds more texts than categories would be."""
    series = frame.cells[name]
    if not _is_text(series) or _mostly_numbers(series):
        return False
    return bool(series.nunique() > min(_MOST_CATEGORIES, _MOST_OF_ROWS * len(series)))


def _mostly_numbers(series: pd.Series[Any]) -> bool:
    """Return whether most cells of a text column are numbers, of which there are too many for categories."""
    import pandas as pd

    if series.dtype.kind == "M":
        return False
    numbers = pd.to_numeric(series, errors="coerce")
    return bool(numbers.nunique() >= _MANY_NUMBERS and numbers.notna().sum() >= _MOSTLY * len(series))


def _require_words(frame: Frame, name: str) -> None:
    """Check that a text column is not one of numbers with some cells that are none."""
    if _mostly_numbers(frame.cells[name]):
        _numbers(frame, name, what="column")


def _matrix(frame: Frame, columns: Sequence[Column]) -> tuple[Matrix, tuple[str, ...]]:
    width = sum(len(column.names) for column in columns)
    matrix = np.empty((len(frame.cells), width), dtype=np.float64)
    names: list[str] = []
    for column in columns:
        here = len(names)
        if not column.categories:
            values = _numbers(frame, column.name, what="column")
            if column.marks_missing:
                matrix[:, here + 1] = np.isnan(values)
            if column.fill is not None:
                values = np.where(np.isnan(values), column.fill, values)
            _require_finite(frame, column.name, values, hint="Fill them, or fit the model with --impute.")
            matrix[:, here] = values
            names += column.names
            continue
        texts = _texts(frame.cells[column.name])
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
        names += column.names
    return matrix, tuple(names)


def _texts(series: pd.Series[Any]) -> NDArray[np.object_]:
    """Return the cells of a text column; missing ones have a category of their own."""
    return np.where(series.isna(), _NO_CATEGORY, series.astype(str).to_numpy(dtype=object))


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
