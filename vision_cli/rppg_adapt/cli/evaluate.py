"""``vcli rppg-adapt evaluate``: score heart rates against labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.options import WeightsOption
from vision_cli.core.command.verbs import OUTPUT, RUN, Call, verb
from vision_cli.core.runs.runs import Run
from vision_cli.rppg_adapt.cli.app import app
from vision_cli.rppg_adapt.options import NETWORK, Scoring

EXAMPLES = (
    "vcli rppg-adapt evaluate cache --methods net,pos,chrom --group-by skin_color -o scores",
    "vcli rppg-adapt evaluate outputs.pickle --protocol toolbox -o scores",
)


@verb(app, "evaluate", RUN, ("device", "threads"), OUTPUT, examples=EXAMPLES)
def evaluate(
    call: Call,
    *,
    what: Annotated[
        Path, typer.Argument(metavar="CACHE|RUN|PICKLE", help="Cache, run of predict, or outputs of rPPG-Toolbox.")
    ],
    scoring: Scoring,
    weights: WeightsOption = "default",
) -> None:
    """Score heart rates against labels, with standard errors and bootstrap intervals."""
    from vision_cli.rppg_adapt.data.cache import INDEX, read_cache
    from vision_cli.rppg_adapt.runs import evaluate as evaluation
    from vision_cli.rppg_adapt.runs.predict_tables import PREDICTIONS

    def work(run: Run) -> None:
        if what.is_file() and what.suffix in {".pickle", ".pkl"}:
            scored = evaluation.evaluate_toolbox_outputs(what, protocol=scoring.protocol or "toolbox")
        elif what.is_dir() and (what / PREDICTIONS).is_file() and not (what / INDEX).is_file():
            scored = evaluation.evaluate_run(what)
        else:
            from vision_cli.rppg_adapt.networks.files import load_model

            clips = read_cache(what)
            device = call.compute.device
            model = load_model(weights, device) if NETWORK in scoring.methods else None
            scored = evaluation.evaluate_cache(
                clips,
                scoring.methods,
                model,
                call.output,
                protocol=scoring.protocol or "fine",
                window_s=scoring.window_s,
            )
        evaluation.write_evaluation(run, scored, scoring.group_by)

    call.run(work, inputs={"what": what}, show=lambda done: (evaluation.metrics_table(done.metrics), done.metrics))
