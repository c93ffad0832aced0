"""``vcli rppg-adapt adapt``: adapt a network without labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import Adaptation

EXAMPLES = (
    "vcli rppg-adapt adapt cache --weights default -o run      # uses no labels",
    "vcli rppg-adapt adapt cache --weights PhysNet.pth --loss paper -o run",
)


# One process only: the loss depends on the spread of the rates in the whole batch.
@verb(app, "adapt", RUN, COMPUTE, OUTPUT, examples=EXAMPLES)
def adapt(
    call: Call,
    *,
    cache: Annotated[Path, typer.Argument(metavar="CACHE", help="Cache of preprocess; labels are not used.")],
    weights: Annotated[
        str, typer.Option(metavar="FILE|default", help="Source weights; also a .pth of rPPG-Toolbox's PhysNet.")
    ] = "default",
    adaptation: Adaptation,
) -> None:
    """Adapt a network to unlabelled clips of a target domain, without its source data."""
    from vision_cli.rppg_adapt.runs.adapt import adapt_cache

    call.run(
        lambda run: adapt_cache(run, cache, weights, adaptation, call.compute, call.output),
        says="weights in",
    )
