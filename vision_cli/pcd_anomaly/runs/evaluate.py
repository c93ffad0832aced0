"""Test scans of a data set, scored and measured: ``run`` and ``evaluate``, whole or in shards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from vision_cli.core.command.console import Output, Table
from vision_cli.core.command.recorded_options import recorded
from vision_cli.core.command.verbs import Done, Shown
from vision_cli.core.compute.benchmark import read_table
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.core.runs.runs import Run
from vision_cli.pcd_anomaly.data.layouts import DataSet, Sample, read_dataset
from vision_cli.pcd_anomaly.data.scans import load_scan
from vision_cli.pcd_anomaly.evaluation.methods import Contenders
from vision_cli.pcd_anomaly.evaluation.pose_truth import COLUMNS as POSE_COLUMNS
from vision_cli.pcd_anomaly.evaluation.pose_truth import TITLE as POSES_TITLE
from vision_cli.pcd_anomaly.evaluation.pose_truth import PoseCheck, check_pose, pose_measures, poses_table, true_poses
from vision_cli.pcd_anomaly.model.files import read_model
from vision_cli.pcd_anomaly.options import (
    EvaluationOptions,
    EvaluationScans,
    MeasuringOptions,
    PointsFrom,
    ScoringOptions,
    ScoringPlace,
)
from vision_cli.pcd_anomaly.runs import predict
from vision_cli.pcd_anomaly.runs.inputs import find_data
from vision_cli.pcd_anomaly.runs.measuring import MEASURED, measure_run, measures_tables
from vision_cli.pcd_anomaly.runs.report import Finished, counts_of, finished, write_report_page, write_tables
from vision_cli.pcd_anomaly.runs.sample import PARTS
from vision_cli.pcd_anomaly.runs.session import Scoring, find_models, item_name, score_samples
from vision_cli.pcd_anomaly.scoring.features import group_vectors

POSES = "poses.csv"


def scoring_of(
    options: ScoringOptions,
    measuring: MeasuringOptions,
    place: ScoringPlace,
    seed: int,
    scale: float,
    ladder: Path | None = None,
) -> Scoring:
    """Return how scans are scored that are to be measured: their scores are always saved.

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
        contenders=Contenders(measuring.baselines, ladder, measuring.protocol),
    )


def score_tests(run: Run, data: DataSet, models: Mapping[str, Path], scoring: Scoring, output: Output) -> None:
    """Score the test scans of a data set."""
    score_samples(run, _tests(data), models, scoring, output)


def finish(run: RunFiles, entries: Sequence[Entry]) -> None:
    """Write tables, measures and report of scored test scans; of a shard no measures, as it holds a part of them."""
    scoring = recorded(ScoringOptions, run.options)
    scans = finished(run, entries)
    write_tables(run, scans, regions="regions" in scoring.save)
    if run.document["shard"] is None:
        measures = _measure(run, scans)
        write_report_page(run, scans, scoring.save, measured_tables(run.directory), measures)
    else:
        write_report_page(run, scans, scoring.save)


def _measure(run: RunFiles, scans: Finished) -> Mapping[str, float | int | str | None]:
    """Measure all methods and the poses, write the tables of it and ``metrics.json``, and return the measures."""
    where = recorded(EvaluationScans, run.options)
    options = recorded(EvaluationOptions, run.options)
    # Shards of a sample have a copy of it each.
    data = find_data(where, where.test, where.truth) or read_dataset(scans.directories[0] / PARTS)
    measures = measure_run(run, scans, _tests(data), options, run.options["seed"])
    trained = run.options.get("model")
    models = find_models(scans.directories[0] if trained is None else Path(trained))
    checks = _check_poses(scans, data, models, options.points_from, where.scale)
    if checks:
        measures |= pose_measures(checks)
        run.write_csv(POSES, POSE_COLUMNS, poses_table(checks).rows)
    run.write_metrics({**counts_of(scans.entries), **measures})
    return measures


def shown(done: Done) -> Shown:
    """Return the measures; of a shard what was decided."""
    if not (done.directory / MEASURED).is_file():
        return predict.shown(done)
    return measured_tables(done.directory), done.metrics


def measured_tables(directory: Path) -> list[Table]:
    """Return the tables of a measured run, for people."""
    tables = measures_tables(directory)
    if (directory / POSES).is_file():
        tables.append(read_table(directory / POSES, POSES_TITLE))
    return tables


def _tests(data: DataSet) -> list[Sample]:
    return [sample for sample in data.samples if sample.split == "test"]


def _check_poses(
    scans: Finished, data: DataSet, models: Mapping[str, Path], points_from: PointsFrom, scale: float
) -> list[PoseCheck]:
    """Compare the poses of scans with the truth, where the data set knows it."""
    by_item = {item_name(sample): sample for sample in _tests(data)}
    checks: list[PoseCheck] = []
    for name in data.class_names:
        model = read_model(models[name], describe=group_vectors) if name in models else None
        known = None if model is None else true_poses(data, name, scale)
        if model is None or known is None:
            continue
        for entry, _, document in scans.documents():
            sample = by_item[entry.id]
            if sample.class_name == name and sample.name in known:
                points = load_scan(sample, points_from).points * scale
                found = np.asarray(document["registration"]["scan_to_reference"], dtype=np.float64)
                status = str(entry.row["reg_status"])
                checks.append(check_pose(name, points, found, known[sample.name], model, status))
    return checks
