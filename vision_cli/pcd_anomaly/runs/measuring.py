"""Measuring of a scored run: every method on the same scans and poses, the tables, and the required values."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Table
from vision_cli.core.compute.benchmark import BAR_COLUMNS, read_table
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import LoadedScan, load_scan
from vision_cli.pcd_anomaly.evaluation.ablation import ABLATION_STEPS, ablation_bars
from vision_cli.pcd_anomaly.evaluation.measures import (
    COLUMNS,
    ClassMeasures,
    ScoredScan,
    fuse_over_test_set,
    label_regions,
    mean_of,
    measure_class,
)
from vision_cli.pcd_anomaly.evaluation.pose_truth import PoseCheck, PoseTruth, check_pose
from vision_cli.pcd_anomaly.options import OURS, EvaluationOptions, Protocol
from vision_cli.pcd_anomaly.runs.documents import METHODS, SCORES, FinishedScan
from vision_cli.pcd_anomaly.runs.inputs import class_generator

MEASURED = "metrics.csv"
_REGION_GAP = 1 / 60
"""Share of the largest extent of a scan within which defective points belong to one defect."""

_LEAD = ("o_auroc_lead", "o_auroc_lead_low", "o_auroc_lead_high")
_ALL_COLUMNS = ("method", *COLUMNS, *_LEAD)
_SHOWN = ("method", "class", "o_auroc", "o_auroc_low", "o_auroc_high", "p_auroc", "p_auroc_low", "p_auroc_high")
_COUNTS = ("aupro@0.3", "f1_max", "n_good", "n_defect", "n_reg_failed")

Measures = dict[str, float | int | str | None]


@dataclass(frozen=True)
class _Truth:
    """Ground truth of a scan of known truth, with its run files."""

    scan: FinishedScan
    name: str
    is_defective: bool
    labels: NDArray[np.uint8] | None
    regions: NDArray[np.int64] | None
    status: str


def measure_run(
    run: RunFiles,
    scans: Sequence[FinishedScan],
    samples: Sequence[Sample],
    options: EvaluationOptions,
    seed: int,
    scale: float,
    pose_truth: Callable[[str], PoseTruth | None],
) -> tuple[Measures, list[PoseCheck]]:
    """Measure the scores and the poses of a run, class by class, and write ``metrics.csv``.

    Every scan is loaded once, for its truth and for its pose.

    Parameters
    ----------
    run
        Where the table is written.
    scans
        Finished scans, with their scores saved.
    samples
        The same scans in the data set.
    options
        Protocol and compared methods.
    seed
        Seed of the bootstrap.
    scale
        Factor on the coordinates of scans.
    pose_truth
        Returns the true poses of a class; None where they are unknown.

    Returns
    -------
    measures
        Measures of the scores by flat names.
    poses
        Checks of the poses whose truth is known.
    """
    scored = {scan.entry.id: scan for scan in scans if scan.document is not None}
    methods = (OURS, *options.baselines, *(ABLATION_STEPS if options.ablate else ()))
    measured: dict[str, list[ClassMeasures]] = {method: [] for method in methods}
    poses: list[PoseCheck] = []
    for name in sorted({sample.class_name for sample in samples}):
        known_poses = pose_truth(name)
        truths = []
        for sample in samples:
            if sample.class_name != name or sample.item not in scored:
                continue
            scan = scored[sample.item]
            assert scan.document is not None
            loaded = load_scan(sample, options.points_from)
            if (truth := _truth_of(scan, sample, loaded, scan.document.status)) is not None:
                truths.append(truth)
            if known_poses is not None and sample.name in known_poses.poses:
                found, status = scan.document.scan_to_reference, scan.document.status
                poses.append(check_pose(known_poses, sample.name, loaded.points * scale, found, status))
        for method in methods:
            interrupts.check()
            # The same random numbers for every method, so that all have the same resamples.
            generator = class_generator(seed, name)
            class_scans = _scored_scans(truths, method, options.protocol)
            measured[method].append(measure_class(name, class_scans, options.resamples, generator))
        run.log(f"{name}: measured")
    for of_classes in measured.values():
        of_classes.append(mean_of(of_classes))
    table = [
        (method, *one.row(), *_lead(one, ours))
        for method, of_classes in measured.items()
        for one, ours in zip(of_classes, measured[OURS], strict=True)
    ]
    run.write_csv(MEASURED, _ALL_COLUMNS, table)
    flat: Measures = {}
    for method, of_classes in measured.items():
        for one in of_classes:
            for key, value in one.values.items():
                flat[f"{method}/{one.class_name}/{key}"] = None if math.isnan(value) else value
            flat[f"{method}/{one.class_name}/n_reg_failed"] = one.n_reg_failed
    return flat, poses


def measures_tables(directory: Path) -> list[Table]:
    """Return the tables of a measured run for people: measures, leads over other methods, bars of the ablation."""
    found = read_table(directory / MEASURED)
    rows = [dict(zip(found.columns, cells, strict=True)) for cells in found.rows]
    shown = (*_SHOWN, *_COUNTS)
    tables = [Table(shown, [[row[name] for name in shown] for row in rows], "measures")]
    means = {str(row["method"]): row for row in rows if row["class"] == "mean"}
    others = [name for name in means if name != OURS]
    if others:
        leads = [[name, *(means[name][column] for column in _LEAD)] for name in others]
        tables.append(Table(("method", "O-AUROC of ours less its", "low", "high"), leads, "ours beside the others"))
    if set(ABLATION_STEPS) <= set(means):
        numbers = {
            name: {key: _number(means[name][key]) for key in ("o_auroc", "aupro_small@0.3")}
            for name in (*ABLATION_STEPS, OURS)
        }
        bars = ablation_bars(numbers, numbers[OURS])
        tables.append(Table(BAR_COLUMNS, [bar.cells() for bar in bars], "what each step must bring"))
    return tables


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else math.nan


def _lead(one: ClassMeasures, ours: ClassMeasures) -> tuple[float | None, ...]:
    """Return the lead of ours over a method, with its interval over paired resamples; Nones for ours itself."""
    if one is ours:
        return (None, None, None)
    values = (ours.values["o_auroc"] - one.values["o_auroc"], *ours.interval("o_auroc", one))
    return tuple(value if math.isfinite(value) else None for value in values)


def _truth_of(scan: FinishedScan, sample: Sample, loaded: LoadedScan, status: str) -> _Truth | None:
    """Return the ground truth of a scan; None if nothing is known of it."""
    is_defective = loaded.is_defective if loaded.is_defective is not None else sample.is_defective
    if is_defective is None:
        return None
    labels = loaded.labels
    if labels is None and not is_defective:
        labels = np.zeros(len(loaded.points), dtype=np.uint8)
    regions = None
    if labels is not None:
        extent = float(np.nanmax(np.ptp(loaded.points[np.isfinite(loaded.points).all(axis=1)], axis=0)))
        regions = label_regions(loaded.points, labels, _REGION_GAP * extent)
    return _Truth(scan, sample.name, is_defective, labels, regions, status)


def _scored_scans(truths: Sequence[_Truth], method: str, protocol: Protocol) -> list[ScoredScan]:
    """Return the scores of a method for the scans of a class, with their truth."""
    folder, column = (SCORES, "score") if method == OURS else (f"{METHODS}/{method}", f"score {method}")
    points, scores = [], []
    for truth in truths:
        entry = truth.scan.entry
        points.append(np.load(truth.scan.directory / folder / f"{entry.id}.npy", allow_pickle=False))
        scores.append(entry.number(column))
    if protocol == "reg3d":
        points, scores = fuse_over_test_set([np.atleast_2d(one) for one in points])
    return [
        ScoredScan(truth.name, truth.is_defective, score, truth.labels, np.ravel(one), truth.regions, truth.status)
        for truth, one, score in zip(truths, points, scores, strict=True)
    ]
