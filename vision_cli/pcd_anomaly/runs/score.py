"""Scoring of scans one by one: the shared work of ``predict``, ``run`` and ``evaluate``.

Each scan is an item of the run: a scan that fails is named in ``failures.csv`` and the others go on, and an interrupted
run resumes at the next scan and ends with the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import memory_within, peak_memory_mb
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import LoadedScan, load_scan
from vision_cli.pcd_anomaly.model.files import read_model
from vision_cli.pcd_anomaly.model.model import Model
from vision_cli.pcd_anomaly.options import Place, PointsFrom, PoseOptions, RegistrationMode, Selection
from vision_cli.pcd_anomaly.pipeline.chunking import rows_within
from vision_cli.pcd_anomaly.pipeline.inspection import Inspection, inspect
from vision_cli.pcd_anomaly.pipeline.pipeline import MethodScorer, Result, observe, score
from vision_cli.pcd_anomaly.runs.documents import DEVIATION, METHODS, PICTURES, SCORES, ScanDocument, write_document
from vision_cli.pcd_anomaly.runs.inputs import model_directory
from vision_cli.pcd_anomaly.scoring.regions import Regions
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, invert, transform

MakeScorers = Callable[[str, Model], Mapping[str, MethodScorer]]
"""Makes the scorers of the methods that are compared, by name, for a class and its model."""


def _no_scorers(_class_name: str, _model: Model) -> Mapping[str, MethodScorer]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How scans are scored and what is written of them.

    Attributes
    ----------
    agcs, registration, seed
        As for `vision_cli.pcd_anomaly.pipeline.pipeline.predict`.
    init
        ``(4, 4)`` from the scan to the coordinates of the first prototype; the identity by default.
    save
        Which of ``scores``, ``ply``, ``regions`` and ``png``.
    scale
        Factor on the coordinates of scans, to bring them to the unit of the prototypes.
    points_from
        File that the points of defective scans are read from.
    place
        Device, weights and memory limit.
    scorers
        Makes the scorers of other methods; none by default.
    tolerance
        Largest deviation that passes an inspection; None for no inspection.
    decide_weak
        Whether scans of a weak pose are decided on.
    """

    agcs: Selection
    seed: int
    save: frozenset[str]
    scale: float
    place: Place
    registration: RegistrationMode = PoseOptions.registration
    init: Pose | None = None
    points_from: PointsFrom = "scan"
    scorers: MakeScorers = _no_scorers
    tolerance: float | None = None
    decide_weak: bool = False


def score_samples(
    run: Run,
    samples: Sequence[Sample],
    models: Mapping[str, Path],
    scoring: Scoring,
    output: Output,
) -> None:
    """Score the scans that are not done yet and write their files.

    Parameters
    ----------
    run
        The open run.
    samples
        All scans.
    models
        Directory of the model of each class.
    scoring
        Settings.
    output
        Where progress is shown.
    """
    loaded: dict[str, tuple[Model, Mapping[str, MethodScorer]]] = {}

    def load(sample: Sample) -> None:
        if sample.class_name not in loaded:
            # One class at a time: models are large.
            loaded.clear()
            model = read_model(model_directory(models, sample), scoring.place.weights, scoring.place.device)
            loaded[sample.class_name] = (model, scoring.scorers(sample.class_name, model))
            if model.limit.is_guess:
                run.warn(
                    f"{sample.class_name}: the limit of scans is a guess, for the model knows no scan of a good part."
                )

    def work(sample: Sample) -> dict[str, object]:
        with memory_within(scoring.place.max_memory):
            row, result = _score_one(run, sample, *loaded[sample.class_name], scoring)
        decision, status = result.decision, result.registration.status
        output.detail(f"{sample.item}: {decision}, score {result.score:.2f}, {status}")
        return row

    run.each(
        samples, work, name=lambda sample: sample.item, what="scans", output=output, before=load, is_stale=_has_changed
    )


def _has_changed(sample: Sample, entry: Entry) -> bool:
    """Return whether the file of a scored scan has changed since."""
    return not sample.path.is_file() or entry.row["sha256"] != sha256(sample.path)


def _score_one(
    run: Run,
    sample: Sample,
    model: Model,
    scorers: Mapping[str, MethodScorer],
    scoring: Scoring,
) -> tuple[dict[str, object], Result]:
    """Score a scan by the model and the compared methods, write its files, and return its row and result."""
    scan = load_scan(sample, scoring.points_from)
    for note in scan.notes:
        run.log(f"{sample.item}: {note}")
    rows = rows_within(scoring.place.max_memory, sample.path, len(scan.points), len(model.memory.vectors))
    points = scan.points * scoring.scale
    start = invert(model.to_prototype) @ (np.eye(4) if scoring.init is None else scoring.init)
    seen = observe(model.reference, points, seed=scoring.seed, registration=scoring.registration, init=start)
    result = score(model, seen, scoring.agcs, rows=rows, decide_weak=scoring.decide_weak)
    inspection = None if scoring.tolerance is None else inspect(model.reference, seen, scoring.tolerance)
    row = _row(sample, scan, result, inspection)
    for name, scorer in scorers.items():
        scored = scorer(seen)
        row[f"score {name}"] = scored.score
        _write_array(run, f"{METHODS}/{name}/{sample.item}.npy", scored.points)
    _write_scan(run, sample.item, points, model, result, inspection, scoring.save)
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.seconds.items())
    run.log(f"{sample.item}: {times}; peak {peak_memory_mb():.0f} MB")
    return row, result


