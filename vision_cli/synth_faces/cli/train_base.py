"""``vcli synth-faces train-base``: train a text-to-face model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import SetOptions
from vision_cli.synth_faces.options.training import BaseOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli synth-faces train-base faces -o base                       # on a run of generate",
    "vcli synth-faces train-base FEText/ --model stable-diffusion/ --rank 16 --lr 1e-4 -o tuned",
    "vcli synth-faces train-base faces --side 128 --batch-size 256 --steps 20000 --precision bfloat16 -o base-128",
)


@verb(app, "train-base", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train_base(
    call: Call,
    *,
    data: Annotated[
        list[Path] | None,
        typer.Argument(metavar="DATA...", help="Runs of generate, or data sets of faces with captions."),
    ] = None,
    options: BaseOptions,
    faces: SetOptions,
) -> None:
    """Train a small latent diffusion model that draws faces from text, or change one by low-rank updates."""
    if not data:
        raise call.missing("a data set")
    from vision_cli.synth_faces.data.opening import require_there
    from vision_cli.synth_faces.pipeline.sampling.choices import find_model

    require_there(*data)
    if options.model is not None:
        find_model(options.model)

    def work(run: Run | None) -> None:
        if options.model is None:
            from vision_cli.synth_faces.training.diffusion.method import train_base as train
        else:
            from vision_cli.synth_faces.training.conditioning.method import tune_base as train
        train(run, data, options, faces, call.compute, call.output, command=call.command_line)

    inputs = {f"data{number}": path for number, path in enumerate(data) if path.is_file()}
    call.train(work, inputs=inputs, says="model in")
