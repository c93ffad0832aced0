"""``vcli fewshot-seg evaluate``: measure methods on episodes of data sets."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.cli.app import app
from vision_cli.fewshot_seg.options import EvaluationOptions

EXAMPLES = (
    "vcli fewshot-seg evaluate FSS-1000/ --methods tap,rf,grabcut,copy -o out",
    "vcli fewshot-seg evaluate ISIC=isic/:isic lung=CXR/ --shots 5 --episodes 600 -o out",
    "vcli fewshot-seg evaluate VOC2012/ --absent -o out                    # presence as well",
    "vcli fewshot-seg evaluate mine/ --episodes-file out/protocol.csv -o again",
)


@verb(
    app,
    "evaluate",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.fewshot_seg.runs.finish_evaluate:finish",
)
def evaluate(
    call: Call,
    *,
    data: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=]DIR[:LAYOUT]...", help="Data sets; the layout is recognised, or named."),
    ] = None,
    options: EvaluationOptions,
) -> None:
    """Measure methods by the protocol of cross-domain few-shot segmentation."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.fewshot_seg.runs.evaluate import EvaluationPlan, evaluate_all, open_sets, plan_episodes
    from vision_cli.fewshot_seg.runs.learning import open_method

    datasets, episodes = plan_episodes(open_sets(data, options), options, call.seed, call.output)

    opened = open_method(options.loading, options.methods, device=str(call.compute.device))
    wanted = options.loading.tile
    tile = None if wanted is None else int(wanted)
    plan = EvaluationPlan(datasets, episodes, options.methods, opened.weights, tile, options.pictures)

    def work(run: Run) -> None:
        opened.record_in(run)
        evaluate_all(run, plan, call.output)

    def show(done: Done) -> Shown:
        from vision_cli.fewshot_seg.runs.show import measures_tables

        return measures_tables(done), done.metrics

    inputs = {} if options.episodes_file is None else {"episodes": options.episodes_file}
    call.run(work, inputs=inputs, show=show, says="measures in")
