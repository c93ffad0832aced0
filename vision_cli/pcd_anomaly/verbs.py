"""What the verbs do between their options and the run: which scans are meant, and how a run of scans ends."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision_cli.core import files
from vision_cli.core.console import Output, Table
from vision_cli.core.errors import InputError, PartialFailure, UsageError
from vision_cli.core.journal import FAILURES, Entry
from vision_cli.core.merge import Merged, merge_shards
from vision_cli.core.runs import Run
from vision_cli.core.shards import Shard
from vision_cli.io.pointclouds import POINT_SUFFIXES, Mesh, read_points_or_mesh
from vision_cli.io.tables import read_csv_table
from vision_cli.pcd_anomaly.ablation import LADDER
from vision_cli.pcd_anomaly.baselines import BASELINES, Baseline
from vision_cli.pcd_anomaly.contenders import OURS, Contenders
from vision_cli.pcd_anomaly.data import load_scan
from vision_cli.pcd_anomaly.features import group_vectors
from vision_cli.pcd_anomaly.geometry import diameter
from vision_cli.pcd_anomaly.layouts import DataSet, Layout, Sample, read_dataset, read_folders
from vision_cli.pcd_anomaly.measuring import cell_of, measure_run, measures_tables
from vision_cli.pcd_anomaly.models import read_model
from vision_cli.pcd_anomaly.pose_truth import COLUMNS as POSE_COLUMNS
from vision_cli.pcd_anomaly.pose_truth import TITLE as POSES_TITLE
from vision_cli.pcd_anomaly.pose_truth import PoseCheck, check_pose, pose_measures, poses_table, true_poses
from vision_cli.pcd_anomaly.reporting import (
    REPORT,
    Finished,
    counts_of,
    finished,
    write_page,
    write_tables,
)
from vision_cli.pcd_anomaly.session import Scoring, item_name, score_samples, train_ladders

__all__ = ["LADDER", "Contenders", "counts_of"]

POSES = "poses.csv"
SAVED = frozenset({"scores", "ply", "regions", "png"})


def find_data(
    data: Path | None,
    layout: Layout | None,
    classes: Sequence[str],
    train: Path | None,
    test: Path | None,
    truth: Path | None,
) -> DataSet | None:
    """Find the scans of a data set, or of plain folders; None if neither is given.

    Raises
    ------
    UsageError
        If both are given, or the truth of scans that are not.
    InputError
        As `read_dataset` and `read_folders`.
    """
    folders = {"--train": train, "--test": test, "--gt": truth}
    given = [name for name, path in folders.items() if path is not None]
    if data is not None and given:
        raise UsageError(f"DATA and {', '.join(given)} found; one or the other expected.")
    if truth is not None and test is None:
        raise UsageError("--gt without --test found; both expected.")
    if given and len(classes) > 1:
        raise UsageError(f"--class {', '.join(classes)}: folders hold scans of one part; one name expected.")
    if given:
        return read_folders(train, test, truth, classes[0] if classes else None)
    return None if data is None else read_dataset(data, layout, classes)


def parse_unit(text: str) -> float:
    """Return what coordinates are multiplied by: ``auto`` leaves them, and a scan of another size is refused.

    Raises
    ------
    UsageError
        If it is neither ``auto`` nor a number above 0.
    """
    if text == "auto":
        return 1.0
    try:
        factor = float(text)
    except ValueError:
        factor = math.nan
    if not 0 < factor < math.inf:
        raise UsageError(f"--unit: {text} found; auto or a number above 0 expected.")
    return factor


def parse_methods(text: str) -> tuple[Baseline, ...]:
    """Return the baselines of ``--method``: ours is always measured.

    Raises
    ------
    UsageError
        If there is no such method.
    """
    wanted = [OURS, *BASELINES] if text == "all" else [name for name in text.split(",") if name]
    for name in wanted:
        if name not in (OURS, *BASELINES):
            raise UsageError(f"--method {name}: no such method; of {', '.join((OURS, *BASELINES))}, or all, expected.")
    return tuple(name for name in BASELINES if name in wanted)


def parse_saved(text: str) -> frozenset[str]:
    """Return what ``--save`` lists.

    Raises
    ------
    UsageError
        If a word is unknown.
    """
    wanted = frozenset(word for word in text.split(",") if word)
    if not wanted <= SAVED:
        raise UsageError(f"--save {text}: {', '.join(sorted(wanted - SAVED))} unknown; of {', '.join(sorted(SAVED))}.")
    return wanted


def read_pose(path: Path) -> NDArray[np.float64]:
    """Read the 4 x 4 pose of a JSON file that `register` wrote.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        matrix = np.asarray(found["scan_to_reference"] if isinstance(found, dict) else found, dtype=np.float64)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: no pose found ({error}); JSON with scan_to_reference expected.") from error
    if matrix.shape != (4, 4) or not np.allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-3):
        raise InputError(f"{path}: a matrix of shape {matrix.shape} found; a rigid 4 x 4 pose expected.")
    return matrix


