"""Merge of the shards of a run: checks them, then writes the files that one process would have written."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs import files
from vision_cli.core.runs.journal import Entry, item_files, read_journal
from vision_cli.core.runs.locks import DirectoryLock
from vision_cli.core.runs.outputs import require_inside
from vision_cli.core.runs.records import RECORD, RunRecord, read_run
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.shards.progress import ShardState, repair_command, shard_states
from vision_cli.core.shards.shards import Shard, find_shards


@dataclass(frozen=True)
class Merged:
    """A merged run.

    Attributes
    ----------
    shards
        Records of the shards, in their order.
    entries
        Results of all items, in the order of the input.
    """

    shards: tuple[RunRecord, ...]
    entries: tuple[Entry, ...]


def collect_shards(directory: Path) -> Merged:
    """Read all shards of a run.

    Raises
    ------
    InputError
        If there are no shards, or a record is damaged.
    UsageError
        If shards are missing, not done, of several divisions, or of different options or inputs, or if items are
        missing or were done twice. The hint gives the command that repairs it.
    """
    found = find_shards(directory)
    if not found:
        raise InputError(f"{directory}: no shard folders found; a run made with --shard expected.")
    count = _only_count(directory, found)
    states = shard_states(directory, count)
    _require_done(directory, states)
    records = {state.shard.index: state.record for state in states if state.record is not None}
    odd = [index for index, record in records.items() if _work(record) != _work(records[1])]
    if odd:
        differing = ", ".join(sorted({name for index in odd for name in _differences(records[1], records[index])}))
        raise UsageError(
            f"{directory}: shards {_listed(odd)} had other options or inputs than shard 1: {differing}.",
            hint=f"Run them again with --overwrite and --config {records[1].directory / RECORD}.",
        )
    entries = [entry for state in states for entry in state.entries]
    return Merged(tuple(records.values()), _in_order(directory, entries))


def read_entries(directory: Path) -> Sequence[Entry]:
    """Return the results of the items of a run, undivided or in shards, in the order of the input.

    Raises
    ------
    InputError, UsageError
        As `collect_shards`.
    """
    return collect_shards(directory).entries if find_shards(directory) else read_journal(directory)


def merge_shards(directory: Path, finish: Callable[[RunFiles, Sequence[Entry]], None] | None = None) -> Merged:
    """Write the tables, ``metrics.json`` and ``run.json`` of the whole run into its directory.

    Parameters
    ----------
    directory
        The run directory.
    finish
        Writes the verb's own tables and report, in addition to those of the journal.

    Raises
    ------
    InputError, UsageError
        As `collect_shards`, or if the directory holds another run; nothing is written then.
    ResourceError
        If the directory cannot be written to.
    """
    merged = collect_shards(directory)
    if (directory / RECORD).exists() and "shards" not in read_run(directory).document:
        raise UsageError(
            f"{directory}: a run of the whole work found beside the shards; shards only expected.",
            hint="Move one of them to another directory.",
        )
    with files.writing(directory):
        lock = DirectoryLock(directory)
    with lock:
        files.remove_stale_temporaries(directory)
        writer = _MergedFiles(directory, merged)
        for name, content in item_files(merged.entries).items():
            if content is None:
                (directory / name).unlink(missing_ok=True)
            else:
                writer.write_text(name, content)
        if finish is not None:
            finish(writer, merged.entries)
        writer.log(f"merged from {len(merged.shards)} shards")
        files.write_json(directory / RECORD, {**writer.document, "outputs": writer.written})
    return merged


class _MergedFiles(RunFiles):
    """Writes the files of the merged run beside its shards."""

    def __init__(self, directory: Path, merged: Merged) -> None:
        self.directory = directory
        self._names: set[str] = set()
        self._document = _document(merged.shards)
        self._merged = merged

    @property
    def document(self) -> Mapping[str, Any]:
        """Record of the merged run."""
        return self._document

    @property
    def entries(self) -> Sequence[Entry]:
        """Results of the items of all shards."""
        return self._merged.entries

    @property
    def written(self) -> list[str]:
        """Names of the outputs so far."""
        return sorted(self._names)

    @property
    def seconds(self) -> float:
        """Wall-clock time of the longest shard, in seconds."""
        seconds: float = self._document["wall_seconds"]
        return seconds

    def home_of(self, entry: Entry) -> Path:
        """Return the directory of the shard that an item belongs to."""
        shards = self._merged.shards
        return shards[entry.position % len(shards)].directory

    def _path(self, name: str) -> Path:
        path = require_inside(name)
        self._names.add(name)
        return self.directory / path


def _document(shards: tuple[RunRecord, ...]) -> dict[str, Any]:
    """Return the record of the merged run: common fields, earliest start, latest end, sums and maxima."""
    documents = [record.document for record in shards]
    return {
        **documents[0],
        "argv": sys.argv,
        "shard": None,
        "shards": [record.directory.name for record in shards],
        "started": min(document["started"] for document in documents),
        "ended": max(document["ended"] for document in documents),
        "wall_seconds": max(document["wall_seconds"] for document in documents),
        "cpu_seconds": round(sum(document["cpu_seconds"] for document in documents), 3),
        "peak_memory_mb": max(document["peak_memory_mb"] for document in documents),
        "warnings": list(dict.fromkeys(w for document in documents for w in document["warnings"])),
    }


def _only_count(directory: Path, shards: Iterable[Shard]) -> int:
    counts = sorted({shard.count for shard in shards})
    if len(counts) > 1:
        raise UsageError(
            f"{directory}: shards of {_listed(counts)} parts found; one division expected.",
            hint="Move the shards of the other divisions away.",
        )
    return counts[0]


def _require_done(directory: Path, states: Sequence[ShardState]) -> None:
    """Raise `UsageError` for shards that are not done; those still running are reported last."""
    broken = [state for state in states if state.state not in {"done", "running"}]
    if broken:
        states_found = "; ".join(
            f"{name}: {_listed([state.shard.index for state in broken if state.state == name])}"
            for name in dict.fromkeys(state.state for state in broken)
        )
        why = next((f" ({state.error})" for state in broken if state.error), "")
        argv: Sequence[str] = next(
            (state.record.document.get("argv", []) for state in states if state.record is not None), []
        )
        raise UsageError(
            f"{directory}: {len(broken)} of {len(states)} shards are not done; {states_found}{why}.",
            hint=f"Run {repair_command(argv, [state.shard for state in broken])}" if argv else None,
        )
    running = [state.shard.index for state in states if state.state == "running"]
    if running:
        raise UsageError(
            f"{directory}: {len(running)} of {len(states)} shards are running: {_listed(running)}.",
            hint=f"Wait for them; `vcli runs show {shlex.quote(str(directory))}` shows how far they are.",
        )


def _work(record: RunRecord) -> tuple[object, ...]:
    return record.command, record.options, record.document.get("inputs")


def _differences(one: RunRecord, other: RunRecord) -> set[str]:
    """Return the names of options and inputs that differ."""
    if one.command != other.command:
        return {"the command"}
    pairs = (one.options, other.options), (one.document.get("inputs", {}), other.document.get("inputs", {}))
    return {name for a, b in pairs for name in {*a, *b} if a.get(name) != b.get(name)}


def _in_order(directory: Path, entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the entries in the order of the input; raise an error unless each item occurs exactly once."""
    ordered = sorted(entries, key=lambda entry: entry.position)
    if [entry.position for entry in ordered] != list(range(len(ordered))):
        raise UsageError(
            f"{directory}: the shards do not hold each item of one list once; each item once expected.",
            hint="Run the shards again with --overwrite, all from the same input.",
        )
    names = [entry.id for entry in ordered]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InputError(f"{twice}: two items with this name found; different names expected.")
    return tuple(ordered)


def _listed(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:8]))
    return shown if len(numbers) <= 8 else f"{shown} and {len(numbers) - 8} more"
