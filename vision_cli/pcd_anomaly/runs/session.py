"""Runs of the task: training every class of a data set, and scoring scans one by one.

Each scan is an item of the run: a scan that fails is named in ``failures.csv`` and the others go on, and a run that was
interrupted goes on at the next scan with the same bytes in the end.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.console import Output
from vision_cli.core.compute.devices import peak_memory_mb
from vision_cli.core.errors import InputError
from vision_cli.core.runs import interrupts
from vision_cli.core.runs.files import sha256
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.runs import Run
from vision_cli.io.points.clouds import Mesh, PointCloud, write_ply
from vision_cli.pcd_anomaly.data.layouts import DataSet, Sample
from vision_cli.pcd_anomaly.data.scans import LoadedScan, load_prototype, load_scan
from vision_cli.pcd_anomaly.evaluation.ablation import train_rungs
from vision_cli.pcd_anomaly.evaluation.methods import METHODS, Contenders, Scorer
from vision_cli.pcd_anomaly.model.descriptors import describer
from vision_cli.pcd_anomaly.model.files import DESCRIPTION, NUMBERS, Weights, description, numbers, read_model
from vision_cli.pcd_anomaly.model.learning import Model, train
from vision_cli.pcd_anomaly.options import (
    Options,
    Place,
    PointsFrom,
    PoseOptions,
    RegistrationMode,
    ScoringPlace,
    Selection,
)
from vision_cli.pcd_anomaly.pipeline.chunking import rows_within
from vision_cli.pcd_anomaly.pipeline.pipeline import Result, observe, score
from vision_cli.pcd_anomaly.scoring.regions import REGION_COLUMNS, Regions, find_regions
from vision_cli.pcd_anomaly.surfaces.bends import describe_bend, sure_bends
from vision_cli.pcd_anomaly.surfaces.geometry import Pose, diameter, invert, transform

MODELS, SCORES, PICTURES = "models", "scores", "pictures"
REFERENCE = "reference.ply"
_MOST_RATIO = 3.0
"""Prototypes whose sizes differ by more than this factor are not in one unit."""


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
        What coordinates of scans are multiplied by, to bring them to the unit of the prototypes.
    points_from
        Where the points of defective scans come from.
    place
        Where models compute.
    contenders
        Methods that score beside the model.
    """

    agcs: Selection
    seed: int
    save: frozenset[str]
    scale: float
    place: ScoringPlace
    registration: RegistrationMode = PoseOptions.registration
    init: Pose | None = None
    points_from: PointsFrom = "scan"
    contenders: Contenders = field(default_factory=Contenders)


def train_classes(
    run: Run, data: DataSet, options: Options, seed: int, output: Output, place: Place, scale: float = 1.0
) -> None:
    """Train every class of a data set that has no model in the run yet, and write the models.

    Parameters
    ----------
    run
        The open run; models go to ``models/CLASS``.
    data
        Its prototypes are trained on.
    options, seed
        Of training.
    output
        Where progress is shown.
    place
        Where models compute.
    scale
        What coordinates of prototypes are multiplied by.

    Raises
    ------
    InputError
        If the prototypes of a class cannot be used.
    MissingError
        If weights cannot be used.
    """

    def on_stage(stage: str) -> None:
        interrupts.check()
        output.detail(stage)

    describe = describer(options.features, place.weights, place.device)
    weights = None if place.weights is None else Weights.of(place.weights)
    with output.progress("classes", len(data.class_names)) as progress:
        for name in data.class_names:
            home = f"{MODELS}/{name}"
            if not (run.directory / home / DESCRIPTION).is_file():
                started = time.process_time()
                prototypes = load_prototypes(data.of(name, "train"), scale)
                model = train(prototypes, options, class_generator(seed, name), on_stage, describe)
                for warning in model.warnings:
                    run.warn(f"{name}: {warning}")
                surface = model.reference.level.surface.moved(model.home)
                with run.output(f"{home}/{REFERENCE}") as path:
                    write_ply(path, surface.points, normals=surface.normals)
                with run.output(f"{home}/{NUMBERS}") as path:
                    path.write_bytes(numbers(model))
                # The description comes last: where it is, the model is whole.
                run.write_json(f"{home}/{DESCRIPTION}", description(model, weights))
                output.info(
                    f"{name}: trained on {len(prototypes)} prototypes, {time.process_time() - started:.0f} CPU s"
                )
            progress.advance(note=name)


