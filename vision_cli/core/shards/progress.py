"""States of the shards of a run, and the command that completes them."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from vision_cli.core.command.console import PROGRAM
from vision_cli.core.errors import InputError
from vision_cli.core.runs.journal import Entry, read_journal
from vision_cli.core.runs.locks import DirectoryLock
from vision_cli.core.runs.records import RECORD, RunRecord, read_run
from vision_cli.core.shards.shards import Shard, find_shards

State = Literal["done", "running", "interrupted", "killed", "failed", "damaged", "missing"]
STATES: tuple[State, ...] = ("done", "running", "interrupted", "killed", "failed", "damaged", "missing")
"""All states of a shard. A killed one has a record without an end; a missing one has no record."""


@dataclass(frozen=True)
class ShardState:
    """State of one shard.

    Attributes
    ----------
    shard
        The shard.
    state
        Its state.
    error
        Why it ended early, if recorded.
    record
        Its record; None if it is missing or damaged.
    entries
        Results of its items so far, in the order of the input.
    """

    shard: Shard
    state: State
    error: str | None = None
    record: RunRecord | None = None
    entries: tuple[Entry, ...] = ()

    @property
    def items(self) -> int:
        """Number of items that are done."""
        return len(self.entries) - self.items_failed

    @property
    def items_failed(self) -> int:
        """Number of items that failed."""
        return sum(entry.error is not None for entry in self.entries)


def shard_states(directory: Path, count: int | None = None) -> list[ShardState]:
    """Return the states of all shards of a run in their order, also of those that were never started.

    Parameters
    ----------
    directory
        The run directory, which need not exist.
    count
        Number of shards; None for the divisions that are found there.
    """
    found = find_shards(directory)
    counts = sorted({shard.count for shard in found}) if count is None else [count]
    expected = (Shard(index, number) for number in counts for index in range(1, number + 1))
    return [_state(shard, found.get(shard)) for shard in expected]


def _state(shard: Shard, directory: Path | None) -> ShardState:
    if directory is None or not (directory / RECORD).exists():
        # A run writes its record first.
        return ShardState(shard, "missing")
    try:
        record = read_run(directory)
        entries = read_journal(directory)
    except InputError as damage:
        return ShardState(shard, "damaged", error=damage.message)
    error = record.document.get("error")
    return ShardState(shard, present_state(record), None if error is None else str(error), record, tuple(entries))


def present_state(record: RunRecord) -> State:
    """Return the present state of a run; one recorded as ``running`` without a live lock was killed."""
    if record.status == "running":
        return "running" if DirectoryLock.is_held(record.directory) else "killed"
    known: dict[str, State] = {state: state for state in STATES}
    return known.get(record.status, "damaged")


def repair_command(argv: Sequence[str], shards: Iterable[Shard]) -> str:
    """Return the command line that completes shards.

    Parameters
    ----------
    argv
        Command line of a shard of the run, program first.
    shards
        The shards to complete; one or more.
    """
    first, *others = shards
    words = [PROGRAM, *_without_division(argv[1:])]
    if not others:
        return shlex.join([*words, "--shard", f"{first.index}/{first.count}", "--resume"])
    numbers = " ".join(str(shard.index) for shard in (first, *others))
    return f"for n in {numbers}; do {shlex.join(words)} --shard $n/{first.count} --resume; done"


def _without_division(words: Sequence[str]) -> list[str]:
    """Return the arguments of a command without ``--shard``, ``--resume`` and ``--overwrite``."""
    kept: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word == "--shard":
            skip = True
        elif word not in {"--resume", "--overwrite"} and not word.startswith("--shard="):
            kept.append(word)
    return kept
