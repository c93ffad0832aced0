"""``vcli synth-faces train-fer``: train a recogniser on generated or real faces."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import FaceSetOptions
from vision_cli.synth_faces.options.training import TrainingOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli synth-faces train-fer faces -o guide                          # on a run of generate",
    "vcli synth-faces train-fer faces --judge --what aus -o au-judge",
    "vcli synth-faces train-fer faces RAF-DB/ --steps 4000 -o both      # generated and real faces",
)


@verb(app, "train-fer", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train_fer(
    call: Call,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DATA...", help="Runs of generate, manifests, or data sets of faces."),
    ] = None,
    training: TrainingOptions,
    faces: FaceSetOptions,
) -> None:
    """Train a small recogniser of expressions or of action units."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.synth_faces.data.opening import require_there

    require_there(*data)

    def work(run: Run | None) -> None:
        from vision_cli.synth_faces.training.method import train_recogniser

        train_recogniser(run, data, training, faces, call.compute, call.output, command=call.command_line)

    inputs = {f"data{number}": path for number, path in enumerate(data) if path.is_file()}
    call.train(work, inputs=inputs, says="weights in")
