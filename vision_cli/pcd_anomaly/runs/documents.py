"""The JSON document of a scored scan, ``scores/CLASS/NAME.json``: its content, one writer and one reader."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.run_files import RunFiles
from vision_cli.pcd_anomaly.scoring.regions import REGION_COLUMNS, Region
from vision_cli.pcd_anomaly.surfaces.geometry import Pose

SCORES, PICTURES, METHODS = "scores", "pictures", "methods"
"""Folders of a run: scores and documents of scans, pictures, scores of the methods that are compared."""

DEVIATION = ".deviation"
"""Before the suffix of files with the signed deviations of a scan."""


@dataclass(frozen=True)
class ScanDocument:
    """What a run found of a scan, in the frame and the unit of the scan.

    Attributes
    ----------
    sample
        Name of the item, ``CLASS/NAME``.
    score, p_value, threshold
        Of the scan, see `vision_cli.pcd_anomaly.pipeline.pipeline.Result`; ``p_value`` may be NaN.
    decision
        ``normal``, ``anomalous`` or ``undetermined``.
    place_threshold
        Score from which a place is called defective.
    n_invalid, n_outliers
        Points that are not finite, and finite points that do not belong to the part.
    outlier_distance
        Median distance of the outliers to the part; NaN without outliers.
    status
        Status of the registration.
    fitness, blocking, unseen, rmse
        See `vision_cli.pcd_anomaly.registration.verification.Verification`; ``rmse`` may be NaN.
    margin
        Lead in quality over the best other pose; NaN where no pose was searched.
    scan_to_reference
        ``(4, 4)``, from the scan to the coordinates of the first prototype.
    regions
        Defective regions by falling score.
    inspection
        Result of the inspection by names, see `vision_cli.pcd_anomaly.pipeline.inspection.Inspection`; None without a
        tolerance.
    """

    sample: str
    score: float
    p_value: float
    threshold: float
    decision: str
    place_threshold: float
    n_invalid: int
    n_outliers: int
    outlier_distance: float
    status: str
    fitness: float
    blocking: float
    unseen: float
    rmse: float
    margin: float
    scan_to_reference: Pose
    regions: Sequence[Region]
    inspection: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class FinishedScan:
    """A scan of a finished run, or of a shard of one.

    Attributes
    ----------
    entry
        Its entry in the journal.
    directory
        The run directory that holds its files.
    document
        Its document; None if the scan failed.
    """

    entry: Entry
    directory: Path
    document: ScanDocument | None


def write_document(run: RunFiles, document: ScanDocument) -> None:
    """Write the document of a scan; numbers that are not finite become null."""
    content = {
        "sample": document.sample,
        "score": document.score,
        "p_value": document.p_value,
        "threshold": document.threshold,
        "decision": document.decision,
        "place_threshold": document.place_threshold,
        "n_invalid": document.n_invalid,
        "outliers": {"n_points": document.n_outliers, "median_distance": document.outlier_distance},
        "registration": {
            "status": document.status,
            "fitness": document.fitness,
            "blocking": document.blocking,
            "unseen": document.unseen,
            "rmse": document.rmse,
            "margin": document.margin,
            "scan_to_reference": document.scan_to_reference.tolist(),
        },
        "regions": [dict(zip(REGION_COLUMNS, region.row(document.sample), strict=True)) for region in document.regions],
        "inspection": document.inspection,
    }
    run.write_json(f"{SCORES}/{document.sample}.json", content)


def read_document(directory: Path, item: str) -> ScanDocument:
    """Return the document of a scan, from the directory of its run."""
    content = json.loads((directory / SCORES / f"{item}.json").read_text(encoding="utf-8"))
    pose = content["registration"]
    return ScanDocument(
        content["sample"],
        _number(content["score"]),
        _number(content["p_value"]),
        content["threshold"],
        content["decision"],
        content["place_threshold"],
        content["n_invalid"],
        content["outliers"]["n_points"],
        _number(content["outliers"]["median_distance"]),
        pose["status"],
        _number(pose["fitness"]),
        pose["blocking"],
        pose["unseen"],
        _number(pose["rmse"]),
        _number(pose["margin"]),
        np.asarray(pose["scan_to_reference"], dtype=np.float64),
        [_region(row) for row in content["regions"]],
        content.get("inspection"),
    )


def read_scans(run: RunFiles, entries: Sequence[Entry]) -> list[FinishedScan]:
    """Return the scans of a run in the order of the input, each document read once."""
    scans = []
    for entry in entries:
        directory = run.home_of(entry)
        document = read_document(directory, entry.id) if entry.error is None else None
        scans.append(FinishedScan(entry, directory, document))
    return scans


def _region(row: Mapping[str, Any]) -> Region:
    return Region(
        row["region"],
        row["n_points"],
        row["area"],
        (row["cx"], row["cy"], row["cz"]),
        row["length"],
        row["width"],
        _number(row["max_signed_dev"]),
        _number(row["mean_signed_dev"]),
        row["type"],
        row["score"],
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
