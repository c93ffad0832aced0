"""``vcli fewshot-seg adapt``: learn a class once, for any pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.cli.app import app
from vision_cli.fewshot_seg.options import MethodOptions, SupportOptions

EXAMPLES = (
    "vcli fewshot-seg adapt --support a.jpg:a.png -o task                  # task/object.task",
    "vcli fewshot-seg adapt --support-dir cells/ --class-name nucleus -o task",
    "vcli fewshot-seg adapt --support-dir cells/ --steps 50 -o task        # tune the network as well",
)


@verb(app, "adapt", RUN, COMPUTE, OUTPUT, examples=EXAMPLES)
def adapt(
    call: Call,
    *,
    steps: Annotated[
        int, typer.Option(min=0, metavar="N", help="Steps that tune the network to the supports; 0 for none.")
    ] = 0,
    learning_rate: Annotated[
        float, typer.Option("--lr", min=0, metavar="X", help="Learning rate of these steps.")
    ] = 1e-3,
    supports: SupportOptions,
    method: MethodOptions,
) -> None:
    """Write a task file: a class with its supports, and the network as adapted to them."""
    from vision_cli.fewshot_seg.runs.adapt import adapt_class, read_class
    from vision_cli.fewshot_seg.runs.learning import input_files, make_recipe, open_method

    opened = open_method(method.loading, (method.method,), device=str(call.compute.device))
    name, shown = read_class(supports, call.output)
    if steps and opened.weights.network is None:
        raise UsageError(f"--steps {steps}: --method {method.method} has no network to adapt; 0 expected.")
    recipe = make_recipe(name, shown, method, opened.weights, seed=call.seed, output=call.output)

    def work(run: Run) -> None:
        opened.record_in(run)
        adapt_class(run, recipe, opened.weights, call.compute, call.output, steps=steps, learning_rate=learning_rate)

    call.run(work, inputs=input_files(supports, None), says="task in")
