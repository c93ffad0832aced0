"""Benchmarks of all tasks: every method on every item, one table, one set of bars, one JSON file.

A task defines the items and methods, how a method is measured on an item, the columns of the table of methods, and the
bars (required values). Measurements are items of the run, so that they can be resumed and divided. Two methods are
compared only on the items that both completed.
"""

from __future__ import annotations

import csv
import math
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vision_cli.core.command.console import Output, Table
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run

METHODS, BARS = "methods.csv", "bars.csv"
BAR_COLUMNS = ("bar", "required", "measured", "met")

Reduce = Literal["count", "mean", "geometric", "median", "sum", "max", "min"]
Wins = Literal["wins"]
Row = Mapping[str, object]

_LEAST = 1e-16
"""Replaces smaller values in geometric means."""


@dataclass(frozen=True)
class Bar:
    """A required value of a benchmark.

    Attributes
    ----------
    name
        The quantity, with its unit.
    at_least
        Whether the required value is a minimum.
    required, measured
        Required and measured value; the latter None if a method was not run.
    """

    name: str
    at_least: bool
    required: float
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the measured value meets the required one; None if it was not measured."""
        if self.measured is None:
            return None
        return self.measured >= self.required if self.at_least else self.measured <= self.required

    def cells(self) -> tuple[object, ...]:
        """Return the row of ``bars.csv``."""
        met = {True: "yes", False: "no", None: "not measured"}[self.met]
        return (self.name, f"{'≥' if self.at_least else '≤'} {self.required:g}", self.measured, met)


@dataclass(frozen=True)
class Column:
    """A column of the table of methods.

    Attributes
    ----------
    title
        Title, with the unit.
    measure
        Measure of the items.
    reduce
        How the measures of the items are reduced; ``wins`` counts the items on which no method has a lower value.
    beside
        Method by whose sum, over the items of both, the sum is divided; None for no division.
    """

    title: str
    measure: str
    reduce: Reduce | Wins = "mean"
    beside: str | None = None


@dataclass(frozen=True)
class Results:
    """Measurements, by item and method.

    Attributes
    ----------
    rows
        One row a measurement.
    item
        Column of the item.
    """

    rows: Sequence[Row]
    item: str

    def values(self, method: str, measure: str) -> dict[str, float]:
        """Return a measure of a method by item, for the items that have it."""
        return {
            str(row[self.item]): value
            for row in self.rows
            if row["method"] == method
            and isinstance(value := row.get(measure), int | float)
            and not isinstance(value, bool)
        }

    def over(self, method: str, measure: str, reduce: Reduce = "mean") -> float | None:
        """Return a measure of a method reduced over its items; None if there are none."""
        return reduced(list(self.values(method, measure).values()), reduce)

    def shared(self, one: str, other: str, measure: str) -> list[tuple[float, float]]:
        """Return the values of two methods on the items of both."""
        first, second = self.values(one, measure), self.values(other, measure)
        return [(first[item], second[item]) for item in first if item in second]

    def gain(self, one: str, other: str, measure: str) -> float | None:
        """Return the mean difference of two methods on the items of both."""
        return reduced([a - b for a, b in self.shared(one, other, measure)], "mean")

    def ratio(self, one: str, other: str, measure: str) -> float | None:
        """Return the ratio of the sums of two methods on the items of both."""
        both = self.shared(one, other, measure)
        total = sum(b for _, b in both)
        return sum(a for a, _ in both) / total if total else None

    def geometric_ratio(self, one: str, other: str, measure: str) -> float | None:
        """Return the geometric mean of the ratios of two methods on the items of both."""
        both = self.shared(one, other, measure)
        return reduced([max(a, _LEAST) / max(b, _LEAST) for a, b in both], "geometric")

    def wins(self, method: str, measure: str) -> int:
        """Return the number of items on which no method has a lower value than this one."""
        least: dict[str, float] = {}
        for one in dict.fromkeys(str(row["method"]) for row in self.rows):
            for item, value in self.values(one, measure).items():
                least[item] = min(value, least.get(item, math.inf))
        return sum(value <= least[item] for item, value in self.values(method, measure).items())

    def cell(self, method: str, column: Column) -> float | None:
        """Return the value of a column for a method."""
        if column.beside is not None:
            return self.ratio(method, column.beside, column.measure)
        if column.reduce == "wins":
            return self.wins(method, column.measure)
        return self.over(method, column.measure, column.reduce)


@dataclass(frozen=True)
class Benchmark:
    """Definition of a benchmark.

    Attributes
    ----------
    items, methods
        Names of items and methods.
    item
        Title of the column of items, such as ``pair`` or ``problem``.
    columns
        Columns of the table of methods.
    bars
        Returns the bars from the measurements.
    takes
        Returns whether a method can process an item.
    """

    items: Sequence[str]
    methods: Sequence[str]
    item: str
    columns: Sequence[Column]
    bars: Callable[[Results], Iterable[Bar]]
    takes: Callable[[str, str], bool] = lambda _item, _method: True

    @property
    def measurements(self) -> list[tuple[str, str]]:
        """Every pair of an item and a method that can process it."""
        return [(item, method) for item in self.items for method in self.methods if self.takes(item, method)]


def measure_all(
    run: Run, benchmark: Benchmark, measure: Callable[[str, str], Mapping[str, object]], output: Output
) -> None:
    """Measure every method on every item; each measurement is an item of the run.

    Parameters
    ----------
    run
        The open run.
    benchmark
        The benchmark.
    measure
        Returns the measures of a method on an item, by name.
    output
        Shows the progress.
    """

    def work(one: tuple[str, str]) -> dict[str, object]:
        item, method = one
        return {benchmark.item: item, "method": method, **measure(item, method)}

    run.each(benchmark.measurements, work, name=measurement_name, what="measurements", output=output)


def measurement_name(one: tuple[str, str]) -> str:
    """Return the name of a measurement as an item of the run."""
    return "-".join(one)


def items_of(entries: Sequence[Entry], methods: Sequence[str]) -> list[str]:
    """Return the items of a run in which every method processes every item, from the names of its measurements.

    Parameters
    ----------
    entries
        The measurements.
    methods
        Names of the methods, in the order of the run.
    """
    return list(dict.fromkeys(entry.id.removesuffix(f"-{methods[entry.position % len(methods)]}") for entry in entries))


def write_comparison(run: RunFiles, entries: Sequence[Entry], benchmark: Benchmark) -> Results:
    """Write ``methods.csv``, ``bars.csv`` and ``metrics.json``; return the measurements.

    Parameters
    ----------
    run
        The run, or the merge of its shards.
    entries
        Its measurements.
    benchmark
        The benchmark.
    """
    results = Results([entry.row for entry in entries if entry.error is None], benchmark.item)
    bars = list(benchmark.bars(results))
    run.write_csv(METHODS, *_methods(benchmark, results, entries))
    run.write_csv(BARS, BAR_COLUMNS, [bar.cells() for bar in bars])
    metrics: dict[str, float | int | str | None] = {
        "items": len(results.rows),
        "items_failed": sum(entry.error is not None for entry in entries),
    }
    for method in benchmark.methods:
        for column in benchmark.columns:
            metrics[_flat_name(method, column.title)] = results.cell(method, column)
    metrics["bars_met"] = sum(bar.met is True for bar in bars)
    metrics["bars_missed"] = sum(bar.met is False for bar in bars)
    run.write_metrics(metrics)
    return results


def comparison_tables(directory: Path) -> tuple[Table, Table]:
    """Return the tables of methods and of bars that `write_comparison` wrote."""
    return read_table(directory / METHODS, "Methods"), read_table(directory / BARS, "Bars")


def read_table(path: Path, title: str | None = None) -> Table:
    """Return a table that a run wrote, with numbers parsed and None for empty cells."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return Table(tuple(map(spreadsheet_text, header)), [[_cell(text) for text in row] for row in rows], title)