def load_prototypes(samples: Sequence[Sample], scale: float = 1.0) -> list[PointCloud | Mesh]:
    """Read the prototypes of a class.

    Raises
    ------
    InputError
        If one cannot be used, or they are not in one unit.
    """
    found: list[PointCloud | Mesh] = []
    sizes: list[float] = []
    for sample in samples:
        one = load_prototype(sample)
        points = one.vertices if isinstance(one, Mesh) else one.points
        points = points[np.asarray(np.isfinite(points).all(axis=1))]
        sizes.append(diameter(points) if len(points) > 3 else math.nan)
        if isinstance(one, Mesh):
            found.append(replace(one, vertices=one.vertices * scale))
        else:
            found.append(replace(one, points=one.points * scale))
    for sample, size in zip(samples, sizes, strict=True):
        if size > _MOST_RATIO * sizes[0] or size < sizes[0] / _MOST_RATIO:
            raise InputError(
                f"{sample.path}: {size:.4g} across, and {samples[0].path.name} is {sizes[0]:.4g}; prototypes of one "
                "size and unit expected.",
                hint="Bring them to one unit, or move the odd one away.",
            )
    return found


def train_ladders(
    run: Run, data: DataSet, models: Mapping[str, Path], seed: int, output: Output, scoring: Scoring
) -> None:
    """Train the ablation's models of every class; see `vision_cli.pcd_anomaly.evaluation.ablation`."""
    with output.progress("ladders", len(data.class_names)) as progress:
        for name in data.class_names:
            prototypes = data.of(name, "train")
            model = read_model(_model_of(models, prototypes[0]), scoring.place.weights, scoring.place.device)
            generator = class_generator(seed, name)

            def load(samples: Sequence[Sample] = prototypes) -> list[PointCloud | Mesh]:
                return load_prototypes(samples, scoring.scale)

            train_rungs(run, name, load, model, generator)
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
    """
    loaded: dict[str, tuple[Model, Mapping[str, Scorer]]] = {}

    def load(sample: Sample) -> None:
        if sample.class_name not in loaded:
            # One class at a time: models are large.
            loaded.clear()
            model = read_model(_model_of(models, sample), scoring.place.weights, scoring.place.device)
            loaded[sample.class_name] = (model, scoring.contenders.scorers(sample.class_name, model))

    def work(sample: Sample) -> dict[str, object]:
        row, result = _score_one(run, sample, *loaded[sample.class_name], scoring)
        decision, status = result.decision, result.registration.status
        output.detail(f"{item_name(sample)}: {decision}, score {result.score:.2f}, {status}")
        return row

    run.each(samples, work, name=item_name, what="scans", output=output, before=load, is_stale=_has_changed)


def _has_changed(sample: Sample, entry: Entry) -> bool:
    """Whether the file of a scored scan is another one now."""
    return not sample.path.is_file() or entry.row["sha256"] != sha256(sample.path)


def item_name(sample: Sample) -> str:
    """Name a scan uniquely in a run."""
    return f"{sample.class_name}/{sample.name}"


def document_of(directory: Path, item: str) -> Path:
    """Return where the document of a scan is, in the directory of a run."""
    return directory / SCORES / f"{item}.json"


def _score_one(
    run: Run,
    sample: Sample,
    model: Model,
    scorers: Mapping[str, Scorer],
    scoring: Scoring,
) -> tuple[dict[str, object], Result]:
    """Score a scan by the model and what stands beside it, write what was asked for, and return its row."""
    item = item_name(sample)
    scan = load_scan(sample, scoring.points_from)
    for note in scan.notes:
        run.log(f"{item}: {note}")
    rows = rows_within(scoring.place.max_memory, sample.path, len(scan.points), len(model.memory.vectors))
    points = scan.points * scoring.scale
    start = invert(model.home) @ (np.eye(4) if scoring.init is None else scoring.init)
    seen = observe(model.reference, points, seed=scoring.seed, registration=scoring.registration, init=start)
    result = score(model, seen, scoring.agcs, rows=rows)
    row = _row(sample, scan, result)
    for name, scorer in scorers.items():
        scored = scorer(seen)
        row[f"score {name}"] = scored.score
        _write_array(run, f"{METHODS}/{name}/{item}.npy", scored.points)
    _write_scan(run, item, points, model, result, scoring.save)
    times = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in result.seconds.items())
    run.log(f"{item}: {times}; peak {peak_memory_mb():.0f} MB")
    return row, result


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
        "p_value": _known(result.p_value),
        "threshold": result.threshold,
        "decision": result.decision,
        "reg_status": found.status,
        "reg_fitness": found.verification.fitness,
        "reg_rmse": found.verification.rmse,
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _write_array(run: Run, name: str, values: NDArray[np.float32]) -> None:
    # Not straight to the file: numpy then hides what the system says of a full disk.
    content = BytesIO()
    np.save(content, values)
    with run.output(name) as path:
        path.write_bytes(content.getbuffer())


def _write_scan(
    run: Run, item: str, points: NDArray[np.float64], model: Model, result: Result, save: frozenset[str]
) -> None:
    regions = find_regions(points, result.scores, result.place_threshold, deviation=result.deviation)
    if "scores" in save:
        _write_array(run, f"{SCORES}/{item}.npy", result.scores)
    run.write_json(f"{SCORES}/{item}.json", _document(item, result, regions, model.home))
    if "ply" in save:
        from vision_cli.pcd_anomaly.figures.figures import write_scored_ply

        with run.output(f"{SCORES}/{item}.ply") as path:
            write_scored_ply(path, points, result.scores, result.place_threshold, regions)
    if "png" in save and result.decision != "normal":
        from vision_cli.pcd_anomaly.figures.figures import draw_scan

        reference = None
        if result.registration.status != "failed":
            reference = transform(invert(result.registration.pose), model.reference.level.surface.points)
        title = f"{item}: {result.decision}, score of the scan {result.score:.3g}, limit {result.threshold:.3g}"
        with run.output(f"{PICTURES}/{item}.png") as path:
            draw_scan(
                path,
                points,
                result.scores,
                result.place_threshold,
                regions,
                title,
                reference=reference,
                towards=result.towards,
            )


def _document(item: str, result: Result, regions: Regions, home: Pose) -> dict[str, object]:
    found, seen = result.registration, result.observation
    bends = sure_bends(seen.nodes.residuals.alignment.bends) if found.status != "failed" else []
    return {
        "sample": item,
        "score": result.score,
        "p_value": result.p_value,
        "threshold": result.threshold,
        "decision": result.decision,
        "place_threshold": result.place_threshold,
        "n_invalid": seen.n_invalid,
        "outliers": {"n_points": seen.n_outliers, "median_distance": _known(seen.outlier_distance)},
        "registration": {
            "status": found.status,
            "fitness": found.verification.fitness,
            "blocking": found.verification.blocking,
            "unseen": found.verification.unseen,
            "rmse": found.verification.rmse,
            "margin": found.margin,
            "scan_to_reference": (home @ found.pose).tolist(),
        },
        "bends": [describe_bend(bend, found.pose) for bend in bends],
        "regions": [dict(zip(REGION_COLUMNS, region.row(item), strict=True)) for region in regions.found],
    }
