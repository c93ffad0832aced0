"""``vcli enhance-eval list``: methods, measures, data-set layouts, decoders."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, verb
from vision_cli.enhance_eval.cli.app import app


@verb(app, "list", OUTPUT, examples=("vcli enhance-eval list methods", "vcli enhance-eval list measures --json"))
def list_names(
    call: Call,
    *,
    what: Annotated[
        Literal["methods", "measures", "datasets", "decoders"], typer.Argument(metavar="WHAT", help="What is listed.")
    ] = "methods",
) -> None:
    """List what run can use: methods, measures, datasets or decoders."""
    from vision_cli.enhance_eval.runs.names import listed

    table = listed(what)
    call.output.result(table, {what: [dict(zip(table.columns, row, strict=True)) for row in table.rows]})
