"""``vcli enhance-eval degrade``: make well-exposed pictures dark."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, RUN, SHARD, Call, Done, Shown, verb
from vision_cli.core.runs.runs import Run
from vision_cli.enhance_eval.cli.app import app

EXAMPLES = (
    "vcli enhance-eval degrade photos/ --condition ev-4 -o out     # a sixteenth of the light, with its noise",
    "vcli enhance-eval degrade photos/ --condition paper -o out    # gamma and gain, without noise",
)


@verb(app, "degrade", RUN, SHARD, ("seed",), OUTPUT, examples=EXAMPLES)
def degrade(
    call: Call,
    *,
    pictures: Annotated[Path, typer.Argument(metavar="IMG|DIR", help="Picture, or folder (tree) of pictures.")],
    condition: Annotated[str, typer.Option(metavar="NAME", help="paper, or ev and a number of stops.")] = "ev-4",
    full_well: Annotated[float, typer.Option(min=1, metavar="N", help="Electrons of a full pixel.")] = 4000.0,
    read_noise: Annotated[float, typer.Option(min=0, metavar="N", help="Electrons of read noise.")] = 4.0,
    jpeg: Annotated[int, typer.Option(min=0, max=100, metavar="Q", help="JPEG quality; 0 for none.")] = 0,
) -> None:
    """Darken pictures as a short exposure does, or by the formula of the literature."""
    from vision_cli.enhance_eval.pipeline.darkness.conditions import parse_condition
    from vision_cli.enhance_eval.runs.pictures import degrade_all, open_pictures

    parsed = parse_condition(condition, full_well=full_well, read_noise=read_noise, jpeg=jpeg)
    dataset = open_pictures(pictures)

    def work(run: Run) -> None:
        degrade_all(run, dataset, parsed, seed=call.seed, output=call.output)

    def show(done: Done) -> Shown:
        return None, {"pictures": len(done.entries)}

    call.run(work, show=show, says="pictures in")
