"""The journal of a run over items, from which an interrupted run is resumed.

One JSON line an item, flushed to the disk before the next item begins. An incomplete line of a killed run is dropped
when the run is resumed. Tables are written from the journal in the order of the input, so that interrupted, sharded and
plain runs end with the same bytes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.core.runs import files
from vision_cli.core.runs.records import METRICS

JOURNAL = "items.jsonl"
ITEMS = "items.csv"
FAILURES = "failures.csv"


@dataclass(frozen=True)
class Entry:
    """Result of one item.

    Attributes
    ----------
    id
        Name of the item, unique in the run.
    position
        Position in the whole input, from 0.
    row
        Results by column; empty for a failed item.
    error
        Error message of a failed item, else None.
    """

    id: str
    position: int
    row: Mapping[str, object]
    error: str | None = None

    def number(self, column: str) -> float:
        """Return a number of the row.

        Raises
        ------
        InputError
            If the column has no number.
        """
        value = self.row.get(column)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"{self.id}: {column} is {value!r}; a number expected.")
        return float(value)


class Journal:
    """The journal of a run directory, opened by its only writer."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / JOURNAL
        self._entries = {entry.id: entry for entry in read_journal(directory)}

    @property
    def done(self) -> frozenset[str]:
        """Names of the items that succeeded; failed ones are processed again on resume."""
        return frozenset(entry.id for entry in self._entries.values() if entry.error is None)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in the order of the input."""
        return sorted(self._entries.values(), key=lambda entry: entry.position)

    def add(self, item: str, position: int, row: Mapping[str, object]) -> None:
        """Record the results of an item.

        Parameters
        ----------
        item
            Name of the item, unique in the run.
        position
            Position in the whole input, from 0, also in a shard.
        row
            Numbers, texts, truth values and None by column.

        Raises
        ------
        InputError
            If another item has this name.
        ResourceError
            If the disk is full; earlier entries stay intact.
        """
        self._append(Entry(item, position, dict(row)))

    def fail(self, item: str, position: int, error: str) -> None:
        """Record the error of an item; raise as `add`."""
        self._append(Entry(item, position, {}, error))

    def _append(self, entry: Entry) -> None:
        known = self._entries.get(entry.id)
        if known is not None and known.position != entry.position:
            raise InputError(
                f"{entry.id}: items {known.position + 1} and {entry.position + 1} of the input have this name; "
                "different names expected.",
                hint="Rename one of them.",
            )
        line = json.dumps(asdict(entry), default=files.as_json)
        files.append_line(self.path, line)
        # As a resumed run would read it, so that both write the same bytes.
        self._entries[entry.id] = Entry(**json.loads(line))


def read_journal(directory: Path) -> list[Entry]:
    """Return the latest entry of each item of a run, without an incomplete last line.

    Raises
    ------
    InputError
        If a complete line is not an entry.
    """
    path = directory / JOURNAL
    latest: dict[str, Entry] = {}
    for number, line in enumerate(files.whole_lines(path), start=1):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{path}: line {number} is damaged ({error}); the results of an item expected.",
                hint="Start the run again with --overwrite.",
            ) from error
        latest[entry.id] = entry
    return sorted(latest.values(), key=lambda entry: entry.position)


def item_files(entries: Sequence[Entry]) -> dict[str, str | None]:
    """Return the contents of ``items.csv``, ``failures.csv`` and ``metrics.json`` by name.

    None for a file that must not exist: ``failures.csv`` of a run without failures.
    """
    return {
        ITEMS: items_table(entries),
        FAILURES: failures_table(entries),
        METRICS: files.json_text(summarise(entries)),
    }


def items_table(entries: Iterable[Entry]) -> str:
    """Return ``items.csv``: a row for each item that succeeded, in the order of the input."""
    good = [entry for entry in entries if entry.error is None]
    columns = list(dict.fromkeys(name for entry in good for name in entry.row))
    return files.csv_text(["id", *columns], [[entry.id, *(entry.row.get(c) for c in columns)] for entry in good])


def failures_table(entries: Iterable[Entry]) -> str | None:
    """Return ``failures.csv``, or None if nothing failed."""
    bad = [entry for entry in entries if entry.error is not None]
    return files.csv_text(["id", "error"], [[entry.id, entry.error] for entry in bad]) if bad else None


def summarise(entries: Sequence[Entry]) -> dict[str, float | int | None]:
    """Return the metrics of a run over items: counts, and mean and median of each numeric column."""
    good = [entry for entry in entries if entry.error is None]
    metrics: dict[str, float | int | None] = {"items": len(good), "items_failed": len(entries) - len(good)}
    for column in dict.fromkeys(name for entry in good for name in entry.row):
        values = [
            _as_float(value)
            for entry in good
            if isinstance(value := entry.row.get(column), int | float) and not isinstance(value, bool)
        ]
        if values:
            metrics[f"{column}_mean"] = _mean(values)
            metrics[f"{column}_median"] = _median(values)
    return metrics


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        # Integers of JSON are unbounded.
        return math.inf if value > 0 else -math.inf


def _mean(values: Sequence[float]) -> float:
    """Return the mean, also where the sum overflows; NaN for infinities of both signs."""
    if not all(map(math.isfinite, values)):
        return sum(value for value in values if not math.isfinite(value))
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return float(sum(map(Fraction, values)) / len(values))


def _median(values: Sequence[float]) -> float:
    """Return the median; NaN if a value is NaN."""
    if any(map(math.isnan, values)):
        return math.nan
    ranked, middle = sorted(values), len(values) // 2
    return ranked[middle] if len(values) % 2 else _mean(ranked[middle - 1 : middle + 1])
