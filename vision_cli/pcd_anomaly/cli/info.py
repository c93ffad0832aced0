"""``vcli pcd-anomaly info``: facts on models or a file of points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.pcd_anomaly.cli.app import app

EXAMPLES = ("vcli pcd-anomaly info model", "vcli pcd-anomaly info scan.ply")


@verb(app, "info", OUTPUT, examples=EXAMPLES)
def info(
    call: Call,
    path: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="Run of `train` or `run`, a scan or a mesh.")],
) -> None:
    """Show the models of a run, or facts on a file of points."""
    if path.is_dir():
        from vision_cli.pcd_anomaly.runs.train import shown

        call.output.result(*shown(path))
        return
    from vision_cli.pcd_anomaly.runs.inputs import describe_file

    facts = describe_file(path)
    call.output.result(measures_table(facts, ("fact", "value")), facts)
