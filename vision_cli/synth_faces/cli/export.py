"""``vcli synth-faces export``: a run of generate in the layout of another data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.synth_faces.cli.app import app
from vision_cli.synth_faces.options.sets import ExportLayout

EXAMPLES = (
    "vcli synth-faces export faces --to rafdb -o as-rafdb",
    "vcli synth-faces export faces --to webdataset -o shards",
    "vcli synth-faces export faces --to imagefolder --test-share 0 -o classes",
)


@verb(app, "export", RUN, OUTPUT, examples=EXAMPLES)
def export(
    call: Call,
    *,
    source: Annotated[Path, typer.Argument(metavar="RUN", help="A run of generate, or its manifest.")],
    to: Annotated[ExportLayout, typer.Option("--to", help="Layout to write.")] = "imagefolder",
    test_share: Annotated[
        float,
        typer.Option(
            min=0, max=0.9, metavar="X", help="Share of the persons in the test part; WebDataset has no parts."
        ),
    ] = 0.2,
) -> None:
    """Write the labelled faces of a run as RAF-DB, AffectNet, WebDataset or a folder a class."""
    from vision_cli.synth_faces.runs.export import export_run, manifest_of

    manifest = manifest_of(source)

    def work(run: Run) -> None:
        export_run(run, manifest, to, call.output, test_share=test_share)

    call.run(work, inputs={"manifest": manifest}, says="faces in")
