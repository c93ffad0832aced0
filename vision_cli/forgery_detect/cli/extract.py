"""``vcli forgery-detect extract``: cut the faces out of a data set once, for many trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.faces import FACES, FaceOptions
from vision_cli.forgery_detect.options.sets import DataOptions

EXAMPLES = (
    "vcli forgery-detect extract ffpp/manifest.csv --frames 32 -o crops",
    "vcli forgery-detect extract Celeb-DF-v2/ --shard auto/16 -o crops   # then: vcli runs merge crops",
    "vcli forgery-detect train crops/manifest.csv --face-detector none -o run",
)


@verb(app, "extract", RUN, SHARD, OUTPUT, examples=EXAMPLES, finish="vision_cli.forgery_detect.runs.extract:finish")
def extract(
    call: Call,
    *,
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET...", help="Manifests, indexes or folders of data sets.")
    ] = None,
    data: DataOptions,
    faces: FaceOptions,
    frames: Annotated[
        int, typer.Option(min=1, max=100_000, metavar="N", help="Frames of a video, spread.", rich_help_panel=FACES)
    ] = 32,
    size: Annotated[
        int,
        typer.Option(
            min=0, max=4096, metavar="PX", help="Side of the files; 0: as in the source.", rich_help_panel=FACES
        ),
    ] = 0,
    masks: Annotated[
        bool, typer.Option("--masks/--no-masks", help="Write masks of forged pixels, too.", rich_help_panel=FACES)
    ] = True,
) -> None:
    """Cut the faces out of pictures and videos, at the resolution of their files."""
    if not sets:
        raise call.missing("SET")
    from vision_cli.forgery_detect.pipeline.faces import FaceFinder
    from vision_cli.forgery_detect.runs.extract import ExtractPlan, extract_all
    from vision_cli.forgery_detect.runs.reading import read_sets, require_largest_face

    require_largest_face(faces)
    manifest = read_sets(sets, data)
    plan = ExtractPlan(manifest.media, FaceFinder(faces), frames, size, masks)

    def work(run: Run) -> None:
        for note in manifest.notes:
            call.output.info(note)
        extract_all(run, plan, call.output)

    call.run(work, inputs={"sets": [path for path in sets if path.is_file()]}, says="faces in")
