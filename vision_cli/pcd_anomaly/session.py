"""Runs of the task: training every class of a data set, scoring scans one by one, and measuring what was scored.

Each scan is an item of the run: a scan that fails is named in ``failures.csv`` and the others go on, and a run that was
interrupted goes on at the next scan with the same bytes in the end.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.console import Output, Table
from vision_cli.core.errors import InputError
from vision_cli.core.runs import Run
from vision_cli.core.shards import Shard
from vision_cli.pcd_anomaly.agcs import Selection
from vision_cli.pcd_anomaly.baselines import BaselineModel, fit_baseline, score_places
from vision_cli.pcd_anomaly.calibration import scan_score
from vision_cli.pcd_anomaly.data import LoadedScan, load_prototype, load_scan
from vision_cli.pcd_anomaly.evaluation import COLUMNS, ScoredScan, label_regions, mean_of, measure_class
from vision_cli.pcd_anomaly.geometry import Pose, canonical_order, transform
from vision_cli.pcd_anomaly.layouts import DataSet, Sample
from vision_cli.pcd_anomaly.learning import Model, Options, train
from vision_cli.pcd_anomaly.models import DESCRIPTION, NUMBERS, describe, numbers, read_model
from vision_cli.pcd_anomaly.pipeline import RegistrationMode, Result, predict
from vision_cli.pcd_anomaly.regions import REGION_COLUMNS, Regions, find_regions
from vision_cli.pcd_anomaly.registration import place, prepare_scan
from vision_cli.pcd_anomaly.residuals import scan_surface
from vision_cli.pcd_anomaly.scoring import spread_to_points

MODELS = "models"
RESULT_COLUMNS = (
    "class",
    "sample",
    "path",
    "n_points",
    "n_invalid",
    "score",
    "p_value",
    "threshold",
    "decision",
    "reg_status",
    "reg_fitness",
    "reg_rmse",
    *(f"T{row}{column}" for row in range(3) for column in range(4)),
)
_REGION_GAP = 1 / 60


@dataclass(frozen=True)
class Scoring:
    """How scans are scored and what is written of them.

    Attributes
    ----------
    agcs, registration, init, seed
        As for `predict`.
    save
        Which of ``scores``, ``ply``, ``regions`` and ``png``.
    scale
        What coordinates of scans are multiplied by, to bring them to the unit of the prototypes.
    """

    agcs: Selection = "relative"
    registration: RegistrationMode = "auto"
    init: Pose | None = None
    seed: int = 0
    save: frozenset[str] = frozenset({"scores", "regions"})
    scale: float = 1.0


def train_classes(run: Run, data: DataSet, options: Options, seed: int, output: Output) -> None:
    """Train every class of a data set that has no model in the run yet, and write the models.

    Raises
    ------
    InputError
        If the prototypes of a class cannot be used.
    """
    with output.progress("classes", len(data.class_names)) as progress:
        for name in data.class_names:
            home = f"{MODELS}/{name}"
            if not (run.directory / home / DESCRIPTION).is_file():
                started = time.process_time()
                prototypes = [load_prototype(sample) for sample in data.of(name, "train")]
                model = train(prototypes, options, class_generator(seed, name), output.detail)
                for warning in model.warnings:
                    run.warn(f"{name}: {warning}")
                with run.output(f"{home}/{NUMBERS}") as path:
                    path.write_bytes(numbers(model))
                # The description comes last: where it is, the model is whole.
                run.write_json(f"{home}/{DESCRIPTION}", describe(model))
                output.info(
                    f"{name}: trained on {len(prototypes)} prototypes, {time.process_time() - started:.0f} CPU s"
                )
            progress.advance(note=name)


def class_generator(seed: int, name: str) -> np.random.Generator:
    """Give the random numbers of a class: the same whatever other classes there are."""
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def find_models(directory: Path) -> dict[str, Path]:
    """Return the models of a training run by class.

    Raises
    ------
    InputError
        If there is none.
    """
    found = {path.parent.name: path.parent for path in sorted((directory / MODELS).glob(f"*/{DESCRIPTION}"))}
    if not found:
        raise InputError(
            f"{directory}: no trained model found; a run of `vcli pcd-anomaly train` expected.",
            hint="Train first.",
        )
    return found


def score_samples(
    run: Run,
    samples: Sequence[Sample],
    models: Mapping[str, Path],
    scoring: Scoring,
    output: Output,
    shard: Shard | None = None,
) -> None:
    """Score scans that are not done yet and write what was asked for.

    Parameters
    ----------
    run
        Where the results go.
    samples
        All scans.
    models
        Directory of the model of each class.
    scoring
        How.
    output
        Where progress is shown.
    shard
        The part of the scans to do.
    """
    mine = list(enumerate(samples)) if shard is None else shard.take(list(enumerate(samples)))
    done = run.items.done
    loaded: tuple[str, Model] | None = None
    with output.progress("scans", len(mine)) as progress:
        for position, sample in mine:
            item = item_name(sample)
            if item not in done:
                with run.attempt(item, position) as row:
                    if loaded is None or loaded[0] != sample.class_name:
                        loaded = (sample.class_name, read_model(_model_of(models, sample)))
                    scan = load_scan(sample)
                    points = scan.points * scoring.scale
                    result = predict(
                        loaded[1],
                        points,
                        seed=scoring.seed,
                        agcs=scoring.agcs,
                        registration=scoring.registration,
                        init=scoring.init,
                    )
                    row.update(_row(sample, scan, result))
                    _write_scan(run, item, points, result, scoring.save)
                    output.detail(f"{item}: {result.decision}, score {result.score:.2f}, {result.registration.status}")
            progress.advance(note=item)


def item_name(sample: Sample) -> str:
    """Name a scan uniquely in a run."""
    return f"{sample.class_name}/{sample.name}"


def finish_results(run: Run) -> dict[str, float | int]:
    """Write the tables over all scans of a run and return its counts."""
    run.finish_items()
    entries = [entry for entry in run.items.entries if entry.error is None]
    run.write_csv(
        "results.csv", RESULT_COLUMNS, [[entry.row.get(name) for name in RESULT_COLUMNS] for entry in entries]
    )
    decisions = [entry.row["decision"] for entry in entries]
    statuses = [entry.row["reg_status"] for entry in entries]
    counts: dict[str, float | int] = {
        "n_scans": len(entries),
        "n_failures": len(run.items.entries) - len(entries),
        "n_anomalous": decisions.count("anomalous"),
        "n_undetermined": decisions.count("undetermined"),
        "n_reg_weak": statuses.count("weak"),
        "n_reg_failed": statuses.count("failed"),
    }
    run.write_metrics(counts)
    return counts


def measure_run(
    run: Run,
    samples: Sequence[Sample],
    models: Mapping[str, Path],
    methods: Sequence[str],
    resamples: int,
    seed: int,
    output: Output,
) -> None:
    """Measure what `score_samples` scored beside baselines on the same poses; write ``metrics.{csv,json}``.

    Parameters
    ----------
    run
        A run whose scans are scored, with their ``scores`` saved.
    samples, models
        As for `score_samples`.
    methods
        ``ours`` and names of baselines.
    resamples
        Of the bootstrap.
    seed
        Of the bootstrap.
    output
        Where progress is shown.
    """
    rows_of = {entry.id: entry.row for entry in run.items.entries if entry.error is None}
    table: list[tuple[object, ...]] = []
    flat: dict[str, float | int | str | None] = {}
    classes = sorted({sample.class_name for sample in samples})
    for method in methods:
        measured = []
        for name in classes:
            chosen = [sample for sample in samples if sample.class_name == name and item_name(sample) in rows_of]
            generator = class_generator(seed, name)
            scans = [
                scan for scan in _scored(run, chosen, rows_of, method, models.get(name), output) if scan is not None
            ]
            measured.append(measure_class(name, scans, resamples, generator))
        measured.append(mean_of(measured))
        table += [(method, *one.row()) for one in measured]
        for one in measured:
            for key, value in one.values.items():
                flat[f"{method}/{one.class_name}/{key}"] = None if math.isnan(value) else value
            flat[f"{method}/{one.class_name}/n_reg_failed"] = one.n_reg_failed
    run.write_csv("metrics.csv", ("method", *COLUMNS), table)
    run.write_metrics(flat)


def measures_table(directory: Path) -> Table:
    """Return the table of a measured run, for people."""
    from vision_cli.io.tables import read_csv_table

    rows = read_csv_table(directory / "metrics.csv", ())
    shown = ("method", "class", "o_auroc", "p_auroc", "aupro@0.3", "f1_max", "n_good", "n_defect", "n_reg_failed")
    return Table(shown, [[_number(row[name]) for name in shown] for row in rows])


def _number(cell: str) -> object:
    try:
        return float(cell) if "." in cell or "e" in cell else int(cell)
    except ValueError:
        return cell or None


def _scored(
    run: Run,
    samples: Sequence[Sample],
    rows_of: Mapping[str, Mapping[str, object]],
    method: str,
    model: Path | None,
    output: Output,
) -> list[ScoredScan | None]:
    baseline: BaselineModel | None = None
    reference = None
    if method != "ours" and model is not None:
        reference = read_model(model).reference
        baseline = fit_baseline(method, reference)  # type: ignore[arg-type]
    found: list[ScoredScan | None] = []
    with output.progress(method, len(samples)) as progress:
        for sample in samples:
            row = rows_of[item_name(sample)]
            scan = load_scan(sample)
            if baseline is None:
                scores = np.load(run.directory / f"scores/{item_name(sample)}.npy", allow_pickle=False)
                score = float(str(row["score"]))
            else:
                scores, score = _baseline_scores(baseline, scan.points, row)
            found.append(_scored_scan(sample, scan, scores, score, str(row["reg_status"])))
            progress.advance(note=sample.name)
    return found


def _baseline_scores(
    baseline: BaselineModel, points: NDArray[np.float64], row: Mapping[str, object]
) -> tuple[NDArray[np.float32], float]:
    """Score a scan by a baseline at the pose that ours found."""
    pose = np.eye(4)
    pose[:3] = np.array([[float(str(row[f"T{i}{j}"])) for j in range(4)] for i in range(3)])
    finite = points[np.asarray(np.isfinite(points).all(axis=1))]
    finite = finite[canonical_order(finite)]
    reference = baseline.reference
    scan = prepare_scan(finite, reference.diameter / 200)
    placed = place(scan, reference.target, pose, refined=False)
    surface = scan_surface(finite, placed, reference.spacing)
    values = score_places(baseline, surface)
    return spread_to_points(transform(pose, points), surface.points, values), scan_score(values)


def _scored_scan(
    sample: Sample, scan: LoadedScan, scores: NDArray[np.float32], score: float, status: str
) -> ScoredScan | None:
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
    return ScoredScan(sample.name, is_defective, score, labels, scores, regions, status)


def _model_of(models: Mapping[str, Path], sample: Sample) -> Path:
    if sample.class_name in models:
        return models[sample.class_name]
    if len(models) == 1:
        return next(iter(models.values()))
    raise InputError(
        f"{sample.path}: no model of class {sample.class_name}; one of {', '.join(models)} expected.",
        hint="Say which with --class.",
    )


def _row(sample: Sample, scan: LoadedScan, result: Result) -> dict[str, object]:
    found = result.registration
    pose = {f"T{i}{j}": float(found.pose[i, j]) for i in range(3) for j in range(4)}
    return {
        "class": sample.class_name,
        "sample": sample.name,
        "path": str(sample.path),
        "n_points": len(scan.points),
        "n_invalid": result.n_invalid,
        "score": result.score,
        "p_value": None if math.isnan(result.p_value) else result.p_value,
        "threshold": result.threshold,
        "decision": result.decision,
        "reg_status": found.status,
        "reg_fitness": found.verification.fitness,
        "reg_rmse": found.verification.rmse,
        **pose,
    }


def _write_scan(run: Run, item: str, points: NDArray[np.float64], result: Result, save: frozenset[str]) -> None:
    regions = find_regions(points, result.scores, result.place_threshold, deviation=result.deviation)
    if "scores" in save:
        with run.output(f"scores/{item}.npy") as path, path.open("wb") as stream:
            np.save(stream, result.scores)
    run.write_json(f"scores/{item}.json", _document(item, result, regions))
    if "ply" in save:
        from vision_cli.pcd_anomaly.figures import write_scored_ply

        with run.output(f"scores/{item}.ply") as path:
            write_scored_ply(path, points, result.scores, result.place_threshold, regions)
    if "regions" in save:
        run.write_csv(f"regions/{item}.csv", REGION_COLUMNS, [region.row(item) for region in regions.found])
    if "png" in save:
        from vision_cli.pcd_anomaly.figures import draw_scan

        with run.output(f"pictures/{item}.png") as path:
            title = f"{item}: {result.decision}, score {result.score:.2f}"
            draw_scan(path, points, result.scores, result.place_threshold, regions, title, towards=result.towards)


def _document(item: str, result: Result, regions: Regions) -> dict[str, object]:
    found = result.registration
    return {
        "sample": item,
        "score": result.score,
        "p_value": result.p_value,
        "threshold": result.threshold,
        "decision": result.decision,
        "place_threshold": result.place_threshold,
        "n_invalid": result.n_invalid,
        "registration": {
            "status": found.status,
            "fitness": found.verification.fitness,
            "blocking": found.verification.blocking,
            "unseen": found.verification.unseen,
            "rmse": found.verification.rmse,
            "margin": found.margin,
            "scan_to_reference": found.pose.tolist(),
        },
        "regions": [dict(zip(REGION_COLUMNS, region.row(item), strict=True)) for region in regions.found],
    }
