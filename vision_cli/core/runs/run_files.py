"""Interface for writing the files of a run, common to a run in progress and the merge of its shards.

The function that finishes a run over items (`vision_cli.core.command.verbs.VerbFacts`) takes a `RunFiles`, so that an
undivided and a merged run get the same tables and the same report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vision_cli.core.runs import files
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.records import METRICS

if TYPE_CHECKING:
    from vision_cli.core.report import Report

LOG = "log.txt"


class RunFiles(ABC):
    """Writes the files of a run atomically.

    Attributes
    ----------
    directory
        The run directory.
    """

    directory: Path

    @property
    @abstractmethod
    def document(self) -> Mapping[str, Any]:
        """Contents of ``run.json`` so far."""

    @property
    @abstractmethod
    def entries(self) -> Sequence[Entry]:
        """Results of the items so far, in the order of the input; empty for a run without items."""

    @property
    @abstractmethod
    def written(self) -> Sequence[str]:
        """Names of the outputs so far, relative to the run directory, in alphabetical order."""

    @property
    @abstractmethod
    def seconds(self) -> float:
        """Wall-clock time of the run so far, including earlier parts of a resumed run, in seconds."""

    @abstractmethod
    def home_of(self, entry: Entry) -> Path:
        """Return the directory of an item's outputs: that of the run, or of the item's shard."""

    def path_of(self, entry: Entry, name: str) -> str:
        """Return the path of an item's output relative to the run directory, for tables."""
        return (self.home_of(entry) / name).relative_to(self.directory).as_posix()

    @abstractmethod
    def _path(self, name: str) -> Path:
        """Record an output of the run; return its path."""

    @property
    def options(self) -> Mapping[str, Any]:
        """The resolved options of the run."""
        options: Mapping[str, Any] = self.document["options"]
        return options

    @contextmanager
    def output(self, name: str) -> Iterator[Path]:
        """Yield a path to write to, which becomes file ``name`` of the run if the block succeeds.

        Parameters
        ----------
        name
            Path inside the run directory; parent folders are created.

        Raises
        ------
        InputError
            If the path is outside the run directory.
        ResourceError
            If the disk is full.
        """
        with files.atomic_path(self._path(name)) as path:
            yield path

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
        """Write ``metrics.json``: flat names with units; values that do not depend on the speed of the machine."""
        self.write_json(METRICS, metrics)

    def report(self, report: Report) -> None:
        """Write ``report.html``; see `vision_cli.core.report`."""
        from vision_cli.core.report import write_report

        write_report(self, report)

    def log(self, message: str) -> None:
        """Append a message with the time to ``log.txt``."""
        path = self.directory / LOG
        with files.writing(path), path.open("a", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(f"{now()} {message}\n")


def now() -> str:
    """Return the current time as text for records and logs."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
