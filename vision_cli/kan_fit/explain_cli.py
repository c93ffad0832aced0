"""``vcli kan-fit explain``: its options and help."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.console import Output, Table
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

EXPLAIN_EXAMPLES = (
    "vcli kan-fit explain run --symbolic -o explained        # the formula, as text, LaTeX and Python",
    "vcli kan-fit explain run --prune 0.01 --plot png -o explained",
    "vcli kan-fit explain run --export onnx,pt2,latex -o explained",
)


def explain(
    ctx: typer.Context,
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="Directory of a fit.")],
    plot: Annotated[Literal["svg", "png"], typer.Option(help="Format of the pictures.")] = "svg",
    prune: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="Leave out edges below this share of their layer's largest."),
    ] = None,
    symbolic: Annotated[bool, typer.Option("--symbolic", help="Find a formula.")] = False,
    library: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Operators of the formula, one a line; all without.")
    ] = None,
    export: Annotated[
        str | None, typer.Option(metavar="KINDS", help="Some of onnx, pt2, sympy, latex, python.")
    ] = None,
    out: OutOption = None,
    resume: ResumeOption = False,
    overwrite: OverwriteOption = False,
    config: ConfigOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
    verbose: VerboseOption = 0,
) -> None:
    """Draw what a fitted network learned, find its formula, export it."""
    from vision_cli.core.runs import read_metrics
    from vision_cli.kan_fit.explaining import Wishes, explain_model, parse_exports

    wishes = Wishes(plot, prune, symbolic, library, parse_exports(export))
    output = Output(as_json=as_json, quiet=quiet, verbose=verbose)
    inputs = {"model": model} if library is None else {"model": model, "library": library}
    with open_run(ctx, inputs=inputs) as run:
        if not run.already_done:
            explain_model(run, model, wishes, seed, output)
            run.finish()
    metrics = read_metrics(run.directory)
    output.info(f"results in {run.directory}")
    measures = Table(("measure", "value"), [row for row in metrics.items() if row[0] != "formula"])
    formula = [Table(("formula",), [(metrics["formula"],)])] if "formula" in metrics else []
    output.result([measures, *formula], metrics)
