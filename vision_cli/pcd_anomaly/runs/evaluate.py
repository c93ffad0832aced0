"""Scored and measured test scans of a data set: ``run`` and ``evaluate``, in one process or in shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.command.verbs import Done, Shown
from vision_cli.core.compute.benchmark import read_table
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.pcd_anomaly.data.layouts import DataSet, Sample, read_dataset
from vision_cli.pcd_anomaly.evaluation.methods import ComparedMethods
from vision_cli.pcd_anomaly.evaluation.pose_truth import COLUMNS as POSE_COLUMNS
from vision_cli.pcd_anomaly.evaluation.pose_truth import TITLE as POSES_TITLE
from vision_cli.pcd_anomaly.evaluation.pose_truth import PoseTruth, pose_measures, poses_table, true_poses
from vision_cli.pcd_anomaly.model.files import find_models, read_model
from vision_cli.pcd_anomaly.options import (
    EvaluationOptions,
    EvaluationScans,
    MeasuringOptions,
    Place,
    ScoringOptions,
)
from vision_cli.pcd_anomaly.runs import predict
from vision_cli.pcd_anomaly.runs.documents import FinishedScan, read_scans
from vision_cli.pcd_anomaly.runs.inputs import find_data
from vision_cli.pcd_anomaly.runs.measuring import MEASURED, Measures, measure_run, measures_tables
from vision_cli.pcd_anomaly.runs.report import counts_of, write_report_page, write_tables
from vision_cli.pcd_anomaly.runs.sample import PARTS
from vision_cli.pcd_anomaly.runs.score import Scoring, score_samples
from vision_cli.pcd_anomaly.scoring.features import group_vectors

POSES = "poses.csv"


def scoring_of(
    options: ScoringOptions,
    measuring: MeasuringOptions,
    place: Place,
    seed: int,
    scale: float,
    ladder: Path | None = None,
) -> Scoring:
    """Return how scans are scored for measuring: point scores are always saved.

    Parameters
    ----------
    options, measuring, place, seed, scale
        See `Scoring`.
    ladder
        Directory of the models of the ablation; None for no ablation.
    """
    return Scoring(
        agcs=options.agcs,
        seed=seed,
        save=frozenset({*options.save, "scores"}),
        scale=scale,
        place=place,
        points_from=measuring.points_from,
        scorers=ComparedMethods(measuring.baselines, ladder, measuring.protocol).scorers,
        tolerance=options.tolerance,
        decide_weak=options.decide_weak,
    )


def score_tests(run: Run, data: DataSet, models: Mapping[str, Path], scoring: Scoring, output: Output) -> None:
    """Score the test scans of a data set."""
    score_samples(run, _tests(data), models, scoring, output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write the tables, measures and report of scored test scans; a shard, which has a part of them, no measures."""
    scoring = recorded(ScoringOptions, run.options)
    scans = read_scans(run, entries)
    write_tables(run, scans, regions="regions" in scoring.save)
    if run.document["shard"] is None:
        measures = _measure(run, scans)
        write_report_page(run, scans, scoring.save, measured_tables(run.directory), measures)
    else:
        write_report_page(run, scans, scoring.save)


def shown(done: Done) -> Shown:
    """Return the measures; of a shard, the decisions."""
    if not (done.directory / MEASURED).is_file():
        return predict.shown(done)
    return measured_tables(done.directory), done.metrics


def measured_tables(directory: Path) -> list[Table]:
    """Return the tables of a measured run, for people."""
    tables = measures_tables(directory)
    if (directory / POSES).is_file():
        tables.append(read_table(directory / POSES, POSES_TITLE))
    return tables


def _measure(run: RunFiles, scans: Sequence[FinishedScan]) -> Measures:
    """Measure all methods and the poses, write their tables and ``metrics.json``, and return the measures."""
    where = recorded(EvaluationScans, run.options)
    options = recorded(EvaluationOptions, run.options)
    # Every shard of a sample has its own copy of it.
    data = find_data(where, where.test, where.truth) or read_dataset(scans[0].directory / PARTS)
    trained = run.options.get("model")
    models = find_models(scans[0].directory if trained is None else Path(trained))

    def pose_truth(class_name: str) -> PoseTruth | None:
        return _pose_truth(data, class_name, models, where.scale)

    measures, checks = measure_run(run, scans, _tests(data), options, run.options["seed"], where.scale, pose_truth)
    if checks:
        measures |= pose_measures(checks)
        run.write_csv(POSES, POSE_COLUMNS, poses_table(checks).rows)
    run.write_metrics({**counts_of([scan.entry for scan in scans]), **measures})
    return measures


def _pose_truth(data: DataSet, class_name: str, models: Mapping[str, Path], scale: float) -> PoseTruth | None:
    """Return the true poses of a class on the reference of its model; None where either is unknown."""
    known = true_poses(data, class_name, scale) if class_name in models else None
    if known is None:
        return None
    # Only the reference is used, so that no weights are needed.
    model = read_model(models[class_name], describe=group_vectors)
    return PoseTruth(class_name, known, model.reference.target, model.reference.diameter, model.to_prototype)


def _tests(data: DataSet) -> list[Sample]:
    return [sample for sample in data.samples if sample.split == "test"]
