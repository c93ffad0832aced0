"""``vcli kan-fit explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.console import Table
from vision_cli.core.command.verbs import OUTPUT, RUN, Call, Done, Shown, measures_table, verb
from vision_cli.kan_fit.cli.app import app
from vision_cli.kan_fit.options import ExplainOptions

EXAMPLES = (
    "vcli kan-fit explain run --symbolic -o explained        # the formula, as text, LaTeX and Python",
    "vcli kan-fit explain run --prune 0.01 --picture-format png -o explained",
    "vcli kan-fit explain run --save onnx,pt2,latex -o explained",
    "vcli kan-fit explain classifier --save onnx -o exported # an image classifier as ONNX",
)


@verb(app, "explain", RUN, ("seed",), OUTPUT, examples=EXAMPLES)
def explain(
    call: Call,
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="Directory of a fit; with --save onnx also of a classifier.")
    ],
    explanation: ExplainOptions,
) -> None:
    """Draw a fitted network, find its formula, export both."""
    from vision_cli.kan_fit.runs.explain import explain_model

    files = {"model": model, "library": explanation.library}
    call.run(
        lambda run: explain_model(run, model, explanation, call.seed, call.output),
        inputs={role: path for role, path in files.items() if path is not None},
        show=_show,
    )


def _show(done: Done) -> Shown:
    metrics = done.metrics
    measures = measures_table({name: value for name, value in metrics.items() if name != "formula"})
    formula = [Table(("formula",), [(metrics["formula"],)])] if "formula" in metrics else []
    return [measures, *formula], metrics
