"""``vcli synth-faces evaluate``: measure a set of faces, generated or real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import EvaluationOptions

EXAMPLES = (
    "vcli synth-faces evaluate faces --judge judge/weights.safetensors -o out",
    "vcli synth-faces evaluate faces --real RAF-DB/ --judge judge.safetensors --guide guide.safetensors -o out",
    "vcli synth-faces evaluate portraits/ --judge recogniser/weights.safetensors -o out   # a recogniser on real faces",
    "vcli synth-faces evaluate faces --judge none --au-judge au.safetensors -o out",
)


@verb(app, "evaluate", RUN, COMPUTE, OUTPUT, examples=EXAMPLES)
def evaluate(
    call: Call,
    *,
    data: Annotated[
        Path | None, typer.Argument(metavar="SET", help="A run of generate, or any data set of faces.")
    ] = None,
    options: EvaluationOptions,
) -> None:
    """Measure how recognisable, true, realistic, varied and balanced a set of faces is."""
    if data is None:
        raise call.missing("a set of faces")
    from vision_cli.synth_faces.data.opening import require_there
    from vision_cli.synth_faces.runs.evaluate import evaluate_set, open_judges

    require_there(data, *([] if options.real is None else [options.real]))

    judges = open_judges(options, str(call.compute.device))

    def work(run: Run) -> None:
        evaluate_set(run, data, options, judges, call.output, seed=call.seed)

    def show(done: Done) -> Shown:
        from vision_cli.synth_faces.runs.evaluate import measures_table

        return measures_table(done.directory), done.metrics

    inputs = {name: path for name, path in (("set", data), ("guide", options.guide)) if path and path.is_file()}
    call.run(work, inputs={**inputs, **judges.files}, show=show, says="measures in")
