"""``vcli pcd-anomaly synth``: generate data sets with known defects and poses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import OUTPUT, Call, measures_table, verb
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import Recipe

EXAMPLES = ("vcli pcd-anomaly synth parts --count 3 --suite rigid --points 30000",)


@verb(app, "synth", ("seed",), OUTPUT, examples=EXAMPLES)
def synth(
    call: Call,
    directory: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the data set.")],
    recipe: Recipe,
) -> None:
    """Generate parts with known defects and poses, in the layout of Real3D-AD."""
    from vision_cli.pcd_anomaly.data.synthesis import write_dataset

    recipe = replace(recipe, seed=call.seed)
    with call.output.progress("scans", None) as progress:
        truth = write_dataset(directory, recipe, lambda done, total: progress.advance(note=f"{done} of {total}"))
    scans = recipe.parts * (recipe.prototypes + recipe.good + recipe.defective)
    facts = {"directory": str(directory), "truth": str(truth), "scans": scans}
    call.output.result(measures_table(facts, ("made", "value")), facts)
