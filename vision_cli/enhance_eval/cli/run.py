"""``vcli enhance-eval run``, the main verb: score methods on pictures for eyes and for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.cli.app import app
from vision_cli.enhance_eval.options import RunOptions, StatisticsOptions

EXAMPLES = (
    "vcli enhance-eval run -o out                                   # generated scenes, nothing to give",
    "vcli enhance-eval photos/ --methods all -o out                 # quality of every method on your pictures",
    "vcli enhance-eval ExDark/ --detector onnx:yolo.onnx:decoder=yolov8 --methods none,clahe,lime -o out",
    "vcli enhance-eval LOL/ --methods default,dir:results/mine -o out   # your own results beside the others",
)


@verb(app, "run", RUN, SHARD, COMPUTE, OUTPUT, examples=EXAMPLES, finish="vision_cli.enhance_eval.runs.finish:finish")
def run(
    call: Call,
    *,
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Data set, folder of pictures or picture; generated scenes without it."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="The same on 24 generated scenes.")] = False,
    options: RunOptions,
    statistics: StatisticsOptions,
) -> None:
    """Score enhancement methods for human eyes and for machine vision, side by side."""
    from dataclasses import replace

    from vision_cli.enhance_eval.runs.plan import make_plan, method_files, open_data, require_known_words
    from vision_cli.enhance_eval.runs.run import score_all
    from vision_cli.enhance_eval.runs.show import shown

    chosen = replace(options, quick=True) if sample else options
    require_known_words(chosen)
    files = method_files(chosen)
    dataset = open_data(None if sample else data, chosen, call.seed)

    def work(run: Run) -> None:
        compute = call.compute
        plan = make_plan(dataset, chosen, seed=call.seed, device=str(compute.device), threads=call.threads)
        score_all(run, plan, chosen, call.output)

    call.run(work, inputs={"models": files} if files else None, show=shown)
