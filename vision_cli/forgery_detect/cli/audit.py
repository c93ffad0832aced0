"""``vcli forgery-detect audit``: whether a data set gives its labels away without the face."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, Call, Done, Shown, verb
from vision_cli.core.errors import Found
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.sets import DATA, DataOptions

EXAMPLES = (
    "vcli forgery-detect audit stylegan2/ -o audit",
    "vcli forgery-detect audit FFHQ/ sd21/ --fail-on-shortcut    # exit code 10 if there is a shortcut",
    "vcli forgery-detect audit strict/manifest.csv --seed 1 --json",
)


@verb(app, "audit", RUN, ("seed",), OUTPUT, examples=EXAMPLES)
def audit(
    call: Call,
    *,
    sets: Annotated[
        list[Path] | None, typer.Argument(metavar="SET...", help="Folders of data sets, indexes or manifests.")
    ] = None,
    data: DataOptions,
    most: Annotated[
        int,
        typer.Option(
            "--most", min=1, max=100_000, metavar="N", help="Files of a class looked at.", rich_help_panel=DATA
        ),
    ] = 200,
    fail_on_shortcut: Annotated[
        bool, typer.Option("--fail-on-shortcut", help="End with exit code 10 if a shortcut is found.")
    ] = False,
) -> None:
    """Look for what tells real and forged files apart without the face: encodings, sizes, resizes, captions.

    A detector trained or tested on a data set with such a shortcut learns the shortcut.
    """
    if not sets:
        raise call.missing("SET")
    from vision_cli.forgery_detect.runs.audit import audit_sets, read_shortcuts
    from vision_cli.forgery_detect.runs.reading import read_sets

    manifest = read_sets(sets, data)

    def work(run: Run) -> None:
        audit_sets(run, manifest, seed=call.seed, most=most, output=call.output)

    def show(done: Done) -> Shown:
        return read_shortcuts(done.directory), done.metrics

    done = call.run(work, inputs={"sets": [path for path in sets if path.is_file()]}, show=show, says="audit in")
    if fail_on_shortcut:
        rows = read_shortcuts(done.directory).rows
        if found := [f"{cue} (AUC {auc:.2f})" for cue, strength, auc, *_ in rows if strength == "found"]:
            raise Found(f"shortcuts found: {', '.join(found)}.")
        if not done.metrics["conclusive"]:
            call.output.warn("too few files to find a shortcut; the set was neither passed nor refused")
