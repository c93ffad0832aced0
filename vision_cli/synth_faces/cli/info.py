"""``vcli synth-faces info``: show the facts of a weight file."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.synth_faces.cli.app import app

EXAMPLES = ("vcli synth-faces info recogniser/weights.safetensors", "vcli synth-faces info FILE --json")


@verb(app, "info", OUTPUT, examples=EXAMPLES)
def info(
    call: Call,
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="default, a file, or a hub id.")] = "default",
) -> None:
    """Show architecture, outputs, training and digest of a recogniser."""
    from vision_cli.core.compute.weights import resolve_weights
    from vision_cli.synth_faces.pipeline.recogniser_files import SHIPPED, read_recogniser

    resolved = resolve_weights(weights, "synth-faces", SHIPPED["expression", "judge"])
    loaded = read_recogniser(resolved.path)
    facts: dict[str, object] = {
        "file": str(resolved.path),
        "names": loaded.about.what,
        "role": loaded.about.role,
        "outputs": ", ".join(loaded.about.names),
        "side_px": loaded.about.side,
        "parameters": sum(one.numel() for one in loaded.network.parameters()),
        "sha256": resolved.sha256,
    }
    if resolved.card is not None:
        card = resolved.card
        facts |= {"trained_by": card.training_command, "data": card.data, "seed": card.seed, **card.metrics}
    call.output.result(measures_table(facts, ("fact", "value")), facts)
