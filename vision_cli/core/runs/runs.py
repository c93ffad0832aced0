"""The run directory: everything a command wrote and everything needed to repeat it.

``run.json`` is written first with status ``running`` and last with ``done``; in between every output appears
whole or not at all. A directory that holds a run is never written over without being asked, and never by two
processes at once.
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
    """A run in progress, for the length of a ``with`` block; made by `Run.open`.

    Inside the block signals are held back until the work looks at them (`vision_cli.core.runs.interrupts.check`).
    Leaving the block without `finish` records the run as failed or interrupted.

    Attributes
    ----------
    directory
        Where the run writes.
    already_done
        A resumed run had finished before: there is nothing to do but to show its result.
    resumed
        The directory held an unfinished run with the same options.
    shard
        The part of the work that this run does; None for all.
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
        """Begin or resume a run.

        Parameters
        ----------
        directory
            The run directory; with ``shard``, the shard's folder inside it is used.
        command
            The words of the command.
        options
            The resolved options, as JSON holds them.
        inputs
            Input files by role; recorded with size and SHA-256.
        resume
            Go on with the run that is there; begin one where there is none.
        overwrite
            Replace the run that is there. Only files that it wrote are removed.
        shard
            The part of the work that this process does.

        Raises
        ------
        UsageError
            If the directory holds something else, another run, or a run that another process is working on.
        InputError
            If an input is not there or cannot be read.
        ResourceError
            If the directory cannot be written to.
        """
        start_rules.require_one_wish(resume=resume, overwrite=overwrite)
        provenance.require_inputs(inputs or {})
        start_rules.require_one_division(directory, shard, resume=resume)
        if shard is not None:
            directory = directory / shard.directory
        with ExitStack() as stack:
            with files.writing(directory):
                start_rules.make_directory(directory)
                lock = stack.enter_context(DirectoryLock(directory))
            files.remove_stale_temporaries(directory)
            previous = start_rules.previous_run(directory, overwrite=overwrite)
            going_on = previous is not None and resume
            if previous is None:
                start_rules.require_empty(directory)
            elif going_on:
                start_rules.require_same_options(previous, command, options)
            elif not overwrite:
                start_rules.refuse(previous)
            document = _new_document(command, options, inputs or {}, shard)
            if previous is not None and going_on:
                start_rules.require_same_inputs(previous, document["inputs"])
            done = previous is not None and going_on and previous.status == "done" and not _has_failures(directory)
            outputs = Outputs(directory, [] if previous is None else previous.document.get("outputs", []))
            run = cls(directory, document, outputs, lock, resumed=going_on, already_done=done, shard=shard)
            if previous is not None and going_on:
                run._carry_on(previous.document)
            elif previous is not None:
                run._clear()
            # From here on whoever reads the record relies on its being closed, whatever signal comes.
            stack.enter_context(interrupts.interruptible())
            if not done:
                files.write_json(directory / RECORD, run._document)
            if not done:
                part = "" if shard is None else f", {shard}"
                run.log(f"{'resumed' if going_on else 'begun'}: {shlex.join(sys.argv)}{part}")
            run._stack = stack.pop_all()
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._stack:
            if not self._finished:
                self._give_up(error)

    def claim(self, name: str) -> Path:
        """Put file ``name`` down as the run's own and return its path, for a writer that writes it whole itself.

        Raises
        ------
        InputError
            If the name leads out of the run directory.
        """
        return self._path(name)

    def record(self, **fields: object) -> None:
        """Add fields to ``run.json`` (device, seconds, weights); they are written when the run ends."""
        self._document.update(fields)

    def warn(self, message: str) -> None:
        """Warn on stderr, in the log and in the record."""
        say("warning", message)
        if message not in self._document["warnings"]:
            self._document["warnings"].append(message)
        self.log(f"warning: {message}")

    @property
    def document(self) -> Mapping[str, Any]:
        """The record of the run as far as it is known."""
        return self._document

    @property
    def entries(self) -> list[Entry]:
        """What became of the items so far, in the order of the input."""
        return self.items.entries if self.has_items else []

    @property
    def written(self) -> list[str]:
        """Names of the outputs so far."""
        return self._outputs.names

    @property
    def seconds(self) -> float:
        """Wall seconds that the run took so far, over all its resumptions."""
        before: float = self._document["wall_seconds"]
        return before + time.monotonic() - self._started[0]

    def home_of(self, entry: Entry) -> Path:
        """Return the run directory: a run in one piece holds the outputs of all items."""
        return self.directory

    @property
    def has_items(self) -> bool:
        """Whether the run works on many items, and has begun to."""
        return self._journal is not None or (self.directory / JOURNAL).exists()

    @property
    def items(self) -> Journal:
        """The journal of a run over many items."""
        if self._journal is None:
            self._journal = Journal(self.directory)
        return self._journal

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
        """Do every item that is this run's and not done yet, and write the tables of all.

        One line of the log an item; a failed item is recorded, said and passed over, see `attempt`.

        Parameters
        ----------
        items
            The whole list; with a shard its part is done.
        work
            Does an item and returns its row: results by column.
        name
            Gives the name of an item, unique in the run.
        what
            What the items are, in the plural, for the progress.
        output
            Where progress is shown.
        only
            Name of the one item to do.
        before
            Called ahead of an item that is to be done; what it raises ends the run, as it is no fault of the item.
        is_stale
            Whether a done item has to be done again, as when its file changed.
        raises
            Whether the error of an item ends the run, as for an item that is all there is.

        Raises
        ------
        UsageError
            If ``only`` names no item.
        """
        listed = [(position, name(item), item) for position, item in enumerate(items)]
        mine = listed if self.shard is None else self.shard.take(listed)
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
        """Do one item of many: what the block puts into the row is recorded, or why the item failed.

        Interruption and a lack of disk or memory are no failures of the item: they end the run, which can be
        resumed. An item whose own input is too large for the memory fails alone.

        Parameters
        ----------
        item
            Name of the item, unique in the run.
        position
            Its place in the whole input, from 0, whatever the shard.
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
        """Begin or resume a run inside this one, as that of one item of a batch.

        It belongs to this run: what replaces this run removes it. One that failed begins anew, for its inputs may have
        been mended.

        Parameters
        ----------
        name
            Path of its directory inside the run directory.
        command, options, inputs
            As for `open`, which also names the errors.
        """
        directory = self._path(f"{name}/{RECORD}").parent
        previous = start_rules.previous_run(directory, overwrite=True) if directory.exists() else None
        failed = previous is not None and previous.status == "failed"
        return Run.open(directory, command=command, options=options, inputs=inputs, resume=not failed, overwrite=failed)

    def finish_items(self) -> int:
        """Write the tables and metrics of the journal's items; return how many items failed.

        The files are ``items.csv``, ``failures.csv`` (if any failed) and ``metrics.json``.
        """
        entries = self.items.entries
        for name, content in item_files(entries).items():
            if content is None:
                # A resumed run may have mended what had failed.
                (self.directory / name).unlink(missing_ok=True)
            else:
                self.write_text(name, content)
        return sum(entry.error is not None for entry in entries)

    def require_all_good(self) -> None:
        """Raise `PartialFailure` if items failed: what a run over many items ends with, when its result is shown."""
        entries = self.items.entries
        failed = sum(entry.error is not None for entry in entries)
        if failed:
            raise PartialFailure(
                f"{failed} of {len(entries)} items failed.",
                hint=f"See {self.directory / FAILURES}; --resume tries them again.",
            )

    def finish(self) -> None:
        """Record the run as done; the last thing a run writes."""
        self._close("done")
        self._finished = True

    def _path(self, name: str) -> Path:
        self._lock.require_held()
        return self._outputs.add(name)

    def _carry_on(self, previous: Mapping[str, Any]) -> None:
        """Take over what an unfinished run recorded; of a finished one, the whole record."""
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
            self.warn(f"{self.directory}: resumed with other versions than begun with: {', '.join(changed)}.")

    def _clear(self) -> None:
        """Remove what the run that was here wrote; a kill on the way is noticed by whoever resumes."""
        marked = self._document | {"clearing": True, "outputs": self._outputs.names}
        files.write_json(self.directory / RECORD, marked)
        self._document |= {"outputs": []}
        self._document.pop("clearing", None)
        _remove(self.directory, self._outputs)

    def _give_up(self, error: BaseException | None) -> None:
        """Record a run that ended without `finish`, as far as the disk lets."""
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
    """Remove what a run wrote, its parts first; its record stays, for whoever wrote it down."""
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
    """Whether items of a finished run failed: those are tried again."""
    return any(entry.error is not None for entry in read_journal(directory))
