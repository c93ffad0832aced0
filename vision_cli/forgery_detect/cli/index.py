"""``vcli forgery-detect index``: a data set of any layout as a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.sets import DataOptions, HistoryOptions

EXAMPLES = (
    "vcli forgery-detect index FaceForensics/ --compression c23 -o ffpp",
    "vcli forgery-detect index Celeb-DF-v2/ DFDC/ --split test -o sets",
    "vcli forgery-detect index stylegan2/ --match-history -o strict   # no class has an encoding of its own",
)


@verb(app, "index", RUN, OUTPUT, examples=EXAMPLES)
def index(
    call: Call,
    *,
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET...", help="Folders of data sets, indexes or manifests.")
    ] = None,
    data: DataOptions,
    history: HistoryOptions,
) -> None:
    """Write the media of data sets as one manifest, which all other verbs read."""
    if not sets:
        raise call.missing("SET")
    from vision_cli.forgery_detect.runs.index import history_settings, index_sets
    from vision_cli.forgery_detect.runs.reading import read_sets

    settings = history_settings(history)
    manifest = read_sets(sets, data)

    def work(run: Run) -> None:
        index_sets(run, manifest, settings, call.output)

    call.run(work, inputs={"sets": [path for path in sets if path.is_file()]}, says="manifest in")
