"""``vcli pcd-anomaly evaluate``: measure a trained model, beside baselines and the models of the ablation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import EvaluationOptions, EvaluationScans, GoodScans, Place, ScoringOptions

EXAMPLES = (
    "vcli pcd-anomaly evaluate model parts --methods all -o measured",
    "vcli pcd-anomaly evaluate model parts --ablate -o ladder",
    "vcli pcd-anomaly evaluate model Real3D-AD-PCD --methods reg3d --protocol reg3d -o measured",
)


@verb(
    app,
    "evaluate",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.pcd_anomaly.runs.evaluate:finish",
)
def evaluate(
    call: Call,
    *,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    scans: EvaluationScans,
    beside: GoodScans,
    place: Place,
    scoring: ScoringOptions,
    measuring: EvaluationOptions,
) -> None:
    """Score the test scans of a data set and measure the scores, optionally beside baselines."""
    from vision_cli.core.errors import UsageError
    from vision_cli.core.runs.runs import Run
    from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_FOLDER
    from vision_cli.pcd_anomaly.model.files import find_models
    from vision_cli.pcd_anomaly.runs import evaluate as evaluating
    from vision_cli.pcd_anomaly.runs.ablate import train_ablation
    from vision_cli.pcd_anomaly.runs.inputs import find_data, good_scan_files, require_prototypes, require_tests

    found = find_data(scans, scans.test, scans.truth)
    if model is None or found is None:
        raise call.missing("RUN and DATA, or RUN and --test,")
    require_tests(found)
    if beside.good is not None and not measuring.ablate:
        raise UsageError("--good without --ablate found; a trained model knows its good scans.")
    good = good_scan_files(scans, beside.good)
    models = find_models(model)
    if measuring.ablate:
        require_prototypes(found)

    def work(run: Run) -> None:
        ladder = run.directory / ABLATION_FOLDER if measuring.ablate else None
        here = place.on(call.compute.device)
        how = evaluating.scoring_of(scoring, measuring, here, call.seed, scans.scale, ladder)
        if ladder is not None:
            train_ablation(run, found, models, here, scans.scale, call.seed, call.output, good)
        evaluating.score_tests(run, found, models, how, call.output)

    inputs = {"models": list(models.values()), "scans": [*(one.path for one in found.samples), *good]}
    call.run(work, inputs=inputs, show=evaluating.shown)
