"""``vcli synth-faces info``: show the facts of a weight file."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.synth_faces.cli.app import app

EXAMPLES = (
    "vcli synth-faces info recogniser/weights.safetensors",
    "vcli synth-faces info mini-sd-au --json                         # weights that are shipped, by name",
)


@verb(app, "info", OUTPUT, examples=EXAMPLES)
def info(
    call: Call,
    weights: Annotated[
        str, typer.Argument(metavar="WEIGHTS", help="default, a name of shipped weights, a file, or a hub id.")
    ] = "default",
) -> None:
    """Show kind, sizes, training and digest of weights: a recogniser, a model, an adapter or an annotator."""
    from vision_cli.core.compute.weights import resolve_weights, shipped_weights
    from vision_cli.synth_faces.pipeline.recogniser_files import SHIPPED
    from vision_cli.synth_faces.runs.weight_facts import facts_of

    names = {card.name for card in shipped_weights() if card.task == "synth-faces"}
    choice, name = ("default", weights) if weights in names else (weights, SHIPPED["expression", "judge"])
    resolved = resolve_weights(choice, "synth-faces", name)
    facts: dict[str, object] = {"file": str(resolved.path), **facts_of(resolved.path), "sha256": resolved.sha256}
    if resolved.card is not None:
        card = resolved.card
        facts |= {"trained_by": card.training_command, "data": card.data, "seed": card.seed, **card.metrics}
    call.output.result(measures_table(facts, ("fact", "value")), facts)