def list_scans(inputs: Sequence[Path], models: Mapping[str, Path], class_name: str | None) -> list[Sample]:
    """List the scans of files and folders, each under the path it was given by.

    Raises
    ------
    UsageError
        If it is not clear whose model is meant.
    InputError
        If a folder holds no scans.
    """
    if class_name is not None and class_name not in models:
        raise UsageError(f"--class {class_name}: no such model; one of {', '.join(models)} expected.")
    if class_name is None and len(models) > 1:
        raise UsageError(f"{len(models)} models found; --class with one of {', '.join(models)} expected.")
    name = class_name or next(iter(models))
    found: list[tuple[str, Path]] = []
    for given in inputs:
        if given.is_dir():
            inside = sorted(path for path in given.rglob("*") if path.suffix.lower() in POINT_SUFFIXES)
            found += [(path.relative_to(given).with_suffix("").as_posix(), path) for path in inside]
        else:
            found.append((given.stem, given))
    if not found:
        raise InputError(f"{', '.join(map(str, inputs))}: no scans found.", hint="Give files or folders of scans.")
    names = [label for label, _ in found]
    # Scans of one name in several folders are told apart by a number.
    unique = [label if names.count(label) == 1 else f"{label}-{place + 1}" for place, label in enumerate(names)]
    return [
        Sample(name, label, path, "test", None, None, None, "folder")
        for label, (_, path) in zip(unique, found, strict=True)
    ]


def predict_scans(
    run: Run,
    samples: Sequence[Sample],
    models: Mapping[str, Path],
    scoring: Scoring,
    output: Output,
    shard: Shard | None,
) -> None:
    """Score scans and write their tables; without a shard also the report."""
    score_samples(run, samples, models, scoring, output, shard)
    run.finish_items()
    scans = finished(run)
    write_tables(run.write_text, scans, regions="regions" in scoring.save)
    if "png" in scoring.save:
        _write_page(run, scans, [])
    run.finish()


def measure_scans(
    run: Run,
    data: DataSet,
    models: Mapping[str, Path],
    scoring: Scoring,
    resamples: int,
    output: Output,
) -> None:
    """Score the test scans of a data set, measure all methods, and write tables and report."""
    tests = [sample for sample in data.samples if sample.split == "test"]
    if scoring.contenders.ladder is not None:
        train_ladders(run, data, models, scoring.seed, output, scoring)
    score_samples(run, tests, models, scoring, output)
    run.finish_items()
    scans = finished(run)
    write_tables(run.write_text, scans, regions="regions" in scoring.save)
    measures = measure_run(run, tests, scoring, resamples, scoring.seed, output)
    checks = _check_poses(scans, data, models, scoring)
    if checks:
        measures |= pose_measures(checks)
        run.write_csv(POSES, POSE_COLUMNS, poses_table(checks).rows)
    run.write_metrics({**counts_of(scans.entries), **measures})
    if "png" in scoring.save:
        _write_page(run, scans, measured_tables(run.directory))
    run.finish()


def measured_tables(directory: Path) -> list[Table]:
    """Return the tables of a measured run, for people."""
    tables = measures_tables(directory)
    if (directory / POSES).is_file():
        rows = read_csv_table(directory / POSES, POSE_COLUMNS)
        tables.append(Table(POSE_COLUMNS, [[cell_of(row[c]) for c in POSE_COLUMNS] for row in rows], POSES_TITLE))
    return tables


