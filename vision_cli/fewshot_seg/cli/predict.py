"""``vcli fewshot-seg predict``, the main verb: masks of a new class in your pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.fewshot_seg.cli.app import app
from vision_cli.fewshot_seg.options import DecisionOptions, MethodOptions, OutputOptions, SupportOptions

EXAMPLES = (
    "vcli fewshot-seg --sample                                            # generated pictures; needs no file",
    "vcli fewshot-seg predict --support a.jpg:a.png --query photos/ -o out",
    "vcli fewshot-seg predict -s cat=1.jpg:1.png -s dog=2.jpg:2.png --query 'zoo/*.jpg' -o out",
    "vcli fewshot-seg predict --task cells/class.task --query @list.txt --instances --save all -o out",
    "vcli fewshot-seg predict --support-dir masks/ --query scans/ --shard auto/8 --resume -o out",
)


@verb(
    app,
    "predict",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.fewshot_seg.runs.finish_predict:finish",
)
def predict(
    call: Call,
    *,
    query: Annotated[
        list[str] | None,
        typer.Option(
            "--query", metavar="PATH", help="Picture, folder, 'pattern' or @list to segment; may be repeated."
        ),
    ] = None,
    task: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Class that adapt has learned, in place of supports; may be repeated."),
    ] = None,
    truth_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="True masks with the names of the pictures, to measure against."),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Use the bundled sample.")] = False,
    supports: SupportOptions,
    method: MethodOptions,
    decision: DecisionOptions,
    writing: OutputOptions,
) -> None:
    """Segment classes in pictures from one or more annotated examples of each."""
    from vision_cli.fewshot_seg.data.queries import find_queries
    from vision_cli.fewshot_seg.pipeline.classes import Decision
    from vision_cli.fewshot_seg.pipeline.task_files import read_task
    from vision_cli.fewshot_seg.runs.learning import bundled_sample, input_files, make_recipe, open_method, read_classes
    from vision_cli.fewshot_seg.runs.predict import PredictionPlan, match_truths, predict_all

    words = query or []
    if sample:
        supports, words = bundled_sample()
    if not words:
        raise call.missing("--query PATH")
    queries = find_queries(words)
    truths = match_truths(truth_dir, queries)

    opened = open_method(method.loading, (method.method,), device=str(call.compute.device))
    if task:
        recipes = [read_task(path, opened.weights) for path in task]
    else:
        recipes = [
            make_recipe(name, shown, method, opened.weights, seed=call.seed, output=call.output)
            for name, shown in read_classes(supports, call.output).items()
        ]
    plan = PredictionPlan(
        recipes, opened.weights, queries, Decision(decision.threshold, decision.absent_below), writing, truths
    )

    def work(run: Run) -> None:
        opened.record_in(run)
        predict_all(run, plan, call.output)

    def show(done: Done) -> Shown:
        from vision_cli.fewshot_seg.runs.show import predictions_table

        return predictions_table(done), done.metrics

    call.run(work, inputs=input_files(supports, task), show=show, says="masks in")
