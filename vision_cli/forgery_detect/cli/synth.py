"""``vcli forgery-detect synth``: simulated forgeries of portraits, to train on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.errors import UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.forgery_detect.cli.app import app
from vision_cli.forgery_detect.options.sets import SynthOptions

EXAMPLES = (
    "vcli forgery-detect synth portraits/ -n 14 -o bank",
    "vcli forgery-detect synth --rendered 100 -n 2 -o bank              # no photograph at all",
    "vcli forgery-detect train bank/manifest.csv --face-detector none -o detector",
)


@verb(
    app, "synth", RUN, SHARD, COMPUTE, OUTPUT, examples=EXAMPLES, finish="vision_cli.forgery_detect.runs.synth:finish"
)
def synth(
    call: Call,
    *,
    portraits: Annotated[
        Path | None, typer.Argument(metavar="DIR", help="Portraits at their own resolution, of a person each.")
    ] = None,
    options: SynthOptions,
) -> None:
    """Simulate forgeries of portraits: pairs of a real and a forged face that share camera, size and codec."""
    if portraits is None and not options.rendered:
        raise call.missing("DIR or --rendered N")
    from vision_cli.forgery_detect.runs.synth import SynthPlan, simulate_all
    from vision_cli.forgery_detect.simulation.pairs import require_kinds
    from vision_cli.forgery_detect.simulation.portraits import read_portraits
    from vision_cli.io.pictures.folders import pictures_below

    try:
        kinds = require_kinds([word.strip() for word in options.kinds.split(",") if word.strip()])
    except UsageError as error:
        raise UsageError(f"--kinds: {error.message}", hint=error.hint) from None
    read = read_portraits(portraits) if portraits is not None else ()
    if portraits is not None and (faceless := len(pictures_below(portraits)) - len(read)):
        call.output.warn(f"{portraits}: no face found in {faceless} of the pictures, which are left out")
    plan = SynthPlan(read, options.rendered, kinds, options.per_portrait, call.seed)

    def work(run: Run) -> None:
        simulate_all(run, plan, call.output)

    call.run(work, says="pairs in")
