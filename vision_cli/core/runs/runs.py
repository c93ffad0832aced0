"""Runs: directories with the outputs of a command and everything needed to repeat it.

``run.json`` is written first with status ``running`` and last with ``done``; in between outputs are written atomically.
A directory with a run is not overwritten without ``--overwrite``, and not written by two processes at once.
"""

from __future__ import annotations

import shlex
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar

from vision_cli.core.command.console import Output, say
from vision_cli.core.compute.devices import peak_memory_mb
from vision_cli.core.errors import (
    InputTooLarge,
    Interrupted,
    PartialFailure,
    ResourceError,
    UsageError,
    VcliError,
)
from vision_cli.core.runs import files, interrupts, provenance, start_rules
from vision_cli.core.runs.journal import FAILURES, JOURNAL, Entry, Journal, item_files, read_journal
from vision_cli.core.runs.locks import DirectoryLock
from vision_cli.core.runs.outputs import Outputs
from vision_cli.core.runs.records import METRICS, RECORD, SCHEMA_VERSION, RunRecord, read_metrics, read_run
from vision_cli.core.runs.run_files import LOG, RunFiles, now
from vision_cli.core.shards.shards import Shard

__all__ = ["METRICS", "RECORD", "Run", "RunRecord", "read_metrics", "read_run"]

Item = TypeVar("Item")