def _row(sample: Sample, scan: LoadedScan, result: Result, inspection: Inspection | None) -> dict[str, object]:
    found, seen = result.registration, result.observation
    return {
        "class": sample.class_name,
        "sample": sample.name,
        "path": str(sample.path),
        "sha256": sha256(sample.path),
        "n_points": len(scan.points),
        "n_invalid": seen.n_invalid,
        "n_outliers": seen.n_outliers,
        "score": result.score,
        "p_value": result.p_value if math.isfinite(result.p_value) else None,
        "threshold": result.threshold,
        "decision": result.decision,
        "reg_status": found.status,
        "reg_fitness": found.verification.fitness,
        "reg_rmse": found.verification.rmse,
        **({} if inspection is None else inspection_row(inspection)),
    }


def inspection_row(inspection: Inspection) -> dict[str, object]:
    """Return the cells of an inspection in the table of results; unknown deviations are None."""
    largest = inspection.largest
    return {
        "inspection": inspection.verdict,
        "tolerance": inspection.tolerance,
        "beyond_share": inspection.share_beyond if math.isfinite(inspection.share_beyond) else None,
        "largest_deviation": largest if math.isfinite(largest) else None,
    }


def _write_array(run: Run, name: str, values: NDArray[np.float32]) -> None:
    # By way of memory: numpy hides the system's message when the disk is full.
    content = BytesIO()
    np.save(content, values)
    with run.output(name) as path:
        path.write_bytes(content.getbuffer())


def _write_scan(
    run: Run,
    item: str,
    points: NDArray[np.float64],
    model: Model,
    result: Result,
    inspection: Inspection | None,
    save: frozenset[str],
) -> None:
    regions = result.regions
    if "scores" in save:
        _write_array(run, f"{SCORES}/{item}.npy", result.scores)
    write_document(run, _document(item, result, regions, model.to_prototype, inspection))
    if inspection is not None and "scores" in save:
        _write_array(run, f"{SCORES}/{item}{DEVIATION}.npy", inspection.deviation)
    if "ply" in save:
        from vision_cli.pcd_anomaly.figures.figures import write_scored_ply

        deviation = None if inspection is None else inspection.deviation
        with run.output(f"{SCORES}/{item}.ply") as path:
            write_scored_ply(path, points, result.scores, result.place_threshold, regions, deviation)
    if "png" in save:
        _draw(run, item, points, model, result, regions, inspection)


def _draw(
    run: Run,
    item: str,
    points: NDArray[np.float64],
    model: Model,
    result: Result,
    regions: Regions,
    inspection: Inspection | None,
) -> None:
    """Draw a scan that is not normal, and the map of its deviations if it was inspected."""
    from vision_cli.pcd_anomaly.figures.figures import draw_scan
    from vision_cli.pcd_anomaly.figures.scales import deviation_scale, score_scale

    status = result.registration.status
    reference = None
    if status != "failed":
        reference = transform(invert(result.registration.pose), model.reference.level.surface.points)
    pose = f"pose {status}" + (", check it by eye" if status == "weak" else "")
    if result.decision != "normal":
        title = f"{item}: {result.decision}, score {result.score:.3g}, limit {result.threshold:.3g}, {pose}"
        with run.output(f"{PICTURES}/{item}.png") as path:
            draw_scan(
                path,
                points,
                result.scores,
                score_scale(result.scores, result.place_threshold),
                title,
                regions=regions,
                reference=reference,
                towards=result.towards,
            )
    if inspection is not None:
        beyond = f"{100 * inspection.share_beyond:.2g} % beyond"
        title = (
            f"{item}: {inspection.verdict} at ±{inspection.tolerance:.4g}, {beyond}, largest "
            f"{inspection.largest:+.3g} ± {inspection.uncertainty:.2g}, {pose}"
        )
        with run.output(f"{PICTURES}/{item}{DEVIATION}.png") as path:
            draw_scan(
                path,
                points,
                inspection.deviation,
                deviation_scale(inspection.deviation, inspection.tolerance),
                title,
                reference=reference,
                towards=result.towards,
            )


def _document(
    item: str, result: Result, regions: Regions, to_prototype: Pose, inspection: Inspection | None
) -> ScanDocument:
    found, seen = result.registration, result.observation
    return ScanDocument(
        item,
        result.score,
        result.p_value,
        result.threshold,
        result.decision,
        result.place_threshold,
        seen.n_invalid,
        seen.n_outliers,
        seen.outlier_distance,
        found.status,
        found.verification.fitness,
        found.verification.blocking,
        found.verification.unseen,
        found.verification.rmse,
        found.margin,
        to_prototype @ found.pose,
        regions.found,
        None if inspection is None else _described(inspection),
    )


def _described(inspection: Inspection) -> dict[str, object]:
    """Return an inspection as its JSON document names it, without the deviations of the points."""
    row = inspection_row(inspection)
    return {
        "verdict": inspection.verdict,
        **{name: row[name] for name in ("tolerance", "beyond_share", "largest_deviation")},
        "unclear_share": inspection.share_unclear,
        "uncertainty": inspection.uncertainty,
        "largest_at": list(inspection.place),
        "compared_share": inspection.compared,
    }