def reduced(values: Sequence[float], reduce: Reduce) -> float | None:
    """Return values reduced to one; None for no values, except 0 for their count."""
    if reduce == "count":
        return len(values)
    if not values:
        return None
    match reduce:
        case "mean":
            return statistics.fmean(values)
        case "geometric":
            return math.exp(statistics.fmean(math.log(max(value, _LEAST)) for value in values))
        case "median":
            return statistics.median(values)
        case "sum":
            return sum(values)
        case "max":
            return max(values)
        case "min":
            return min(values)


def _methods(
    benchmark: Benchmark, results: Results, entries: Sequence[Entry]
) -> tuple[tuple[str, ...], list[list[object]]]:
    """Return columns and rows of the table of methods; the note is the first error of a method."""
    failures = {entry.id: entry.error for entry in entries if entry.error is not None}
    columns = ("method", *(column.title for column in benchmark.columns), "note")
    rows: list[list[object]] = []
    for method in benchmark.methods:
        named = (measurement_name(one) for one in benchmark.measurements if one[1] == method)
        note = next((failures[name] for name in named if name in failures), None)
        cells: Iterator[object] = (results.cell(method, column) for column in benchmark.columns)
        rows.append([method, *cells, note])
    return columns, rows


def _flat_name(method: str, title: str) -> str:
    return re.sub(r"[ -]", "_", f"{method}_{title}".lower().replace(" / ", "_over_"))


def _cell(text: str) -> object:
    """Return the value of a cell; only canonical numbers are parsed, not ``007`` or ``1_2``."""
    if not text:
        return None
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            if str(number) == text:
                return number
    return spreadsheet_text(text)
