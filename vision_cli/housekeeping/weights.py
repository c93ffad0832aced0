"""``vcli weights``: the weights that are shipped, whether they are whole, and where others go."""

from __future__ import annotations

from vision_cli.core.command.commands import VerbApp
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.options import JsonOption, QuietOption
from vision_cli.core.compute.weights import shipped_weights, verify
from vision_cli.core.errors import InputError

app = VerbApp(
    help="List and verify the shipped weights.\n\n"
    "A command loads the weights that are shipped for it. Others need no place of their own: give "
    "--weights FILE.safetensors, or --weights OWNER/NAME of a model hub.",
    examples=[
        "vcli weights                # what is shipped: task, data, measures, licence",
        "vcli weights verify         # exit 3 where a file is not what its card says",
    ],
    default_verb="list",
)


@app.verb("list")
def list_weights(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """List the shipped weights with the cards that say how they were made."""
    cards = shipped_weights()
    table = Table(
        columns=("weights", "task", "parameters", "data", "licence"),
        rows=[(card.name, card.task, card.parameters, card.data, card.licence) for card in cards],
    )
    data = {
        card.name: {
            "task": card.task,
            "path": str(card.path),
            "parameters": card.parameters,
            "data": card.data,
            "training_command": card.training_command,
            "seed": card.seed,
            "metrics": card.metrics,
            "licence": card.licence,
            "sha256": card.sha256,
        }
        for card in cards
    }
    Output(as_json=as_json, quiet=quiet).result(table, data)


@app.verb("verify")
def verify_weights(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """Check that every shipped file has the digest that its card names."""
    whole = {card.name: verify(card) for card in shipped_weights()}
    Output(as_json=as_json, quiet=quiet).result(Table(("weights", "whole"), list(whole.items())), whole)
    altered = [name for name, is_whole in whole.items() if not is_whole]
    if altered:
        raise InputError(
            f"{', '.join(altered)}: altered or missing; the digest of the card expected.",
            hint="Install vision_cli again.",
        )
