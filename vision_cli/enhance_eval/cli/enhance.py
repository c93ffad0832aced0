"""``vcli enhance-eval enhance``: write the pictures that methods make of yours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.cli.app import app

EXAMPLES = (
    "vcli enhance-eval enhance dark.jpg --methods lime -o out",
    "vcli enhance-eval enhance photos/ --methods clahe,curve+nlm -o out",
    "vcli enhance-eval enhance photos/ --methods zero-dce:weights=Epoch99.pth,tile=1024 -o out",
)


@verb(app, "enhance", RUN, SHARD, COMPUTE, OUTPUT, examples=EXAMPLES)
def enhance(
    call: Call,
    *,
    pictures: Annotated[Path, typer.Argument(metavar="IMG|DIR", help="Picture, or folder (tree) of pictures.")],
    methods: Annotated[
        str, typer.Option(metavar="LIST", help="Methods, as for run; list methods shows them.")
    ] = "curve",
) -> None:
    """Enhance pictures; each method writes a folder of its own with the same names, as PNG."""
    from vision_cli.enhance_eval.methods.specs import parse_methods
    from vision_cli.enhance_eval.runs.pictures import enhance_all, open_pictures

    specs = parse_methods(methods)
    dataset = open_pictures(pictures)

    def work(run: Run) -> None:
        enhance_all(run, dataset, specs, device=str(call.compute.device), output=call.output)

    def show(done: Done) -> Shown:
        written = sum(int(entry.number("written")) for entry in done.entries if entry.error is None)
        return None, {"pictures": len(done.entries), "written": written}

    call.run(work, show=show, says="pictures in")
