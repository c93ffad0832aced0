"""``vcli fewshot-seg adapt``: learn a class once, for any pictures."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
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
    from vision_cli.fewshot_seg.runs.adapt import adapt_class
    from vision_cli.fewshot_seg.runs.learning import input_files

    def work(run: Run) -> None:
        adapt_class(run, supports, method, call.compute, call.output, steps=steps, learning_rate=learning_rate)

    call.run(work, inputs=input_files(supports, None), says="task in")
