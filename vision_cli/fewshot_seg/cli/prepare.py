"""``vcli fewshot-seg prepare``: a data set in the form in which it is measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, verb
from vision_cli.fewshot_seg.cli.app import app

EXAMPLES = (
    "vcli fewshot-seg prepare deepglobe land-train/ -o deepglobe",
    "vcli fewshot-seg evaluate deepglobe --episodes 600 -o out",
)


@verb(app, "prepare", RUN, SHARD, OUTPUT, examples=EXAMPLES)
def prepare(
    call: Call,
    *,
    kind: Annotated[Literal["deepglobe"], typer.Argument(metavar="KIND", help="deepglobe: tiles of 408 px by class.")],
    source: Annotated[Path, typer.Argument(metavar="DIR", help="The data set as published.")],
) -> None:
    """Cut DeepGlobe into the tiles that cross-domain few-shot segmentation measures."""
    from vision_cli.fewshot_seg.runs.prepare import prepare_deepglobe

    call.run(lambda run: prepare_deepglobe(run, source, call.output), says="tiles in")
