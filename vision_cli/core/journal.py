"""The journal of a run over many items: what is done survives anything that happens later.

One JSON line an item, flushed to the disk before the next item begins. A line that a kill tore is dropped when the run
is resumed. Tables are written from the journal in the order of the input, so an interrupted run, a sharded run and a
plain one end with the same bytes.
"""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from vision_cli.core.files import csv_text

FILE = "items.jsonl"


@dataclass(frozen=True)
class Entry:
    """What became of one item.

    Attributes
    ----------
    id
        Name of the item, unique in the run.
    position
        Its place in the whole input, from 0.
    row
        Its results by column; empty for a failed item.
    error
        Why it failed; None if it did not.
    """

    id: str
    position: int
    row: Mapping[str, object]
    error: str | None = None


class Journal:
    """The journal file of one run directory, for its only writer."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE
        self._entries = {entry.id: entry for entry in read_journal(directory)}
        if self.path.exists():
            self._drop_torn_tail()

    @property
    def done(self) -> frozenset[str]:
        """Ids of the items that need no further work: failed ones are tried again on resume."""
        return frozenset(entry.id for entry in self._entries.values() if entry.error is None)

    @property
    def entries(self) -> list[Entry]:
        """All entries, in the order of the input."""
        return sorted(self._entries.values(), key=lambda entry: entry.position)

    def add(self, item: str, position: int, row: Mapping[str, object]) -> None:
        """Record the results of an item."""
        self._append(Entry(item, position, dict(row)))

    def fail(self, item: str, position: int, error: str) -> None:
        """Record why an item failed."""
        self._append(Entry(item, position, {}, error))

    def _append(self, entry: Entry) -> None:
        line = {"id": entry.id, "position": entry.position, "row": dict(entry.row), "error": entry.error}
        with self.path.open("ab") as stream:
            stream.write(json.dumps(line).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._entries[entry.id] = entry

    def _drop_torn_tail(self) -> None:
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            with self.path.open("r+b") as stream:
                stream.truncate(whole)


def read_journal(directory: Path) -> list[Entry]:
    """Return the entries of a run directory, the latest of each item, without a line that was torn."""
    path = directory / FILE
    if not path.exists():
        return []
    latest: dict[str, Entry] = {}
    for line in path.read_bytes().split(b"\n")[:-1]:
        record = json.loads(line)
        latest[record["id"]] = Entry(record["id"], record["position"], record["row"], record["error"])
    return sorted(latest.values(), key=lambda entry: entry.position)


def items_table(entries: Iterable[Entry]) -> str:
    """Return ``items.csv``: a row for every item that succeeded, in the order of the input."""
    good = [entry for entry in entries if entry.error is None]
    columns = list(dict.fromkeys(name for entry in good for name in entry.row))
    return csv_text(["id", *columns], [[entry.id, *(entry.row.get(c) for c in columns)] for entry in good])


def failures_table(entries: Iterable[Entry]) -> str | None:
    """Return ``failures.csv``, or None if nothing failed."""
    bad = [entry for entry in entries if entry.error is not None]
    return csv_text(["id", "error"], [[entry.id, entry.error] for entry in bad]) if bad else None


def summarise(entries: Sequence[Entry]) -> dict[str, float | int | None]:
    """Return the metrics of a run over items: counts, and mean and median of every numeric column."""
    good = [entry for entry in entries if entry.error is None]
    metrics: dict[str, float | int | None] = {"items": len(good), "items_failed": len(entries) - len(good)}
    for column in dict.fromkeys(name for entry in good for name in entry.row):
        values = [
            float(value)
            for entry in good
            if isinstance(value := entry.row.get(column), int | float) and not isinstance(value, bool)
        ]
        if values:
            metrics[f"{column}_mean"] = statistics.fmean(values)
            metrics[f"{column}_median"] = statistics.median(values)
    return metrics
