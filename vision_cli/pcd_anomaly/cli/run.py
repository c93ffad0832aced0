"""``vcli pcd-anomaly run``: train, score and measure in one run; the main verb of the task."""

from __future__ import annotations

from vision_cli.core.command.verbs import COMPUTE, OUTPUT, RUN, SHARD, Call, verb
from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.cli.app import app
from vision_cli.pcd_anomaly.options import (
    EvaluationScans,
    GoodScans,
    MeasuringOptions,
    Options,
    Place,
    SampleOption,
    ScoringOptions,
)

EXAMPLES = (
    "vcli pcd-anomaly --sample -o run                        # generates parts and finds their defects",
    "vcli pcd-anomaly run parts -o run                       # train, score and measure a data set",
    "vcli pcd-anomaly run --train good/ --test incoming/ -o run",
)


@verb(
    app,
    "run",
    RUN,
    SHARD,
    COMPUTE,
    OUTPUT,
    examples=EXAMPLES,
    finish="vision_cli.pcd_anomaly.runs.evaluate:finish",
)
def run_all(
    call: Call,
    *,
    sample: SampleOption = False,
    scans: EvaluationScans,
    beside: GoodScans,
    options: Options,
    place: Place,
    scoring: ScoringOptions,
    measuring: MeasuringOptions,
) -> None:
    """Train on a data set, score its test scans and measure the scores."""
    from vision_cli.core.runs.runs import Run
    from vision_cli.pcd_anomaly.model.files import find_models
    from vision_cli.pcd_anomaly.runs import evaluate
    from vision_cli.pcd_anomaly.runs.inputs import find_data, good_scan_files, require_tests
    from vision_cli.pcd_anomaly.runs.sample import make_sample
    from vision_cli.pcd_anomaly.runs.train import train_classes

    found = find_data(scans, scans.test, scans.truth)
    if sample and found is not None:
        raise UsageError("--sample and scans found; one or the other expected.")
    if not sample and found is None:
        raise call.missing("DATA, or --train and --test,")
    if found is not None:
        require_tests(found)
    good = good_scan_files(scans, beside.good)

    def work(run: Run) -> None:
        here = place.on(call.compute.device)
        known = found or make_sample(run, call.output)
        train_classes(run, known, options, call.seed, call.output, here, scans.scale, good)
        how = evaluate.scoring_of(scoring, measuring, here, call.seed, scans.scale)
        evaluate.score_tests(run, known, find_models(run.directory), how, call.output)

    inputs = {} if found is None else {"scans": [*(one.path for one in found.samples), *good]}
    call.run(work, inputs=inputs, show=evaluate.shown)
