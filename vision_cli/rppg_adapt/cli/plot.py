"""``vcli rppg-adapt plot``: draw figures of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import OUTPUT, Call, verb
from vision_cli.rppg_adapt.cli.app import app


@verb(app, "plot", OUTPUT, examples=("vcli rppg-adapt plot run -o pictures",))
def plot(
    call: Call,
    *,
    source: Annotated[Path, typer.Argument(metavar="RUN", help="Run of predict, train, adapt or preprocess.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Directory of the figures; RUN/plots by default.")
    ] = None,
) -> None:
    """Draw figures of a run: training history, spectrograms, spatio-temporal maps."""
    from vision_cli.rppg_adapt.runs.plot import plot_run

    written = [str(path) for path in plot_run(source, out or source / "plots")]
    call.output.result(Table(("picture",), [(path,) for path in written]), {"pictures": written})
