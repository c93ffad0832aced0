"""``vcli pcd-anomaly merge``: removed; names the command that merges shards."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from vision_cli.core.command.commands import VerbCommand
from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.cli.app import app


@app.command("merge", cls=VerbCommand, hidden=True, context_settings={"ignore_unknown_options": True})
def merge(words: Annotated[list[str] | None, typer.Argument(metavar="DIR")] = None) -> None:
    """Name the command that merges shards."""
    given = [word for word in words or () if not word.startswith("-")]
    raise UsageError(
        "vcli pcd-anomaly merge: no such command; one command merges the shards of all tasks.",
        hint=f"Run `vcli runs merge {shlex.join(given[:1] or ['DIR'])}`.",
    )
