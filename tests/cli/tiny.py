"""A root with one tiny task, for the tests of the command line: run as a program, with no heavy library."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import typer

from vision_cli.core.commands import (
    LazyCommand,
    LazyGroup,
    VerbApp,
    missing_input,
)
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import InputError, PartialFailure
from vision_cli.core.launch import launch
from vision_cli.core.options import (
    ConfigOption,
    JsonOption,
    OutOption,
    OverwriteOption,
    QuietOption,
    ResumeOption,
    SeedOption,
    VerboseOption,
    open_run,
)
from vision_cli.core.runs import Run

EXAMPLES = ["tiny words.txt -o out", "tiny count words.txt --lambda 2"]

app = VerbApp(help="Count the words of a file.", examples=EXAMPLES, default_verb="count")


@app.verb("count", examples=EXAMPLES)
def count(
    ctx: typer.Context,
    source: Annotated[Path | None, typer.Argument(metavar="SOURCE", help="A text file.")] = None,
    unit: Annotated[Literal["words", "lines"], typer.Option(help="What is counted.")] = "words",
    lambda_: Annotated[float, typer.Option("--lambda", help="Factor on the count.")] = 1.0,
    skip: Annotated[list[str] | None, typer.Option(help="A word to leave out; may be repeated.")] = None,
    strict: Annotated[bool, typer.Option("--strict/--lenient", help="Refuse an empty file.")] = True,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Count the words or lines of SOURCE."""
    if source is None:
        raise missing_input(ctx, "SOURCE")
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    with open_run(ctx, inputs={"source": source}) as run:
        text = source.read_text(encoding="utf-8")
        if strict and not text:
            raise InputError(f"{source}: empty file found; words expected.", hint="Give --lenient.")
        output.warn("this is a warning")
        output.info("counting")
        output.detail("in detail")
        with output.progress("counting", total=1) as progress:
            progress.advance()
        pieces = text.split() if unit == "words" else text.splitlines()
        metrics = {"count": lambda_ * len([piece for piece in pieces if piece not in (skip or [])])}
        run.write_metrics(metrics)
        run.finish()
    output.result(Table(("measure", "value"), list(metrics.items())), {**metrics, "not_a_number": float("nan")})


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


@app.verb("echo")
def echo(
    path: Annotated[Path, typer.Argument(metavar="FILE")],
    as_json: JsonOption = False,
) -> None:
    """Show the name of a file as a result."""
    Output(as_json=as_json).result(Table(("path", "name"), [(path, path.name)]), {"path": str(path)})


@app.verb("wait")
def wait(seconds: Annotated[float, typer.Option(metavar="S", help="How long.")] = 60) -> None:
    """Say that it waits, and wait."""
    print("waiting", flush=True)
    time.sleep(seconds)


class _Root(LazyGroup):
    entries: ClassVar[Sequence[LazyCommand]] = (
        LazyCommand("tiny", "Count words.", "Tasks", "tiny:app"),
        LazyCommand("later", "Be built some day.", "Tasks", None),
    )


root = typer.Typer(cls=_Root, add_completion=False, rich_markup_mode=None)


@root.callback()
def _callback() -> None:
    """Count words."""


if __name__ == "__main__":
    sys.exit(launch(root, sys.argv[1:]))
