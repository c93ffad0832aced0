"""``vcli register batch``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.register.cli.app import app
from vision_cli.register.options.registration import RegistrationOptions, Reporting


@verb(
    app,
    "batch",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=(
        "vcli register batch pairs.csv -o runs",
        "vcli register batch pairs.csv -o runs --shard 2/8 --resume",
        "vcli register batch OASIS_dataset.json -o runs --l2r-submission",
    ),
    finish="vision_cli.register.runs.batch:finish",
)
def batch(
    call: Call,
    *,
    pairs: Annotated[
        Path | None,
        typer.Argument(metavar="PAIRS", help="CSV with id, fixed, moving, ..., or a Learn2Reg JSON."),
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="ID", help="Register only this pair.")] = None,
    l2r_submission: Annotated[
        bool, typer.Option("--l2r-submission", help="Also write displacement files for Learn2Reg.")
    ] = False,
    options: RegistrationOptions,
    reporting: Reporting,
) -> None:
    """Register all pairs of a list."""
    if pairs is None:
        raise call.missing("PAIRS")
    from vision_cli.register.data.pairs import read_pairs
    from vision_cli.register.runs.batch import register_all

    listed = read_pairs(pairs)
    call.run(
        lambda run: register_all(
            run, listed, options, call.compute, call.output, reporting, only=only, l2r_submission=l2r_submission
        ),
        inputs={"pairs": pairs},
    )
