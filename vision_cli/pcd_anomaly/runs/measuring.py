"""Measuring what a run has scored: every method on the same scans and poses; tables of it, and what it must reach."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Table
from vision_cli.core.compute.benchmark import BAR_COLUMNS, read_table
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import load_scan
from vision_cli.pcd_anomaly.evaluation.ablation import RUNGS, ladder_bars
from vision_cli.pcd_anomaly.evaluation.measures import (
    COLUMNS,
    ClassMeasures,
    ScoredScan,
    label_regions,
    mean_of,
    measure_class,
)
from vision_cli.pcd_anomaly.evaluation.methods import METHODS, method_names
from vision_cli.pcd_anomaly.options import OURS, EvaluationOptions, PointsFrom, Protocol
from vision_cli.pcd_anomaly.runs.report import Finished
from vision_cli.pcd_anomaly.runs.session import SCORES, class_generator, item_name

MEASURED = "metrics.csv"
_REGION_GAP = 1 / 60
_LEAD = ("o_auroc_lead", "o_auroc_lead_low", "o_auroc_lead_high")
_ALL_COLUMNS = ("method", *COLUMNS, *_LEAD)
_SHOWN = ("method", "class", "o_auroc", "o_auroc_low", "o_auroc_high", "p_auroc", "p_auroc_low", "p_auroc_high")
_COUNTS = ("aupro@0.3", "f1_max", "n_good", "n_defect", "n_reg_failed")


@dataclass(frozen=True)
class _Truth:
    """What is true of a scan, and how its pose was found."""

    item: str
    name: str
    is_defective: bool
    labels: NDArray[np.uint8] | None
    regions: NDArray[np.int64] | None
    status: str


def measure_run(
    run: RunFiles, scored: Finished, samples: Sequence[Sample], options: EvaluationOptions, seed: int
) -> dict[str, float | int | str | None]:
    """Measure what was scored, class by class; write ``metrics.csv`` and return the measures by flat names.

    Parameters
    ----------
    run
        Where the table goes.
    scored
        What became of the scans, with their scores saved.
    samples
        The scans.
    options
        How they are measured, and beside what.
    seed
        Of the bootstrap.
    """
    rows_of = {entry.id: entry.row for entry in scored.entries if entry.error is None}
    homes = {entry.id: home for entry, home in zip(scored.entries, scored.directories, strict=True)}
    methods = (OURS, *method_names(options))
    measured: dict[str, list[ClassMeasures]] = {method: [] for method in methods}
    classes = sorted({sample.class_name for sample in samples})
    for name in classes:
        chosen = [s for s in samples if s.class_name == name and item_name(s) in rows_of]
        truths = [
            found for s in chosen if (found := _truth_of(s, options.points_from, rows_of[item_name(s)])) is not None
        ]
        for method in methods:
            interrupts.check()
            scans = _scored(homes, truths, method, rows_of, options.protocol)
            # The same random numbers for every method, so that its resamples are the same scans.
            measured[method].append(measure_class(name, scans, options.resamples, class_generator(seed, name)))
        run.log(f"{name}: measured")
    for of_classes in measured.values():
        of_classes.append(mean_of(of_classes))
    table = [
        (method, *one.row(), *_lead(one, ours))
        for method, of_classes in measured.items()
        for one, ours in zip(of_classes, measured[OURS], strict=True)
    ]
    run.write_csv(MEASURED, _ALL_COLUMNS, table)
    flat: dict[str, float | int | str | None] = {}
    for method, of_classes in measured.items():
        for one in of_classes:
            for key, value in one.values.items():
                flat[f"{method}/{one.class_name}/{key}"] = None if math.isnan(value) else value
            flat[f"{method}/{one.class_name}/n_reg_failed"] = one.n_reg_failed
    return flat


def measures_tables(directory: Path) -> list[Table]:
    """Return the tables of a measured run, for people: measures, leads over other methods, bars of the ladder."""
    found = read_table(directory / MEASURED)
    rows = [dict(zip(found.columns, cells, strict=True)) for cells in found.rows]
    shown = (*_SHOWN, *_COUNTS)
    tables = [Table(shown, [[row[name] for name in shown] for row in rows], "measures")]
    means = {str(row["method"]): row for row in rows if row["class"] == "mean"}
    others = [name for name in means if name != OURS]
    if others:
        leads = [[name, *(means[name][column] for column in _LEAD)] for name in others]
        tables.append(Table(("method", "O-AUROC of ours less its", "low", "high"), leads, "ours beside the others"))
    if set(RUNGS) <= set(means):
        numbers = {
            name: {key: _number(means[name][key]) for key in ("o_auroc", "aupro_small@0.3")} for name in (*RUNGS, OURS)
        }
        bars = ladder_bars(numbers, numbers[OURS])
        tables.append(Table(BAR_COLUMNS, [bar.cells() for bar in bars], "what each step must bring"))
    return tables


def _number(cell: object) -> float:
    return float(cell) if isinstance(cell, int | float) else math.nan


def _lead(one: ClassMeasures, ours: ClassMeasures) -> tuple[float | None, ...]:
    """Give how far ours is ahead of a method, with the interval over paired resamples; nothing for ours itself."""
    if one is ours:
        return (None, None, None)
    values = (ours.values["o_auroc"] - one.values["o_auroc"], *ours.interval("o_auroc", one))
    return tuple(value if math.isfinite(value) else None for value in values)


def _truth_of(sample: Sample, points_from: PointsFrom, row: Mapping[str, object]) -> _Truth | None:
    """Read the truth of a scan; None where nothing is known of it."""
    scan = load_scan(sample, points_from)
    is_defective = scan.is_defective if scan.is_defective is not None else sample.is_defective
    if is_defective is None:
        return None
    labels = scan.labels
    if labels is None and not is_defective:
        labels = np.zeros(len(scan.points), dtype=np.uint8)
    regions = None
    if labels is not None:
        extent = float(np.nanmax(np.ptp(scan.points[np.isfinite(scan.points).all(axis=1)], axis=0)))
        regions = label_regions(scan.points, labels, _REGION_GAP * extent)
    return _Truth(item_name(sample), sample.name, is_defective, labels, regions, str(row["reg_status"]))


def _scored(
    homes: Mapping[str, Path],
    truths: Sequence[_Truth],
    method: str,
    rows_of: Mapping[str, Mapping[str, object]],
    protocol: Protocol,
) -> list[ScoredScan]:
    """Give what a method said of the scans of a class."""
    folder, column = (SCORES, "score") if method == OURS else (f"{METHODS}/{method}", f"score {method}")
    points = [np.load(homes[truth.item] / folder / f"{truth.item}.npy", allow_pickle=False) for truth in truths]
    scores = [float(str(rows_of[truth.item][column])) for truth in truths]
    if protocol == "reg3d":
        points, scores = fuse_over_test_set([np.atleast_2d(one) for one in points])
    return [
        ScoredScan(truth.name, truth.is_defective, score, truth.labels, np.ravel(one), truth.regions, truth.status)
        for truth, one, score in zip(truths, points, scores, strict=True)
    ]


def fuse_over_test_set(
    scans: Sequence[NDArray[np.float32]],
) -> tuple[list[NDArray[np.float32]], list[float]]:
    """Fuse scores as the code of Reg3D-AD does: each bank's over their range in the test set, then the mean.

    It needs all test scans first, so it measures, and never decides about a scan in production.

    Parameters
    ----------
    scans
        Scores of the points of each scan, ``(C, N)``.

    Returns
    -------
    points
        ``(N,)`` of each scan, 0 to 1.
    scores
        Of the scans: of each bank the highest, fused in the same way.
    """
    if not scans:
        return [], []
    highest = np.array([[_most(row) for row in one] for one in scans])
    lows = np.min([np.nanmin(one, axis=1) for one in scans], axis=0)
    spans = np.maximum(np.nanmax(highest, axis=0) - lows, 1e-12)
    points = [((one - lows[:, None]) / spans[:, None]).mean(axis=0).astype(np.float32) for one in scans]
    least = np.nanmin(highest, axis=0)
    spans = np.maximum(np.nanmax(highest, axis=0) - least, 1e-12)
    return points, [float(value) for value in ((highest - least) / spans).mean(axis=1)]


def _most(scores: NDArray[np.float32]) -> float:
    return float(np.nanmax(scores))
