"""``vcli rppg-adapt info``: show the facts of a weight file."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.rppg_adapt.cli.app import app

EXAMPLES = ("vcli rppg-adapt info default", "vcli rppg-adapt info PURE_PhysNet_DiffNormalized.pth --json")


@verb(app, "info", OUTPUT, examples=EXAMPLES)
def info(
    call: Call,
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="default, a file, or a hub id.")] = "default",
) -> None:
    """Show network, input and digest of a weight file."""
    from vision_cli.rppg_adapt.networks.files import load_model

    model = load_model(weights)
    facts = {
        "file": str(model.path),
        "parameters": sum(parameter.numel() for parameter in model.network.parameters()),
        **model.settings.metadata,
        "sha256": model.sha256,
    }
    call.output.result(measures_table(facts, ("fact", "value")), facts)
