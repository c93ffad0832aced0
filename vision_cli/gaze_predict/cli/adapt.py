"""``vcli gaze-predict adapt``: adapt a trained network to few recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.gaze_predict.cli.app import app
from vision_cli.gaze_predict.options import AdaptationOptions, RecordingOptions

if TYPE_CHECKING:
    from vision_cli.core.runs.runs import Run

EXAMPLES = (
    "vcli gaze-predict adapt default gaze.csv -o adapted",
    "vcli gaze-predict adapt run/weights.safetensors REFLACX/ --images MIMIC-CXR-JPG/ --steps 500 -o adapted",
)


@verb(app, "adapt", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def adapt(
    call: Call,
    *,
    weights: Annotated[
        str | None,
        typer.Argument(metavar="WEIGHTS", help="Weights to go on from: a file, a hub id, or default."),
    ] = None,
    data: Annotated[
        str | None, typer.Argument(metavar="DATA", help="Recordings, or phantom for generated readings.")
    ] = None,
    recordings: RecordingOptions,
    options: AdaptationOptions,
) -> None:
    """Train decoder and heads of a network on few recordings; its encoders stay as they are."""
    if not weights or not data:
        raise call.missing("WEIGHTS and DATA")
    from vision_cli.gaze_predict.runs.loading import load_weights
    from vision_cli.gaze_predict.runs.training import open_sources

    opened = open_sources(data, recordings, call.seed, call.output)
    loaded = load_weights(weights, device="cpu")

    def work(run: Run | None) -> None:
        from vision_cli.gaze_predict.training.method import ADAPTED, train_network

        if run is not None:
            run.record(weights=loaded.facts)
        train_network(
            run,
            opened.sources,
            opened.preset,
            options.as_training,
            call.compute,
            call.output,
            data=opened.words,
            command=call.command_line,
            start=loaded.network,
            adapted=ADAPTED,
        )

    files = {"data": Path(data), "weights": Path(weights)}
    call.train(work, inputs={name: path for name, path in files.items() if path.is_file()}, says="weights in")