class Run(RunFiles):
    """A run in progress, for a ``with`` block; created by `Run.open`.

    In the block signals take effect at the next `vision_cli.core.runs.interrupts.check`. Leaving the block without
    `finish` records the run as failed or interrupted.

    Attributes
    ----------
    directory
        The run directory.
    already_done
        Whether the resumed run had finished before.
    resumed
        Whether the directory had an unfinished run with the same options.
    shard
        The part of the items of this run; None for all.
    """

    def __init__(
        self,
        directory: Path,
        document: dict[str, Any],
        outputs: Outputs,
        lock: DirectoryLock,
        *,
        resumed: bool,
        already_done: bool,
        shard: Shard | None = None,
    ) -> None:
        self.directory = directory
        self.shard = shard
        self.resumed = resumed
        self.already_done = already_done
        self._document = document
        self._outputs = outputs
        self._lock = lock
        self._stack = ExitStack()
        self._started = (time.monotonic(), time.process_time())
        self._finished = already_done
        self._journal: Journal | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        command: str,
        options: Mapping[str, object],
        inputs: provenance.Inputs | None = None,
        resume: bool = False,
        overwrite: bool = False,
        shard: Shard | None = None,
    ) -> Run:
        """Start or resume a run.

        Parameters
        ----------
        directory
            The run directory; with ``shard``, the shard's folder inside it is used.
        command
            Name of the command.
        options
            The resolved options as JSON values.
        inputs
            Input files by role; recorded with size and SHA-256.
        resume
            Whether to resume an existing run; without one a new run is started.
        overwrite
            Whether to replace an existing run; only files that it wrote are removed.
        shard
            The part of the items of this process.

        Raises
        ------
        UsageError
            If the directory has other files, another run, or a run that another process is working on.
        InputError
            If an input does not exist or cannot be read.
        ResourceError
            If the directory cannot be written to.
        """
        start_rules.require_resume_or_overwrite(resume=resume, overwrite=overwrite)
        provenance.require_inputs(inputs or {})
        start_rules.require_same_division(directory, shard, resume=resume)
        if shard is not None:
            directory = directory / shard.directory
        with ExitStack() as stack:
            with files.writing(directory):
                start_rules.make_directory(directory)
                lock = stack.enter_context(DirectoryLock(directory))
            files.remove_stale_temporaries(directory)
            previous = start_rules.previous_run(directory, overwrite=overwrite)
            resuming = previous is not None and resume
            if previous is None:
                start_rules.require_empty(directory)
            elif resuming:
                start_rules.require_same_options(previous, command, options)
            elif not overwrite:
                start_rules.refuse_existing_run(previous)
            document = _new_document(command, options, inputs or {}, shard)
            if previous is not None and resuming:
                start_rules.require_same_inputs(previous, document["inputs"])
            done = previous is not None and resuming and previous.status == "done" and not _has_failures(directory)
            outputs = Outputs(directory, [] if previous is None else previous.document.get("outputs", []))
            run = cls(directory, document, outputs, lock, resumed=resuming, already_done=done, shard=shard)
            if previous is not None and resuming:
                run._carry_on(previous.document)
            elif previous is not None:
                run._clear()
            # From here on the record must be closed, whatever signal arrives.
            stack.enter_context(interrupts.interruptible())
            if not done:
                files.write_json(directory / RECORD, run._document)
            if not done:
                part = "" if shard is None else f", {shard}"
                run.log(f"{'resumed' if resuming else 'begun'}: {shlex.join(sys.argv)}{part}")
            run._stack = stack.pop_all()
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._stack:
            if not self._finished:
                self._give_up(error)

    def claim(self, name: str) -> Path:
        """Record file ``name`` as an output; return its path, for a writer that is atomic itself.

        Raises
        ------
        InputError
            If the name leads out of the run directory.
        """
        return self._path(name)

    def record(self, **fields: object) -> None:
        """Add fields such as device or weights to ``run.json``, written when the run ends."""
        self._document.update(fields)

    def warn(self, message: str) -> None:
        """Write a warning to stderr, to the log and to the record."""
        say("warning", message)
        if message not in self._document["warnings"]:
            self._document["warnings"].append(message)
        self.log(f"warning: {message}")

    @property
    def document(self) -> Mapping[str, Any]:
        """Contents of ``run.json`` so far."""
        return self._document

    @property
    def entries(self) -> list[Entry]:
        """Results of the items so far, in the order of the input."""
        return self.items.entries if self.has_items else []

    @property
    def written(self) -> list[str]:
        """Names of the outputs so far."""
        return self._outputs.names

    @property
    def seconds(self) -> float:
        """Wall-clock time of the run so far, including earlier parts of a resumed run, in seconds."""
        before: float = self._document["wall_seconds"]
        return before + time.monotonic() - self._started[0]

    def home_of(self, entry: Entry) -> Path:
        """Return the run directory, which has the outputs of all items."""
        return self.directory

    @property
    def has_items(self) -> bool:
        """Whether the run has a journal of items."""
        return self._journal is not None or (self.directory / JOURNAL).exists()

    @property
    def items(self) -> Journal:
        """The journal of the items."""
        if self._journal is None:
            self._journal = Journal(self.directory)
        return self._journal

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Return the items that this run processes: of a shard its part."""
        return list(items) if self.shard is None else self.shard.take(items)

    def due(self, items: Sequence[Item], name: Callable[[Item], str]) -> list[Item]:
        """Return the items that this run has still to process; ``name`` as that of `each`."""
        done = self.items.done
        return [item for item in self.share(items) if name(item) not in done]

    def each(
        self,
        items: Sequence[Item],
        work: Callable[[Item], Mapping[str, object]],
        *,
        name: Callable[[Item], str],
        what: str,
        output: Output,
        only: str | None = None,
        before: Callable[[Item], None] | None = None,
        is_stale: Callable[[Item, Entry], bool] | None = None,
        raises: bool = False,
    ) -> None:
        """Process every item of this run that is not done yet, and write the tables of all items.

        Each item has a line in the log; a failed item is recorded, reported and skipped, see `attempt`.

        Parameters
        ----------
        items
            All items; in a shard its part of them is processed.
        work
            Processes an item; returns its results by column.
        name
            Returns the name of an item, unique in the run.
        what
            Plural noun for the items, for the progress.
        output
            Shows the progress.
        only
            Name of the only item to process.
        before
            Called before an item is processed; its errors end the run, as they are not errors of the item.
        is_stale
            Returns whether a finished item has to be processed again, for instance because its file changed.
        raises
            Whether the error of an item ends the run.

        Raises
        ------
        UsageError
            If there is no item named ``only``.
        """
        listed = [(position, name(item), item) for position, item in enumerate(items)]
        mine = self.share(listed)
        if only is not None:
            mine = [one for one in listed if one[1] == only]
            if not mine:
                raise UsageError(f"--only {only}: no such item in the list.")
        known = {entry.id: entry for entry in self.items.entries if entry.error is None}
        with output.progress(what, len(mine)) as progress:
            for position, label, item in mine:
                entry = known.get(label)
                if entry is None or (is_stale is not None and is_stale(item, entry)):
                    if before is not None:
                        before(item)
                    started = time.monotonic()
                    if raises:
                        interrupts.check()
                        self.items.add(label, position, work(item))
                    else:
                        with self.attempt(label, position) as row:
                            row.update(work(item))
                    self.log(f"{label}: {time.monotonic() - started:.1f} s")
                progress.advance(note=label)
        self.finish_items()

    @contextmanager
    def attempt(self, item: str, position: int) -> Iterator[dict[str, object]]:
        """Process one item: record the row that the block fills, or the error of the item.

        Interruptions and a lack of disk or memory end the run, which can be resumed. An item whose own input is too
        large for the memory fails alone.

        Parameters
        ----------
        item
            Name of the item, unique in the run.
        position
            Position in the whole input, from 0, also in a shard.
        """
        interrupts.check()
        self._lock.require_held()
        row: dict[str, object] = {}
        try:
            with files.writing(self.directory):
                yield row
        except (Interrupted, MemoryError):
            raise
        except VcliError as error:
            if isinstance(error, ResourceError) and not isinstance(error, InputTooLarge):
                raise
            say("warning", f"{item}: {error.message}")
            self.items.fail(item, position, error.message)
        except Exception as error:
            say("warning", f"{item}: unexpected {type(error).__name__}; traceback in {self.directory / LOG}")
            self.log(f"{item}: {_traceback(error)}")
            self.items.fail(item, position, f"unexpected {type(error).__name__}: {error}")
        else:
            self.items.add(item, position, row)

    def part(
        self,
        name: str,
        *,
        command: str,
        options: Mapping[str, object],
        inputs: provenance.Inputs | None = None,
    ) -> Run:
        """Start or resume a run inside this one, such as that of one item of a batch.

        It is removed when this run is replaced. A failed one is started again, as its inputs may have been fixed.

        Parameters
        ----------
        name
            Path of its directory inside the run directory.
        command, options, inputs
            See `open`, also for errors.
        """
        directory = self._path(f"{name}/{RECORD}").parent
        previous = start_rules.previous_run(directory, overwrite=True) if directory.exists() else None
        failed = previous is not None and previous.status == "failed"
        return Run.open(directory, command=command, options=options, inputs=inputs, resume=not failed, overwrite=failed)

    def finish_items(self) -> int:
        """Write the tables and metrics of the items; return how many failed.

        The files are ``items.csv``, ``failures.csv`` (if any failed) and ``metrics.json``.
        """
        entries = self.items.entries
        for name, content in item_files(entries).items():
            if content is None:
                # Items that had failed may have succeeded in a resumed run.
                (self.directory / name).unlink(missing_ok=True)
            else:
                self.write_text(name, content)
        return sum(entry.error is not None for entry in entries)

    def require_all_good(self) -> None:
        """Raise `PartialFailure` if items failed; called after the result is shown."""
        entries = self.items.entries
        failed = sum(entry.error is not None for entry in entries)
        if failed:
            raise PartialFailure(
                f"{failed} of {len(entries)} items failed.",
                hint=f"See {self.directory / FAILURES}; --resume processes them again.",
            )

    def finish(self) -> None:
        """Record the run as done; the last write of a run."""
        self._close("done")
        self._finished = True

    def _path(self, name: str) -> Path:
        self._lock.require_held()
        return self._outputs.add(name)

    def _carry_on(self, previous: Mapping[str, Any]) -> None:
        """Continue the record of an unfinished run, or take that of a finished one."""
        if self.already_done:
            self._document = dict(previous)
            return
        new = self._document
        gone = {"error", "ended"}
        self._document = {name: value for name, value in previous.items() if name not in gone} | new
        for name in ("started", "warnings", "wall_seconds", "cpu_seconds", "peak_memory_mb"):
            self._document[name] = previous.get(name, new.get(name))
        self._document["resumed"] = previous.get("resumed", 0) + 1
        if previous.get("clearing"):
            self._clear()
        before, now = previous.get("versions", {}), new["versions"]
        changed = [f"{n} {before[n]} -> {now.get(n)}" for n in before if before[n] != now.get(n)]
        if changed:
            self.warn(f"{self.directory}: resumed with other versions than it was started with: {', '.join(changed)}.")

    def _clear(self) -> None:
        """Remove the files of the previous run; the record notes it, in case this is interrupted."""
        marked = self._document | {"clearing": True, "outputs": self._outputs.names}
        files.write_json(self.directory / RECORD, marked)
        self._document |= {"outputs": []}
        self._document.pop("clearing", None)
        _remove(self.directory, self._outputs)

    def _give_up(self, error: BaseException | None) -> None:
        """Record a run that ended without `finish`, if the disk can be written."""
        with suppress(OSError, VcliError):
            if isinstance(error, VcliError):
                self.log(f"error: {error.message}")
            elif isinstance(error, Exception):
                self.log(_traceback(error))
                error.run_log = self.directory / LOG  # type: ignore[attr-defined]
        with suppress(OSError, VcliError):
            self._document["error"] = None if error is None else str(error)
            stopped = isinstance(error, Interrupted | KeyboardInterrupt)
            self._close("interrupted" if stopped else "failed")

    def _close(self, status: str) -> None:
        self._lock.require_held()
        self.log(status)
        before = self._document
        _, cpu = self._started
        files.write_json(
            self.directory / RECORD,
            before
            | {
                "status": status,
                "ended": now(),
                "wall_seconds": round(self.seconds, 3),
                "cpu_seconds": round(before["cpu_seconds"] + time.process_time() - cpu, 3),
                "peak_memory_mb": round(max(before["peak_memory_mb"], peak_memory_mb()), 1),
                "outputs": self._outputs.names,
            },
        )
        self._outputs.hand_over()


def _new_document(
    command: str, options: Mapping[str, object], inputs: provenance.Inputs, shard: Shard | None
) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "argv": sys.argv,
        "options": dict(options),
        "shard": None if shard is None else {"index": shard.index, "count": shard.count},
        "versions": provenance.versions(),
        "git_revision": provenance.git_revision(),
        "host": provenance.host(),
        "inputs": provenance.describe_inputs(inputs),
        "status": "running",
        "started": now(),
        "wall_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_memory_mb": 0.0,
        "warnings": [],
    }


def _remove(directory: Path, outputs: Outputs) -> None:
    """Remove the files of a run and of its parts, except its record."""
    for record in [directory / name for name in outputs.names]:
        if record.name == RECORD and record.parent != directory:
            part = start_rules.previous_run(record.parent, overwrite=True)
            if part is not None:
                _remove(part.directory, Outputs(part.directory, part.document.get("outputs", [])))
    for name in (JOURNAL, LOG):
        (directory / name).unlink(missing_ok=True)
    outputs.remove()


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _has_failures(directory: Path) -> bool:
    """Return whether items of a finished run failed, which are processed again."""
    return any(entry.error is not None for entry in read_journal(directory))
