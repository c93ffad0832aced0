"""``vcli synth-faces train-adapter``: teach a text-to-face model action units."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import SetOptions
from vision_cli.synth_faces.options.training import AdapterOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli synth-faces train-adapter faces -o adapter                              # on a run of generate",
    "vcli synth-faces train-adapter BP4D/ --model stable-diffusion/ --au-encoder paper -o adapter",
)


@verb(app, "train-adapter", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train_adapter(
    call: Call,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DATA...", help="Runs of generate, or data sets of faces with action units."),
    ] = None,
    options: AdapterOptions,
    faces: SetOptions,
) -> None:
    """Train an adapter that gives a text-to-face model control of action units; the model itself stays as it is."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.synth_faces.data.opening import require_there
    from vision_cli.synth_faces.pipeline.sampling.choices import find_model

    require_there(*data)
    find_model(options.model)

    def work(run: Run | None) -> None:
        from vision_cli.synth_faces.training.conditioning.method import train_adapter as train

        train(run, data, options, faces, call.compute, call.output, command=call.command_line)

    inputs = {f"data{number}": path for number, path in enumerate(data) if path.is_file()}
    call.train(work, inputs=inputs, says="weights in")
