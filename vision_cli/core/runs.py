"""The run directory: everything a command wrote and everything needed to repeat it.

``run.json`` is written first with status ``running`` and last with ``done``; in between every output appears whole or
not at all. A directory that holds a run is never written over without being asked, and never by two processes at once.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Self

from vision_cli.core import files, interrupts
from vision_cli.core.console import say
from vision_cli.core.errors import Interrupted, InputError, UsageError, VcliError
from vision_cli.core.journal import Journal, failures_table, items_table, summarise
from vision_cli.core.locks import DirectoryLock
from vision_cli.core.shards import Shard

SCHEMA_VERSION = 1
RECORD = "run.json"
METRICS = "metrics.json"
LOG = "log.txt"
_PACKAGES = ("vision-cli", "torch", "numpy", "scipy", "nibabel", "simpleitk", "pywavelets")
_BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class RunRecord:
    """What ``run.json`` says of a run.

    Attributes
    ----------
    directory
        The run directory.
    command
        The words of the command, as in ``register pair``.
    status
        ``running``, ``done``, ``failed`` or ``interrupted``.
    options
        The resolved options.
    document
        The whole record.
    """

    directory: Path
    command: str
    status: str
    options: Mapping[str, object]
    document: Mapping[str, Any]


def read_run(directory: Path) -> RunRecord:
    """Read the record of a run.

    Raises
    ------
    InputError
        If the directory holds no run, or its record is damaged.
    """
    path = directory / RECORD
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return RunRecord(directory, document["command"], document["status"], document["options"], document)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{directory}: no {RECORD} found; the directory of a run expected.") from None
    except (ValueError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: damaged record of a run ({error}).", hint="Repeat the run.") from error


def read_metrics(directory: Path) -> dict[str, Any]:
    """Return the metrics of a run, empty if it wrote none."""
    try:
        metrics: dict[str, Any] = json.loads((directory / METRICS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise InputError(f"{directory / METRICS}: damaged ({error}).", hint="Repeat the run.") from error
    return metrics


class Run:
    """A run in progress, for the length of a ``with`` block; made by `Run.open`.

    Inside the block signals are held back until the work looks at them (`vision_cli.core.interrupts.check`). Leaving the
    block without `finish` records the run as failed or interrupted.

    Attributes
    ----------
    directory
        Where the run writes.
    already_done
        A resumed run had finished before: there is nothing to do but to show its result.
    resumed
        The directory held an unfinished run with the same options.
    """

    def __init__(self, directory: Path, document: dict[str, Any], *, resumed: bool, already_done: bool) -> None:
        self.directory = directory
        self.resumed = resumed
        self.already_done = already_done
        self._document = document
        self._stack = ExitStack()
        self._started = (time.monotonic(), time.process_time())
        self._before = (float(document.get("wall_seconds", 0.0)), float(document.get("cpu_seconds", 0.0)))
        self._finished = already_done
        self._journal: Journal | None = None

    @classmethod
    def open(
        cls,
        directory: Path,
        *,
        command: str,
        options: Mapping[str, object],
        inputs: Mapping[str, Path | Sequence[Path] | None] | None = None,
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
            Go on with the run that is there.
        overwrite
            Replace the run that is there. Only what runs wrote is removed: a directory without a record is refused.
        shard
            The part of the work that this process does.

        Raises
        ------
        UsageError
            If the directory holds something else, another run, or another process's run.
        ResourceError
            If it cannot be written to.
        """
        if shard is not None:
            directory = directory / shard.directory
        recorded = {role: _described(paths) for role, paths in (inputs or {}).items() if paths is not None}
        document: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "command": command,
            "argv": sys.argv,
            "options": dict(options),
            "shard": None if shard is None else {"index": shard.index, "count": shard.count},
            "versions": _versions(),
            "git_revision": _git_revision(),
            "host": {"platform": platform.platform(), "cpus": os.cpu_count()},
            "inputs": recorded,
            "status": "running",
            "started": _now(),
            "warnings": [],
        }
        with files.writing(directory):
            directory.mkdir(parents=True, exist_ok=True)
        stack = ExitStack()
        with stack:
            with files.writing(directory):
                stack.enter_context(DirectoryLock(directory))
            files.remove_stale_temporaries(directory)
            previous = _previous(directory)
            if previous is None:
                others = [p.name for p in directory.iterdir() if not p.name.startswith(".vcli-")]
                if others:
                    raise UsageError(
                        f"{directory}: {len(others)} files that belong to no run found; an empty directory expected.",
                        hint="Choose another --out.",
                    )
            elif not resume and not overwrite:
                raise UsageError(
                    f"{directory}: a run with status {previous.status!r} is already here.",
                    hint="Go on with it with --resume, replace it with --overwrite, or choose another --out.",
                )
            elif resume:
                _require_same(previous, document)
                document["started"] = previous.document.get("started", document["started"])
                for clock in ("wall_seconds", "cpu_seconds"):
                    document[clock] = previous.document.get(clock, 0.0)
                document["resumed"] = previous.document.get("resumed", 0) + 1
            else:
                _remove_run(directory)
            done = previous is not None and resume and previous.status == "done"
            if done and previous is not None:
                document = dict(previous.document)
            run = cls(directory, document, resumed=previous is not None and resume, already_done=done)
            if not done:
                files.write_json(directory / RECORD, document)
            run._stack = stack.pop_all()
        return run

    def __enter__(self) -> Self:
        self._stack.enter_context(interrupts.interruptible())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        try:
            if self._finished:
                return
            if isinstance(error, Interrupted | KeyboardInterrupt):
                status = "interrupted"
            else:
                status = "failed"
            with suppress(OSError, VcliError):
                if error is not None and not isinstance(error, VcliError | KeyboardInterrupt):
                    self.log("".join(traceback.format_exception(error)).rstrip())
                    error.run_log = self.directory / LOG  # type: ignore[attr-defined]
                elif isinstance(error, VcliError):
                    self.log(f"error: {error.message}")
                self._document["error"] = None if error is None else str(error)
                self._close(status)
        finally:
            self._stack.close()

    @contextmanager
    def output(self, name: str) -> Iterator[Path]:
        """Give a path to write to; it becomes file ``name`` of the run when the block ends well."""
        with files.atomic_path(self.directory / name) as path:
            yield path

    def write_json(self, name: str, document: Mapping[str, object] | Sequence[object]) -> None:
        """Write a JSON file of the run."""
        files.write_json(self.directory / name, document)

    def write_csv(self, name: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Write a CSV file of the run."""
        files.write_csv(self.directory / name, columns, rows)

    def write_metrics(self, metrics: Mapping[str, float | int | str | None]) -> None:
        """Write ``metrics.json``: flat names with units, values that do not depend on the machine's speed."""
        self.write_json(METRICS, metrics)

    def record(self, **fields: object) -> None:
        """Add fields to ``run.json`` (device, seconds, weights); they are written when the run ends."""
        self._document.update(fields)

    def warn(self, message: str) -> None:
        """Warn on stderr, in the log and in the record."""
        say("warning", message)
        self._document["warnings"].append(message)
        self.log(f"warning: {message}")

    def log(self, message: str) -> None:
        """Add to ``log.txt``, with the time."""
        with (self.directory / LOG).open("a", encoding="utf-8") as stream:
            stream.write(f"{_now()} {message}\n")

    @property
    def items(self) -> Journal:
        """The journal of a run over many items."""
        if self._journal is None:
            self._journal = Journal(self.directory)
        return self._journal

    def finish_items(self) -> int:
        """Write ``items.csv``, ``failures.csv`` and ``metrics.json`` from the journal; return how many items failed."""
        entries = self.items.entries
        files.write_text(self.directory / "items.csv", items_table(entries))
        failures = failures_table(entries)
        if failures is None:
            (self.directory / "failures.csv").unlink(missing_ok=True)
        else:
            files.write_text(self.directory / "failures.csv", failures)
        self.write_metrics(summarise(entries))
        return sum(entry.error is not None for entry in entries)

    def finish(self) -> None:
        """Record the run as done; the last thing a run writes."""
        self._close("done")
        self._finished = True

    def _close(self, status: str) -> None:
        wall, cpu = self._started
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._document.update(
            status=status,
            ended=_now(),
            wall_seconds=round(self._before[0] + time.monotonic() - wall, 3),
            cpu_seconds=round(self._before[1] + time.process_time() - cpu, 3),
            peak_memory_mb=round(used.ru_maxrss * _BYTES_PER_UNIT / 1e6, 1),
        )
        files.write_json(self.directory / RECORD, self._document)


def _previous(directory: Path) -> RunRecord | None:
    return read_run(directory) if (directory / RECORD).exists() else None


def _require_same(previous: RunRecord, document: Mapping[str, Any]) -> None:
    """Refuse to mix two runs in one directory."""
    if previous.command != document["command"]:
        raise UsageError(f"{previous.directory}: a `{previous.command}` run found; `{document['command']}` expected.")
    # Compare as JSON holds them: a tuple that was written is a list when read.
    now = json.loads(files.json_text(document["options"]))
    names = [n for n in {**previous.options, **now} if previous.options.get(n) != now.get(n)]
    if names:
        raise UsageError(
            f"{previous.directory}: the run was begun with other options: {', '.join(sorted(names))}.",
            hint=f"Repeat its options with --config {previous.directory / RECORD}, or choose another --out.",
        )
    changed = [role for role, found in document["inputs"].items() if previous.document["inputs"].get(role) != found]
    if changed:
        raise UsageError(
            f"{previous.directory}: inputs changed since the run was begun: {', '.join(changed)}.",
            hint="Begin anew with --overwrite or in another --out.",
        )


def _remove_run(directory: Path) -> None:
    for path in directory.iterdir():
        if path.name.startswith(".vcli-lock"):
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _described(paths: Path | Sequence[Path]) -> object:
    if isinstance(paths, Path):
        if not paths.exists():
            raise InputError(f"{paths}: no such file.")
        return {"path": str(paths.absolute()), "bytes": files.size(paths), "sha256": files.sha256(paths)}
    return [_described(path) for path in paths]


def _versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def _git_revision() -> str | None:
    """Revision of the package's checkout, None where it is installed without one."""
    checkout = Path(__file__).resolve().parents[2]
    if not (checkout / ".git").exists():
        return None
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run(
            ["git", "-C", str(checkout), "rev-parse", "HEAD"], capture_output=True, text=True, timeout=5, check=True
        )
        return answer.stdout.strip()
    return None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
