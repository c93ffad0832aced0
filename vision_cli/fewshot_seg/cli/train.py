"""``vcli fewshot-seg train``: make the shipped weights again, or others on data of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.fewshot_seg.cli.app import app
from vision_cli.fewshot_seg.options import TrainingOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli fewshot-seg train --preset embedded -o run                       # the shipped weights",
    "vcli fewshot-seg train --data-root leaves/ --steps 1000 -o run        # small, on pictures of your own",
    "vcli fewshot-seg train --preset sam --sam-checkpoint sam_vit_b.pth --data-root VOC2012/ -o run",
)


@verb(app, "train", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train(call: Call, *, training: TrainingOptions) -> None:
    """Train the network on episodes, and the gate that chooses between its mask and those of the pixels."""

    def work(run: Run | None) -> None:
        from vision_cli.fewshot_seg.training.method import train_method

        train_method(run, training, call.compute, call.output, command=call.command_line)

    inputs = {} if training.sam_checkpoint is None else {"sam_checkpoint": training.sam_checkpoint}
    call.train(work, inputs=inputs, says="weights in")
