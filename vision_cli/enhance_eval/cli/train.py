"""``vcli enhance-eval train``: make the shipped weights again, or others like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, verb
from vision_cli.enhance_eval.cli.app import app
from vision_cli.enhance_eval.options import TrainedModel, TrainingOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli enhance-eval train detector -o run                  # as the shipped weights: 5 000 steps",
    "vcli enhance-eval train classifier --seed 1 -o run       # another seed, to see how much it matters",
    "vcli enhance-eval train curve --steps 500 -o run",
)


@verb(app, "train", RUN, COMPUTE, OUTPUT, examples=EXAMPLES, processes=True)
def train(
    call: Call,
    *,
    model: Annotated[
        TrainedModel,
        typer.Argument(metavar="MODEL", help="Which one: detector, classifier, curve or niqe."),
    ],
    training: TrainingOptions,
) -> None:
    """Train a built-in network on generated scenes, or fit the NIQE model to photographs."""

    def work(run: Run | None) -> None:
        if model == "niqe":
            from vision_cli.enhance_eval.training.natural import train_niqe

            train_niqe(run, command=call.command_line, seed=call.seed)
        else:
            from vision_cli.enhance_eval.training.built_in import train_built_in

            train_built_in(run, model, training, call.compute, call.output, command=call.command_line)

    call.train(work, says="weights in")
