"""Comparison with others, as all tasks do it: every method on every item, one table, one set of bars, one JSON.

A task says which items and methods there are, how one of them is measured, which columns the table of methods has, and
which bars ours has to clear; measurements are items of the run, so that they resume and divide like any others. Methods
are compared on the items that both of them did, never on sets that differ.
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
"""Stands for 0 in geometric means."""


@dataclass(frozen=True)
class Bar:
    """A value that is required of a benchmark.

    Attributes
    ----------
    name
        What is compared, with its unit.
    at_least
        Whether more is better.
    required, measured
        The limit, and what was found; None where a method it needs was not run.
    """

    name: str
    at_least: bool
    required: float
    measured: float | None

    @property
    def met(self) -> bool | None:
        """Whether the measured value is on the right side."""
        if self.measured is None:
            return None
        return self.measured >= self.required if self.at_least else self.measured <= self.required

    def cells(self) -> tuple[object, ...]:
        """Return the row of the table."""
        met = {True: "yes", False: "no", None: "not measured"}[self.met]
        return (self.name, f"{'≥' if self.at_least else '≤'} {self.required:g}", self.measured, met)


@dataclass(frozen=True)
class Column:
    """A column of the table of methods.

    Attributes
    ----------
    title
        Its name, with its unit.
    measure
        The measure of an item that it is made of.
    reduce
        What it is made of them; ``wins`` counts the items on which no method has less.
    beside
        A method whose sum, over the items that both did, the sum is divided by; None for the value itself.
    """

    title: str
    measure: str
    reduce: Reduce | Wins = "mean"
    beside: str | None = None


@dataclass(frozen=True)
class Results:
    """What was measured, by item and method.

    Attributes
    ----------
    rows
        A row a measurement.
    item
        The column that names the item.
    """

    rows: Sequence[Row]
    item: str

    def values(self, method: str, measure: str) -> dict[str, float]:
        """Return a measure of a method by item, without those that have none."""
        return {
            str(row[self.item]): value
            for row in self.rows
            if row["method"] == method
            and isinstance(value := row.get(measure), int | float)
            and not isinstance(value, bool)
        }

    def over(self, method: str, measure: str, reduce: Reduce = "mean") -> float | None:
        """Return one number of a measure of a method over its items; None if there are none."""
        return reduced(list(self.values(method, measure).values()), reduce)

    def shared(self, one: str, other: str, measure: str) -> list[tuple[float, float]]:
        """Return the values of two methods on the items that both did."""
        first, second = self.values(one, measure), self.values(other, measure)
        return [(first[item], second[item]) for item in first if item in second]

    def gain(self, one: str, other: str, measure: str) -> float | None:
        """Return the mean of what one method has more than another, on the items that both did."""
        return reduced([a - b for a, b in self.shared(one, other, measure)], "mean")

    def ratio(self, one: str, other: str, measure: str) -> float | None:
        """Return the sum of one method over that of another, on the items that both did."""
        both = self.shared(one, other, measure)
        total = sum(b for _, b in both)
        return sum(a for a, _ in both) / total if total else None

    def geometric_ratio(self, one: str, other: str, measure: str) -> float | None:
        """Return the geometric mean of the ratios of two methods, on the items that both did."""
        both = self.shared(one, other, measure)
        return reduced([max(a, _LEAST) / max(b, _LEAST) for a, b in both], "geometric")

    def wins(self, method: str, measure: str) -> int:
        """Return on how many items no method has less than this one."""
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
    """A comparison.

    Attributes
    ----------
    items, methods
        Their names.
    item
        What an item is, which names its column: ``pair``, ``problem``.
    columns
        Of the table of methods.
    bars
        Gives the bars of what was measured.
    takes
        Whether a method can do an item.
    """

    items: Sequence[str]
    methods: Sequence[str]
    item: str
    columns: Sequence[Column]
    bars: Callable[[Results], Iterable[Bar]]
    takes: Callable[[str, str], bool] = lambda _item, _method: True

    @property
    def measurements(self) -> list[tuple[str, str]]:
        """Every item with every method that can do it."""
        return [(item, method) for item in self.items for method in self.methods if self.takes(item, method)]


def measure_all(
    run: Run, benchmark: Benchmark, measure: Callable[[str, str], Mapping[str, object]], output: Output
) -> None:
    """Measure every method on every item; each is an item of the run.

    Parameters
    ----------
    run
        The open run.
    benchmark
        What is compared.
    measure
        Gives the measures of an item by a method, by name.
    output
        Where progress is shown.
    """

    def work(one: tuple[str, str]) -> dict[str, object]:
        item, method = one
        return {benchmark.item: item, "method": method, **measure(item, method)}

    run.each(benchmark.measurements, work, name=measurement_name, what="measurements", output=output)


def measurement_name(one: tuple[str, str]) -> str:
    """Name a measurement, as an item of the run, by its item and method."""
    return "-".join(one)


def items_of(entries: Sequence[Entry], methods: Sequence[str]) -> list[str]:
    """Return the items of a run whose methods can all do every item, from the names of its measurements.

    Parameters
    ----------
    entries
        The measurements.
    methods
        Names of the methods, in the order of the run.
    """
    return list(dict.fromkeys(entry.id.removesuffix(f"-{methods[entry.position % len(methods)]}") for entry in entries))


def write_comparison(run: RunFiles, entries: Sequence[Entry], benchmark: Benchmark) -> Results:
    """Write ``methods.csv``, ``bars.csv`` and ``metrics.json`` of what was measured, and return it.

    Parameters
    ----------
    run
        The run, or the merge of its shards.
    entries
        Its measurements.
    benchmark
        What was compared.
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
    """Return the table of the methods and that of the bars, as `write_comparison` wrote them."""
    return read_table(directory / METHODS, "Methods"), read_table(directory / BARS, "Bars")


def read_table(path: Path, title: str | None = None) -> Table:
    """Return a table that a run wrote, its cells as numbers where they are some, None where they are empty."""
    with path.open(encoding="utf-8", newline="") as stream:
        header, *rows = csv.reader(stream)
    return Table(tuple(map(spreadsheet_text, header)), [[_cell(text) for text in row] for row in rows], title)


def reduced(values: Sequence[float], reduce: Reduce) -> float | None:
    """Return one number of several; None of none, but that they are 0 in number."""
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
    """Return columns and rows of the table of methods; the note is the first failure of a method."""
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
    """Return the value of a cell: a number only if numbers are written so, which ``007`` and ``1_2`` are not."""
    if not text:
        return None
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            if str(number) == text:
                return number
    return spreadsheet_text(text)
