"""``vcli samples``: list the bundled samples and copy them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.commands import VerbApp
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.options import JsonOption, OverwriteOption, QuietOption
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.files import atomic_path
from vision_cli.core.samples import find_sample, find_samples

app = VerbApp(
    help="List and copy the bundled samples.",
    examples=[
        "vcli samples                        # what there is, from where, under which licence",
        "vcli samples copy register here/    # the files, to look at and to try commands on",
    ],
    default_verb="list",
)


@app.verb("list")
def list_samples(as_json: JsonOption = False, quiet: QuietOption = False) -> None:
    """List the bundled samples."""
    samples = find_samples()
    table = Table(
        columns=("task", "sample", "files", "licence"),
        rows=[(s.task, s.title, ", ".join(p.name for p in s.files.values()), s.licence) for s in samples],
    )
    data = {
        s.task: {
            "title": s.title,
            "source": s.source,
            "licence": s.licence,
            "files": {role: str(path) for role, path in s.files.items()},
        }
        for s in samples
    }
    Output(as_json=as_json, quiet=quiet).result(table, data)


def _tasks() -> list[str]:
    return [sample.task for sample in find_samples()]


@app.verb("copy", examples=["vcli samples copy register here/"])
def copy(
    task: Annotated[
        str, typer.Argument(metavar="TASK", help="A task that `vcli samples` lists.", autocompletion=_tasks)
    ],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Where the files go; made if missing.")],
    overwrite: OverwriteOption = False,
) -> None:
    """Copy the files of a task's sample into a directory."""
    files = list(find_sample(task).files.values())
    taken = [path.name for path in files if (directory / path.name).exists()]
    if taken and not overwrite:
        raise UsageError(
            f"{directory / taken[0]}: file found; a directory without it expected.",
            hint="Choose another directory, or --overwrite.",
        )
    directory.mkdir(parents=True, exist_ok=True)
    for path in files:
        with atomic_path(directory / path.name) as temporary:
            shutil.copyfile(path, temporary)
