"""Console output of commands: the result on stdout, everything else on stderr.

A command has one `Output`, made from ``--json``, ``--quiet`` and ``--verbose``, and writes only through it. So stdout
holds nothing but the result (a short table, or one JSON document) and can be piped. rich is imported only to draw a
table or a progress bar.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Self

from vision_cli.core.errors import ResourceError
from vision_cli.core.escapes import visible

if TYPE_CHECKING:
    import rich.progress
    from rich.console import Console

PROGRAM = "vcli"
"""Prefix of every message, as in ``vcli: warning: ...``."""

_LINE_EVERY_S = 60.0
"""Seconds between two lines of progress where stderr is not a terminal."""

_PIPE_WIDTH = 10_000
"""Width of a table that is written to a file or a pipe, wide enough that no row is wrapped."""


@dataclass(frozen=True)
class Table:
    """A small table of results.

    Attributes
    ----------
    columns
        Titles of the columns, with units.
    rows
        Cells of each row, as many as `columns`, formatted by `format_value`.
    title
        Title above the table.
    footer
        Lines below the printed table, for scripts; a report does not show them.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    title: str | None = None
    footer: str | None = None


def format_value(value: object) -> str:
    """Return a value as text for tables: floats to four digits, None as a dash, truth values as yes and no."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return str(value)


def one_line(text: str) -> str:
    """Return `text` on a single line with control characters escaped, for logs that are read by line."""
    return visible(" ".join(text.split()))


def say(kind: str, message: str) -> None:
    """Write ``vcli: KIND: message`` as one line to stderr."""
    tell(f"{PROGRAM}: {kind}: {message}")


def tell(message: str) -> None:
    """Write one line to stderr; errors of a closed stderr are ignored."""
    with suppress(OSError):
        print(one_line(message), file=sys.stderr, flush=True)


def prepare_streams() -> None:
    """Open closed standard streams, and escape characters that they cannot encode.

    A stream that the caller closed (``>&-``) becomes ``/dev/null``; otherwise the first file that the program opens
    would get its descriptor, and the output of libraries.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # os.open returns the lowest free descriptor, which is the missing one.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115
        stream = getattr(sys, name)
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def stdout_error(error: OSError) -> ResourceError:
    """Return the error of a stdout that cannot be written: its disk is full, or it is not open for writing."""
    return ResourceError(
        f"stdout: cannot be written ({error.strerror}).",
        hint="Redirect it elsewhere; the files of the command were written.",
    )


class Progress:
    """A progress bar on stderr; where stderr is not a terminal, a line a minute.

    Parameters
    ----------
    description
        Name of the work.
    total
        Number of steps; None if it is unknown.
    quiet
        Whether to show nothing.
    """

    def __init__(self, description: str, total: int | None, *, quiet: bool) -> None:
        self._description = description
        self._total = total
        self._shown = sys.stderr.isatty() and not quiet
        self._in_lines = not self._shown and not quiet
        self._done = 0
        self._started = self._said = time.monotonic()
        self._bar: rich.progress.Progress | None = None
        self._task: rich.progress.TaskID | None = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("{task.fields[note]}"),
                console=Console(stderr=True),
                transient=True,
            )
            self._task = self._bar.add_task(self._description, total=self._total, note="")
            self._bar.start()
        return self

    def advance(self, n: int = 1, note: str = "") -> None:
        """Advance by `n` steps; `note` is shown beside the bar, such as a loss or a file name."""
        self._done += n
        now = time.monotonic()
        if self._in_lines and now - self._said >= _LINE_EVERY_S:
            self._said = now
            of = "" if self._total is None else f" of {self._total}"
            suffix = f", {note}" if note else ""
            passed = time.strftime("%H:%M:%S", time.gmtime(now - self._started))
            tell(f"{PROGRAM}: {self._description}: {self._done}{of} after {passed}{suffix}")
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=n, note=note)

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()


class Output:
    """Console output of one command.

    Parameters
    ----------
    as_json
        Whether the result is a JSON document instead of a table.
    quiet
        Whether to write no table, messages and progress; warnings, errors and a JSON document are still written.
    verbose
        Number of ``-v``; details are written from 1 on.
    """

    def __init__(self, *, as_json: bool = False, quiet: bool = False, verbose: int = 0) -> None:
        self.as_json = as_json
        self.quiet = quiet
        self.verbose = verbose

    def result(self, table: Table | Sequence[Table] | None, data: Mapping[str, object]) -> None:
        """Write the command's result to stdout.

        Parameters
        ----------
        table
            Tables to show; None for no table.
        data
            The document of ``--json``; non-finite values become null.

        Raises
        ------
        ResourceError
            If stdout cannot be written.
        """
        try:
            self._write(table, data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise stdout_error(error) from error

    def _write(self, table: Table | Sequence[Table] | None, data: Mapping[str, object]) -> None:
        if self.as_json:
            from vision_cli.core.runs.files import json_text

            text = json_text(data)
            sys.stdout.write(text if _can_encode(text) else json_text(data, in_ascii=True))
        elif table is not None and not self.quiet:
            console = _stdout_console()
            for number, one in enumerate([table] if isinstance(table, Table) else table):
                if number:
                    console.print()
                _print_table(console, one)
        sys.stdout.flush()

    def info(self, message: str) -> None:
        """Write a message, unless the command is quiet."""
        if not self.quiet:
            tell(f"{PROGRAM}: {message}")

    def detail(self, message: str) -> None:
        """Write a message with ``--verbose`` only."""
        if self.verbose:
            self.info(message)

    def warn(self, message: str) -> None:
        """Write a warning."""
        say("warning", message)

    def error(self, message: str) -> None:
        """Write an error that does not end the command."""
        say("error", message)

    def progress(self, description: str, total: int | None) -> Progress:
        """Return a progress bar; nothing is shown if the command is quiet."""
        return Progress(description, total, quiet=self.quiet)


def _can_encode(text: str) -> bool:
    """Return whether the encoding of stdout has all characters of a text."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _stdout_console() -> Console:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)


def _print_table(console: Console, table: Table) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=SIMPLE_HEAD, title=table.title, title_justify="left", pad_edge=False, show_edge=False)
    for column in table.columns:
        drawn.add_column(Text(column))
    for row in table.rows:
        # Text, not str: square brackets in a file name are not markup.
        drawn.add_row(*(Text(format_value(cell)) for cell in row))
    with console.capture() as printed:
        console.print(drawn if table.rows else Text(f"no {table.columns[0]}"))
    # rich pads every line to the width of the longest cell.
    sys.stdout.write("".join(line.rstrip() + "\n" for line in printed.get().splitlines()))
    if table.footer is not None:
        sys.stdout.write("".join(f"{one_line(line)}\n" for line in table.footer.splitlines()))
