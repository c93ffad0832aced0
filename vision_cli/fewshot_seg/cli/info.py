"""``vcli fewshot-seg info``: show the facts of a weight file."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.fewshot_seg.cli.app import app

EXAMPLES = ("vcli fewshot-seg info", "vcli fewshot-seg info run/weights.safetensors --json")


@verb(app, "info", OUTPUT, examples=EXAMPLES)
def info(
    call: Call,
    weights: Annotated[str, typer.Argument(metavar="WEIGHTS", help="default, a file, or a hub id.")] = "default",
) -> None:
    """Show network, gate, training and digest of a weight file."""
    from vision_cli.core.compute.weights import resolve_weights
    from vision_cli.fewshot_seg.pipeline.weight_files import SHIPPED, count_parameters, read_about

    resolved = resolve_weights(weights, "fewshot-seg", SHIPPED)
    about = read_about(resolved.path)
    facts: dict[str, object] = {
        "file": str(resolved.path),
        "network": about.variant or "none",
        "side_px": about.side or None,
        "keeps_proportions": about.pads,
        "has_encoder": about.has_encoder,
        "left_out": ", ".join(about.ablation) or "nothing",
        "gate_judges": ", ".join(about.candidates) or "no gate",
        **count_parameters(resolved.path),
        "sha256": resolved.sha256,
    }
    if resolved.card is not None:
        card = resolved.card
        facts |= {"trained_by": card.training_command, "data": card.data, "seed": card.seed, **card.metrics}
    call.output.result(measures_table(facts, ("fact", "value")), facts)
