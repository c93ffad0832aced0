"""A root with one tiny task, for the tests of the command line: run as a program, with no heavy library."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from vision_cli.core.command.commands import LazyCommand, LazyGroup, VerbApp
from vision_cli.core.command.console import Table
from vision_cli.core.command.invoke import launch
from vision_cli.core.command.options import OutOption, VerboseOption
from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, Done, Shown, measures_table, verb
from vision_cli.core.command.words import Numbers
from vision_cli.core.errors import InputError, PartialFailure
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run

EXAMPLES = ["tiny words.txt -o out", "tiny count words.txt --lambda 2"]

app = VerbApp(help="Count the words of a file.", examples=EXAMPLES, default_verb="count")


@dataclass(frozen=True)
class Counting:
    """What is counted, and how."""

    unit: Annotated[Literal["words", "lines"], typer.Option(help="What is counted.")] = "words"
    factor: Annotated[float, typer.Option("--lambda", help="Factor on the count.")] = 1.0
    skip: Annotated[list[str] | None, typer.Option(help="A word to leave out; may be repeated.")] = None
    sizes: Annotated[
        tuple[int, ...] | None,
        typer.Option("--lengths", metavar="N,N", help="Lengths of words to count."),
        Numbers(int, least=1),
    ] = None


@verb(app, "count", RUN, ("seed",), OUTPUT, examples=EXAMPLES)
def count(
    call: Call,
    counting: Counting,
    source: Annotated[Path | None, typer.Argument(metavar="SOURCE", help="A text file.")] = None,
    strict: Annotated[bool, typer.Option("--strict/--lenient", help="Refuse an empty file.")] = True,
) -> None:
    """Count the words or lines of SOURCE."""
    if source is None:
        raise call.missing("SOURCE")
    output = call.output

    def work(run: Run) -> None:
        text = source.read_text(encoding="utf-8")
        if strict and not text:
            raise InputError(f"{source}: empty file found; words expected.", hint="Give --lenient.")
        output.warn("this is a warning")
        output.info("counting")
        output.detail("in detail")
        with output.progress("counting", total=1) as progress:
            progress.advance()
        pieces = text.split() if counting.unit == "words" else text.splitlines()
        wanted = [piece for piece in pieces if piece not in (counting.skip or [])]
        wanted = [piece for piece in wanted if counting.sizes is None or len(piece) in counting.sizes]
        run.write_metrics({"count": counting.factor * len(wanted)})

    def show(done: Done) -> Shown:
        return measures_table(done.metrics), {**done.metrics, "not_a_number": float("nan")}

    call.run(work, inputs={"source": source}, show=show)


@verb(app, "each", RUN, SHARD, OUTPUT, finish="tiny:write_longest")
def each(
    call: Call,
    sources: Annotated[list[Path], typer.Argument(metavar="SOURCE...", help="Text files.")],
    only: Annotated[str | None, typer.Option(metavar="NAME", help="Count this file alone.")] = None,
) -> None:
    """Count the words of many files."""

    def work(source: Path) -> dict[str, object]:
        text = source.read_text(encoding="utf-8")
        if not text:
            raise InputError(f"{source}: empty file found; words expected.")
        return {"words": len(text.split())}

    call.run(
        lambda run: run.each(sources, work, name=lambda path: path.stem, what="files", output=call.output, only=only),
        inputs={"sources": sources},
    )


def write_longest(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write which file has most words."""
    good = [entry for entry in entries if entry.error is None]
    run.write_text("longest.txt", max(good, key=lambda entry: entry.row["words"]).id if good else "")


@verb(app, "train", RUN, ("device", "threads", "seed"), OUTPUT, processes=True)
def train(call: Call) -> None:
    """Be a training that several processes share."""
    call.train(lambda run: run.write_metrics({"steps": 3}) if run is not None else None)


@verb(app, "solve", RUN, ("device", "threads", "seed"), OUTPUT, defaults={"device": "cpu", "seed": 7})
def solve(
    call: Call, sample: Annotated[bool, typer.Option("--sample", help="Solve a system of its own.")] = False
) -> None:
    """Compute in one number format, whatever the device."""
    if not sample:
        raise call.missing("MATRIX")

    def work(run: Run) -> None:
        call.configure(precision="float64")
        run.write_metrics({"seed": call.seed})

    call.run(work)


@app.verb("fail")
def fail(
    how: Annotated[Literal["fault", "items", "memory", "disk", "ctrl-c", "oserror"], typer.Argument()],
    out: OutOption = None,
    verbose: VerboseOption = 0,
) -> None:
    """End in a given way."""
    with Run.open(out, command="tiny fail", options={}) if out else open(os.devnull):  # noqa: PTH123
        match how:
            case "fault":
                raise ZeroDivisionError("a fault of the program")
            case "items":
                raise PartialFailure("1 of 2 items failed.", hint="See failures.csv.")
            case "memory":
                raise MemoryError
            case "disk":
                raise OSError(28, "No space left on device", "out.nii")
            case "ctrl-c":
                raise KeyboardInterrupt
            case "oserror":
                raise OSError(5, "Input/output error")


@app.verb("chatter")
def chatter() -> None:
    """Write many lines to stdout, until nobody reads them."""
    for _ in range(100_000):
        print("line")
        sys.stdout.flush()


@verb(app, "echo", OUTPUT)
def echo(call: Call, path: Annotated[Path, typer.Argument(metavar="FILE")]) -> None:
    """Show the name of a file as a result."""
    call.output.result(Table(("path", "name"), [(path, path.name)]), {"path": str(path)})


@app.verb("wait")
def wait(seconds: Annotated[float, typer.Option(metavar="S", help="How long.")] = 60) -> None:
    """Say that it waits, and wait."""
    print("waiting", flush=True)
    time.sleep(seconds)


class _Root(LazyGroup):
    entries: ClassVar[Sequence[LazyCommand]] = (
        LazyCommand("tiny", "Count words.", "Tasks", "tiny:app"),
        LazyCommand("runs", "Show runs.", "Housekeeping", "vision_cli.housekeeping.runs:app"),
        LazyCommand("later", "Be built some day.", "Tasks", None),
    )


root = typer.Typer(cls=_Root, add_completion=False, rich_markup_mode=None)


@root.callback()
def _callback() -> None:
    """Count words."""


if __name__ == "__main__":
    sys.exit(launch(root, sys.argv[1:]))
