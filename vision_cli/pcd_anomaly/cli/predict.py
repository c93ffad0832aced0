"""``vcli pcd-anomaly predict``: score scans with a trained model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.errors import Found
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import Place, PoseOptions, ScanOptions, ScoringOptions

EXAMPLES = (
    "vcli pcd-anomaly predict model scans/*.ply -o out --save scores,ply,regions,png",
    "vcli pcd-anomaly predict model scans/*.ply -o out --tolerance 0.5",
    "vcli pcd-anomaly predict model scans/*.pcd -o out --shard auto --resume --fail-on-anomaly",
)


@verb(
    app,
    "predict",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.pcd_anomaly.runs.predict:finish",
)
def predict(
    call: Call,
    *,
    model: Annotated[Path | None, typer.Argument(metavar="RUN", help="Run of `train`.")] = None,
    inputs: Annotated[list[Path] | None, typer.Argument(metavar="INPUT...", help="Scans, or folders of scans.")] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Class of the model to use.")
    ] = None,
    fail_on_anomaly: Annotated[
        bool, typer.Option("--fail-on-anomaly", help="Exit with code 10 if a scan is anomalous or fails --tolerance.")
    ] = False,
    scans: ScanOptions,
    place: Place,
    scoring: ScoringOptions,
    pose: PoseOptions,
) -> None:
    """Score scans of a trained part: scores of all points, regions, and a decision."""
    if model is None or not inputs:
        raise call.missing("RUN and INPUT")
    from vision_cli.core.runs.runs import Run
    from vision_cli.pcd_anomaly.model.files import find_models
    from vision_cli.pcd_anomaly.runs.inputs import list_scans, read_pose
    from vision_cli.pcd_anomaly.runs.predict import shown
    from vision_cli.pcd_anomaly.runs.report import counts_of
    from vision_cli.pcd_anomaly.runs.score import Scoring, score_samples

    models = find_models(model)
    samples = list_scans(inputs, models, class_name)
    init = None if pose.init is None else read_pose(pose.init)

    def work(run: Run) -> None:
        how = Scoring(
            agcs=scoring.agcs,
            registration=pose.registration,
            init=init,
            seed=call.seed,
            save=frozenset(scoring.save),
            scale=scans.scale,
            place=place.on(call.compute.device),
            tolerance=scoring.tolerance,
            decide_weak=scoring.decide_weak,
        )
        score_samples(run, samples, models, how, call.output)

    done = call.run(work, inputs={"models": list(models.values())}, show=shown)
    counts = counts_of(done.entries)
    if fail_on_anomaly and counts.get("n_out_of_tolerance"):
        raise Found(f"{counts['n_out_of_tolerance']} of {counts['n_inspected']} scans are out of tolerance.")
    if fail_on_anomaly and counts["n_anomalous"]:
        raise Found(f"{counts['n_anomalous']} of {counts['n_scans']} scans are anomalous.")
