"""``vcli synth-faces train-anno``: train the annotator FERAnno."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.options.training import AnnotatorOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli synth-faces train-anno faces -o annotator                    # on a run of generate",
    "vcli synth-faces train-anno RAF-DB/ --model stable-diffusion/ --feat-blocks mid,up0,up1 -o annotator",
)


@verb(app, "train-anno", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train_anno(
    call: Call,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DATA...", help="Runs of generate, or data sets of faces with expressions."),
    ] = None,
    options: AnnotatorOptions,
    faces: FaceSetOptions,
) -> None:
    """Train an annotator, which names the expression of a face by what a text-to-face model sees in it."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.synth_faces.data.opening import require_there
    from vision_cli.synth_faces.pipeline.sampling.choices import find_model

    require_there(*data)
    find_model(options.model)

    def work(run: Run | None) -> None:
        from vision_cli.synth_faces.training.conditioning.method import train_annotator

        train_annotator(run, data, options, faces, call.compute, call.output, command=call.command_line)

    inputs = {f"data{number}": path for number, path in enumerate(data) if path.is_file()}
    call.train(work, inputs=inputs, says="weights in")
