"""``vcli completions``: write the completion scripts of bash, zsh and fish, or check those written."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Literal

import typer

from vision_cli.core.command.commands import VerbApp
from vision_cli.core.errors import Found
from vision_cli.core.runs.files import write_text
from vision_cli.housekeeping.completions.command_tree import walk
from vision_cli.housekeeping.completions.scripts import SHELLS, script

app = VerbApp(
    help="Write the completions of bash, zsh and fish.",
    examples=[
        'eval "$(vcli completions show bash)"      # in ~/.bashrc',
        "vcli completions write completions/",
        "vcli completions check completions/       # exit 10 where a script is out of date",
    ],
)

_Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory of vcli.bash, vcli.zsh, vcli.fish.")]


def _scripts(ctx: typer.Context) -> dict[str, str]:
    nodes = list(walk(ctx))
    return {f"vcli.{shell}": script(shell, nodes) for shell in SHELLS}


@app.verb("show")
def show(
    ctx: typer.Context,
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> None:
    """Write the script of one shell to stdout."""
    typer.echo(script(shell, list(walk(ctx))), nl=False)


@app.verb("write")
def write(ctx: typer.Context, directory: _Directory = Path("completions")) -> None:
    """Write the scripts of all shells into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in _scripts(ctx).items():
        write_text(directory / name, text)


@app.verb("check")
def check(ctx: typer.Context, directory: _Directory = Path("completions")) -> None:
    """Check that the scripts in a directory are those of this version."""
    for name, text in _scripts(ctx).items():
        path = directory / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            raise Found(
                f"{path}: not the completions of this version of vcli.",
                hint=f"Write them again with `vcli completions write {shlex.quote(str(directory))}`.",
            )
