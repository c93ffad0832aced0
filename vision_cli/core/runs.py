"""The run directory: everything a command wrote and everything needed to repeat it.

``run.json`` is written first with status ``running`` and last with ``done``; in between every output appears
whole or not at all. A directory that holds a run is never written over without being asked, and never by two
processes at once.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from vision_cli.core import admission, files, interrupts, provenance
from vision_cli.core.console import say
from vision_cli.core.devices import peak_memory_mb
from vision_cli.core.errors import InputTooLarge, Interrupted, PartialFailure, ResourceError, VcliError
from vision_cli.core.journal import FAILURES, JOURNAL, Journal, item_files, read_journal
from vision_cli.core.locks import DirectoryLock
from vision_cli.core.outputs import Outputs
from vision_cli.core.records import METRICS, RECORD, SCHEMA_VERSION, RunRecord, read_metrics, read_run
from vision_cli.core.shards import Shard

__all__ = ["METRICS", "RECORD", "Run", "RunRecord", "read_metrics", "read_run"]

LOG = "log.txt"


class Run:
    """A run in progress, for the length of a ``with`` block; made by `Run.open`.

    Inside the block signals are held back until the work looks at them (`vision_cli.core.interrupts.check`).
    Leaving the block without `finish` records the run as failed or interrupted.

    Attributes
    ----------
    directory
        Where the run writes.
    already_done
        A resumed run had finished before: there is nothing to do but to show its result.
    resumed
        The directory held an unfinished run with the same options.
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
    ) -> None:
        self.directory = directory
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
        admission.require_one_wish(resume=resume, overwrite=overwrite)
        provenance.require_inputs(inputs or {})
        admission.require_one_division(directory, shard, resume=resume)
        if shard is not None:
            directory = directory / shard.directory
        with ExitStack() as stack:
            with files.writing(directory):
                admission.make_directory(directory)
                lock = stack.enter_context(DirectoryLock(directory))
            files.remove_stale_temporaries(directory)
            previous = admission.previous_run(directory, overwrite=overwrite)
            going_on = previous is not None and resume
            if previous is None:
                admission.require_empty(directory)
            elif going_on:
                admission.require_same_options(previous, command, options)
            elif not overwrite:
                admission.refuse(previous)
            document = _new_document(command, options, inputs or {}, shard)
            if previous is not None and going_on:
                admission.require_same_inputs(previous, document["inputs"])
            done = previous is not None and going_on and previous.status == "done" and not _has_failures(directory)
            outputs = Outputs(directory, [] if previous is None else previous.document.get("outputs", []))
            run = cls(directory, document, outputs, lock, resumed=going_on, already_done=done)
            if previous is not None and going_on:
                run._carry_on(previous.document)
            elif previous is not None:
                run._clear()
            # From here on whoever reads the record relies on its being closed, whatever signal comes.
            stack.enter_context(interrupts.interruptible())
            if not done:
                files.write_json(directory / RECORD, run._document)
            if shard is not None and not done:
                run.log(str(shard))
            run._stack = stack.pop_all()
        return run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        with self._stack:
            if not self._finished:
                self._give_up(error)

    @contextmanager
    def output(self, name: str) -> Iterator[Path]:
        """Give a path to write to; it becomes file ``name`` of the run when the block ends well.

        Parameters
        ----------
        name
            Path inside the run directory; folders on the way are made.

        Raises
        ------
        InputError
            If the name leads out of the run directory.
        ResourceError
            If the disk is full.
        """
        with files.atomic_path(self._path(name)) as path:
            yield path

    def claim(self, name: str) -> Path:
        """Put file ``name`` down as the run's own and return its path, for a writer that writes it whole itself.

        Raises
        ------
        InputError
            If the name leads out of the run directory.
        """
        return self._path(name)

    def write_text(self, name: str, text: str) -> None:
        """Write a text file of the run."""
        files.write_text(self._path(name), text)

    def write_json(self, name: str, document: Mapping[str, object] | Sequence[object]) -> None:
        """Write a JSON file of the run."""
        self.write_text(name, files.json_text(document))

    def write_csv(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a CSV file of the run."""
        self.write_text(name, files.csv_text(columns, rows))

    def write_metrics(self, metrics: Mapping[str, float | int | str | None]) -> None:
        """Write ``metrics.json``: flat names with units, values that do not depend on the machine's speed."""
        self.write_json(METRICS, metrics)

    def record(self, **fields: object) -> None:
        """Add fields to ``run.json`` (device, seconds, weights); they are written when the run ends."""
        self._document.update(fields)

    def warn(self, message: str) -> None:
        """Warn on stderr, in the log and in the record."""
        say("warning", message)
        if message not in self._document["warnings"]:
            self._document["warnings"].append(message)
        self.log(f"warning: {message}")

    def log(self, message: str) -> None:
        """Add to ``log.txt``, with the time."""
        path = self.directory / LOG
        with files.writing(path), path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{_now()} {message}\n")

    @property
    def items(self) -> Journal:
        """The journal of a run over many items."""
        if self._journal is None:
            self._journal = Journal(self.directory)
        return self._journal

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
        previous = admission.previous_run(directory, overwrite=True) if directory.exists() else None
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
        before = self._document
        wall, cpu = self._started
        files.write_json(
            self.directory / RECORD,
            before
            | {
                "status": status,
                "ended": _now(),
                "wall_seconds": round(before["wall_seconds"] + time.monotonic() - wall, 3),
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
        "started": _now(),
        "wall_seconds": 0.0,
        "cpu_seconds": 0.0,
        "peak_memory_mb": 0.0,
        "warnings": [],
    }


def _remove(directory: Path, outputs: Outputs) -> None:
    """Remove what a run wrote, its parts first; its record stays, for whoever wrote it down."""
    for record in [directory / name for name in outputs.names]:
        if record.name == RECORD and record.parent != directory:
            part = admission.previous_run(record.parent, overwrite=True)
            if part is not None:
                _remove(part.directory, Outputs(part.directory, part.document.get("outputs", [])))
    for name in (JOURNAL, LOG):
        (directory / name).unlink(missing_ok=True)
    outputs.remove()


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _has_failures(directory: Path) -> bool:
    """Whether items of a finished run failed: those are tried again."""
    return any(entry.error is not None for entry in read_journal(directory))
