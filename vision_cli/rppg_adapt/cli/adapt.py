"""``vcli rppg-adapt adapt``: adapt a network without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import Adaptation

EXAMPLES = (
    "vcli rppg-adapt adapt cache --weights default -o run      # labels are not needed, and not looked at",
    "vcli rppg-adapt adapt cache --weights PhysNet.pth --loss paper -o run",
)


# One process: the spread of the rates in a batch is part of the loss, and parts of a batch have another one.
@verb(app, "adapt", RUN, COMPUTE, OUTPUT, examples=EXAMPLES)
def adapt(
    call: Call,
    *,
    cache: Annotated[Path, typer.Argument(metavar="CACHE", help="Cache of preprocess; labels are not needed.")],
    weights: Annotated[
        str, typer.Option(metavar="FILE|default", help="Source weights; .pth of rPPG-Toolbox's PhysNet too.")
    ] = "default",
    adaptation: Adaptation,
) -> None:
    """Adapt a network to unlabelled clips of a target domain, without its source data."""
    from vision_cli.rppg_adapt.runs.adapt import adapt_cache

    call.run(
        lambda run: adapt_cache(run, cache, weights, adaptation, call.compute, call.output),
        says="weights in",
    )
