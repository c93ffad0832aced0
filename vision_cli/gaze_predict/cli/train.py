"""``vcli gaze-predict train``: make the shipped weights again, or train on recordings of your own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.gaze_predict.cli.app import app
from vision_cli.gaze_predict.options import RecordingOptions, TrainingOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli gaze-predict train phantom -o run                             # the shipped weights",
    "vcli gaze-predict train REFLACX/ --images MIMIC-CXR-JPG/ -o run",
    "vcli gaze-predict train gaze.csv --image-encoder clip-rn50:RN50.pt --text-encoder clip:RN50.pt -o run",
)


@verb(app, "train", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train(
    call: Call,
    *,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="phantom for generated films, or a data set of recordings.")
    ] = "phantom",
    recordings: RecordingOptions,
    training: TrainingOptions,
) -> None:
    """Train the network on generated films with a simulated reader, or on eye-tracking recordings."""
    from vision_cli.gaze_predict.runs.training import open_sources

    opened = open_sources(data, recordings, call.seed, call.output)

    def work(run: Run | None) -> None:
        from vision_cli.gaze_predict.training.method import train_network

        train_network(
            run,
            opened.sources,
            opened.preset,
            training,
            call.compute,
            call.output,
            data=opened.words,
            command=call.command_line,
        )

    inputs = {"data": Path(data)} if Path(data).is_file() else {}
    call.train(work, inputs=inputs, says="weights in")
