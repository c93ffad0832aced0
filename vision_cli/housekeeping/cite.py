"""``vcli cite``: the papers behind the tasks, to be cited by whoever used them."""

from __future__ import annotations

from typing import Annotated

import typer

from vision_cli.core.citations import citations_of
from vision_cli.core.command.commands import TASKS_PANEL, did_you_mean, single_command
from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.options import JsonOption, QuietOption
from vision_cli.core.errors import UsageError


def cite(
    ctx: typer.Context,
    tasks: Annotated[list[str] | None, typer.Argument(metavar="TASK...", help="Commands; all without.")] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Write BibTeX, ready for a .bib file.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Show the papers to cite for what a task did."""
    root = ctx.find_root().command
    known = [entry.name for entry in getattr(root, "entries", ()) if entry.panel == TASKS_PANEL and entry.target]
    for task in tasks or ():
        if task not in known:
            raise UsageError(
                f"cite: {task} found; of {', '.join(known)} expected.", hint=did_you_mean(task, known) or None
            )
    found = [(task, citation) for task in tasks or known for citation in citations_of(task)]
    data = {"citations": [{"task": task, "text": one.text, "bibtex": one.bibtex} for task, one in found]}
    output = Output(as_json=as_json, quiet=quiet)
    if bibtex and not as_json:
        typer.echo("\n\n".join(one.bibtex for _, one in found))
        return
    output.result(Table(("task", "paper"), [(task, one.text) for task, one in found]), data)


app = single_command(cite, examples=("vcli cite register", "vcli cite register pcd-anomaly --bibtex > papers.bib"))
