"""``vcli rppg-adapt preprocess``: crop the faces of a data set into a cache."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import Layout, Preprocessing

EXAMPLES = (
    "vcli rppg-adapt preprocess UBFC --layout ubfc -o cache",
    "vcli rppg-adapt preprocess videos.csv --layout manifest --stmap -o cache --shard 1/4",
)


@verb(
    app, "preprocess", RUN, SHARD, OUTPUT, examples=EXAMPLES, finish="vision_cli.rppg_adapt.runs.preprocess:write_index"
)
def preprocess(
    call: Call,
    *,
    dataset: Annotated[
        Path | None, typer.Argument(metavar="DATASET", help="Folder of the data set, or manifest CSV.")
    ] = None,
    layout: Annotated[Layout, typer.Option(help="Folder layout of the data set.")] = "manifest",
    settings: Preprocessing,
) -> None:
    """Crop the faces of a data set into a cache, for train, adapt and evaluate."""
    if dataset is None:
        raise call.missing("DATASET")
    from vision_cli.rppg_adapt.data.layouts import find_recordings
    from vision_cli.rppg_adapt.runs.preprocess import preprocess as write_cache

    recordings = find_recordings(dataset, layout)
    call.run(
        lambda run: write_cache(run, recordings, settings, call.output),
        inputs={"dataset": dataset} if dataset.is_file() else None,
        says="cache in",
    )