def _check_poses(scans: Finished, data: DataSet, models: Mapping[str, Path], scoring: Scoring) -> list[PoseCheck]:
    """Compare the poses of scans with the truth, where the data set knows it."""
    by_item = {item_name(sample): sample for sample in data.samples if sample.split == "test"}
    checks: list[PoseCheck] = []
    for name in data.class_names:
        model = read_model(models[name], describe=group_vectors) if name in models else None
        known = None if model is None else true_poses(data, name, scoring.scale)
        if model is None or known is None:
            continue
        for entry, _, document in scans.documents():
            sample = by_item[entry.id]
            if sample.class_name == name and sample.name in known:
                points = load_scan(sample, scoring.points_from).points * scoring.scale
                found = np.asarray(document["registration"]["scan_to_reference"], dtype=np.float64)
                status = str(entry.row["reg_status"])
                checks.append(check_pose(name, points, found, known[sample.name], model, status))
    return checks


def merge_directory(directory: Path) -> Merged:
    """Make one run out of the shards of `predict`: its tables and its report, too.

    Raises
    ------
    InputError, UsageError, ResourceError
        As `vision_cli.core.merge.merge_shards`.
    """
    merged = merge_shards(directory)
    count = len(merged.shards)
    homes = [merged.shards[entry.position % count].directory for entry in merged.entries]
    scans = Finished(merged.entries, homes)
    saved = str(merged.shards[0].options["save"])
    write_tables(
        lambda name, text: files.write_text(directory / name, text), scans, regions="regions" in parse_saved(saved)
    )
    if "png" in parse_saved(saved):
        write_page(directory / REPORT, "pcd-anomaly: scans", scans, [], [])
    return merged


def require_tests(data: DataSet) -> None:
    """Refuse to measure where there is nothing to measure on.

    Raises
    ------
    InputError
        If there are no scans to test on.
    """
    if not any(sample.split == "test" for sample in data.samples):
        raise InputError(f"{data.root}: no scans to test on; some expected.", hint="Give them with --test DIR.")


def require_prototypes(data: DataSet) -> None:
    """Refuse an ablation of scans that there is nothing to train on.

    Raises
    ------
    UsageError
        If a class has no prototypes.
    """
    for name in data.class_names:
        if not data.of(name, "train"):
            raise UsageError(
                f"--ablate: no prototypes of {name} found; those that the model was trained on expected.",
                hint="Give DATA, or --train DIR.",
            )


def require_all_scored(directory: Path, entries: Sequence[Entry]) -> None:
    """Raise what a run with failed scans ends with.

    Raises
    ------
    PartialFailure
        If scans failed.
    """
    failed = sum(entry.error is not None for entry in entries)
    if failed:
        raise PartialFailure(
            f"{failed} of {len(entries)} scans failed.",
            hint=f"See {directory / FAILURES}; run their shards again with --resume.",
        )


def result_table(entries: Sequence[Entry]) -> Table:
    """Return what people see of scored scans."""
    columns = ("sample", "decision", "score", "p_value", "reg_status")
    rows = [[e.row.get(name) for name in columns] for e in entries if e.error is None]
    return Table(columns, rows)


def describe_file(path: Path) -> dict[str, object]:
    """Say what a file of points or a mesh holds.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    found = read_points_or_mesh(path)
    points = found.vertices if isinstance(found, Mesh) else found.points
    finite = points[np.asarray(np.isfinite(points).all(axis=1))]
    low, high = (finite.min(axis=0), finite.max(axis=0)) if len(finite) else (None, None)
    return {
        "kind": "mesh" if isinstance(found, Mesh) else "points",
        "points": len(points),
        "invalid_points": len(points) - len(finite),
        "triangles": len(found.triangles) if isinstance(found, Mesh) else 0,
        "diameter": diameter(finite) if len(finite) > 3 else None,
        "lowest": None if low is None else low.tolist(),
        "highest": None if high is None else high.tolist(),
    }


def _write_page(run: Run, scans: Finished, tables: Sequence[Table]) -> None:
    with run.output(REPORT) as path:
        write_page(path, "pcd-anomaly: scans", scans, tables, [])
