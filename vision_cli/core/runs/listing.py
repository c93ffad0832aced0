"""List of the runs below a directory: command, start, duration, status."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import read_journal
from vision_cli.core.runs.records import RECORD, RunRecord, read_metrics, read_run
from vision_cli.core.shards.progress import STATES, ShardState, present_state, shard_states
from vision_cli.core.shards.shards import find_shards


@dataclass(frozen=True)
class RunSummary:
    """One run in a list of runs.

    Attributes
    ----------
    directory
        The run directory.
    status
        ``done``, ``running``, ``interrupted``, ``killed``, ``failed`` or ``damaged``; of a run in shards that is not
        merged, ``unmerged`` if all shards are done, ``running`` if one is, else ``unfinished``.
    command
        Name of the command, such as ``register pair``; None if the record cannot be read.
    started
        Time of the start.
    seconds
        Duration, so far if it is running; None if no end was recorded.
    items, items_failed
        Numbers of items that succeeded and failed; None for a command without items.
    error
        Error of the run, or of reading its record.
    shards
        Number of shards in each state, for a run that is not merged.
    """

    directory: Path
    status: str
    command: str | None = None
    started: datetime | None = None
    seconds: float | None = None
    items: int | None = None
    items_failed: int | None = None
    error: str | None = None
    shards: Mapping[str, int] = field(default_factory=dict)


def list_runs(directory: Path) -> list[RunSummary]:
    """Return all runs below a directory, the latest first; those without a readable start time come last.

    Hidden folders, folders inside a run and unreadable folders are skipped.

    Raises
    ------
    InputError
        If there is no such directory.
    """
    if not directory.is_dir():
        raise InputError(f"{directory}: no such directory; a directory with runs expected.")
    found = list(_runs(directory))
    return sorted(found, key=lambda run: run.started or datetime.min.replace(tzinfo=UTC), reverse=True)


def _runs(directory: Path) -> Iterator[RunSummary]:
    for place, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        here = Path(place)
        if RECORD in names:
            folders.clear()
            yield _whole(here)
        elif find_shards(here):
            folders.clear()
            yield _divided(here, shard_states(here))


def _whole(directory: Path) -> RunSummary:
    try:
        record = read_run(directory)
    except InputError as damage:
        return RunSummary(directory, "damaged", error=damage.message)
    items, failed = _items(directory)
    status = present_state(record)
    error = record.document.get("error")
    return RunSummary(
        directory,
        status,
        command=record.command,
        started=_started(record),
        seconds=_seconds(record, is_running=status == "running"),
        items=items,
        items_failed=failed,
        error=None if error is None else str(error),
    )


def _divided(directory: Path, states: Sequence[ShardState]) -> RunSummary:
    counts = {name: sum(state.state == name for state in states) for name in STATES}
    records = [state.record for state in states if state.record is not None]
    begun = [started for record in records if (started := _started(record)) is not None]
    ends = [
        started + timedelta(seconds=seconds)
        for state in states
        if state.record is not None
        and (started := _started(state.record)) is not None
        and (seconds := _seconds(state.record, is_running=state.state == "running")) is not None
    ]
    unfinished = "running" if counts["running"] else "unfinished"
    return RunSummary(
        directory,
        "unmerged" if counts["done"] == len(states) else unfinished,
        command=records[0].command if records else None,
        started=min(begun, default=None),
        seconds=(max(ends) - min(begun)).total_seconds() if ends else None,
        items=sum(state.items for state in states),
        items_failed=sum(state.items_failed for state in states),
        error=next((state.error for state in states if state.error), None),
        shards={name: count for name, count in counts.items() if count},
    )


def _started(record: RunRecord) -> datetime | None:
    try:
        started = datetime.fromisoformat(record.document["started"])
    except (KeyError, TypeError, ValueError):
        return None
    return started if started.tzinfo else started.replace(tzinfo=UTC)


def _seconds(record: RunRecord, *, is_running: bool) -> float | None:
    if is_running:
        started = _started(record)
        return None if started is None else (datetime.now(UTC) - started).total_seconds()
    seconds = record.document.get("wall_seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def _items(directory: Path) -> tuple[int | None, int | None]:
    """Return how many items succeeded and failed, from the journal, or for a merged run from its metrics."""
    try:
        entries = read_journal(directory)
        if entries:
            failed = sum(entry.error is not None for entry in entries)
            return len(entries) - failed, failed
        counts = [read_metrics(directory).get(name) for name in ("items", "items_failed")]
    except (InputError, AttributeError):
        return None, None
    items, failed_items = (count if isinstance(count, int) else None for count in counts)
    return items, failed_items
