"""``vcli forgery-detect train``: a detector from labelled faces."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, PRECISION, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.faces import FACES, FaceOptions
from vision_cli.forgery_detect.options.sets import DataOptions
from vision_cli.forgery_detect.options.training import TRAINING, TrainOptions

EXAMPLES = (
    "vcli forgery-detect train bank/manifest.csv --face-detector none -o coherence",
    "vcli forgery-detect train crops/manifest.csv --face-detector none --method mfclip -o mfclip",
    "vcli forgery-detect train ffpp/manifest.csv celebdf/manifest.csv --method gmdf -o gmdf",
)


@verb(app, "train", RUN, COMPUTE, PRECISION, OUTPUT, examples=EXAMPLES, processes=True)
def train(
    call: Call,
    *,
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET...", help="Manifests, indexes or folders of data sets.")
    ] = None,
    options: TrainOptions,
    data: DataOptions,
    faces: FaceOptions,
    frames: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Frames of a video, spread.", rich_help_panel=FACES)
    ] = 8,
    studio: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Portraits of a studio, real, that the threshold must spare.", rich_help_panel=TRAINING
        ),
    ] = None,
) -> None:
    """Train a detector on labelled pictures and videos, and set its threshold and band of doubt."""
    if not sets:
        raise call.missing("SET")
    from vision_cli.forgery_detect.runs.reading import read_sets, require_largest_face
    from vision_cli.forgery_detect.runs.train import TrainData, train_detector
    from vision_cli.forgery_detect.training.preparation import about_of
    from vision_cli.forgery_detect.training.recipes import require_own_options

    require_largest_face(faces)
    require_own_options(options)
    about_of(options)
    manifest = read_sets(sets, data)

    def work(run: Run | None) -> None:
        train_detector(
            run,
            TrainData(manifest, faces, frames, studio, allow_skips=data.allow_skips),
            options,
            call.compute,
            call.output,
            command=call.command_line,
        )

    call.train(work, inputs={"sets": [path for path in sets if path.is_file()]}, says="detector in")
