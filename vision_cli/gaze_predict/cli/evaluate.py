"""``vcli gaze-predict evaluate``: measure predicted gaze against recorded gaze."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.gaze_predict.cli.app import app
from vision_cli.gaze_predict.options import EvaluationOptions, RecordingOptions

EXAMPLES = (
    "vcli gaze-predict evaluate phantom --controls all -o out           # generated films, with a second reader",
    "vcli gaze-predict evaluate REFLACX/ --images MIMIC-CXR-JPG/ --sigma 1deg -o out",
    "vcli gaze-predict evaluate GazeSearch.json --stand-in films/ -o out # its films are not at hand",
    "vcli gaze-predict evaluate gaze.csv --predictions theirs.csv --per-case -o out",
)


@verb(
    app,
    "evaluate",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.gaze_predict.runs.finish_evaluate:finish",
)
def evaluate(
    call: Call,
    *,
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA", help="A data set of recordings, or phantom for generated readings."),
    ] = None,
    recordings: RecordingOptions,
    options: EvaluationOptions,
) -> None:
    """Measure predicted densities and scan paths against recorded ones, with baselines and controls beside them."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.gaze_predict.pipeline.predictor import GemPredictor
    from vision_cli.gaze_predict.runs.evaluate import evaluate_all
    from vision_cli.gaze_predict.runs.loading import load_weights
    from vision_cli.gaze_predict.runs.opening import make_plan, open_recordings

    opened = open_recordings(data, recordings, options, call.seed, call.output)
    loaded = None if options.predictions else load_weights(options.weights, device=str(call.compute.device))
    predictor = None if loaded is None else GemPredictor(loaded.network)
    plan = make_plan(opened, options, recordings, predictor, call.seed, call.output)

    def work(run: Run) -> None:
        if loaded is not None:
            run.record(weights=loaded.facts)
        evaluate_all(run, plan, call.output)

    def show(done: Done) -> Shown:
        from vision_cli.gaze_predict.runs.show import methods_table

        return methods_table(done), done.metrics

    files = {"data": Path(data), "predictions": options.predictions, "stand_in": options.stand_in}
    inputs = {name: path for name, path in files.items() if path is not None and path.is_file()}
    call.run(work, inputs=inputs, show=show, says="measures in")
