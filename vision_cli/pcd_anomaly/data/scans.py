"""Scans of a data set as arrays: points in the order of the file, and the ground truth of each point."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from vision_cli.core.errors import InputError
from vision_cli.core.runs.files import library_path
from vision_cli.io.limits import require_memory
from vision_cli.io.pictures.headers import require_picture_room
from vision_cli.io.points.clouds import Mesh, PointCloud, read_labels, read_points, read_points_or_mesh
from vision_cli.io.points.point_text import read_rows
from vision_cli.io.reading import reading
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.options import PointsFrom

_TOLERANCE = 1e-4
"""Largest distance of a point from its row in the truth, as a share of the scan's diameter."""

_LISTED_TOLERANCE = 0.01
"""The same for truths that list defective points only, which were picked by hand."""

_MOST_UNMATCHED = 0.01
TRUTH_NAME = "truth.json"


@dataclass(frozen=True)
class LoadedScan:
    """A scan with its ground truth.

    Attributes
    ----------
    points
        ``(N, 3)`` in the order and unit of the file; rows may be NaN.
    labels
        ``(N,)``, 1 where the part is defective; None without ground truth.
    is_defective
        Whether the part has a defect; None if unknown.
    notes
        Assumptions made while reading.
    """

    points: NDArray[np.float64]
    labels: NDArray[np.uint8] | None
    is_defective: bool | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrueScan:
    """Ground truth of a generated scan.

    Attributes
    ----------
    scan_to_part
        Its pose, ``(4, 4)``.
    defect
        Kind of its defect; None for a good part.
    depth_mm
        Largest displacement of the surface by the defect, in mm.
    centre
        Centre of the defect in coordinates of the part, ``(3,)``; None for a good part.
    """

    scan_to_part: NDArray[np.float64]
    defect: str | None
    depth_mm: float
    centre: NDArray[np.float64] | None


def load_prototype(sample: Sample) -> PointCloud | Mesh:
    """Return a scan to train on; a mesh stays a mesh, unless its data set stores scans as meshes.

    Raises
    ------
    InputError
        If the file cannot be used.
    """
    if sample.layout == "mvtec":
        return PointCloud(_organised(sample)[0])
    return read_points(sample.path) if sample.layout == "mulsen" else read_points_or_mesh(sample.path)


def load_scan(sample: Sample, points_from: PointsFrom = "scan") -> LoadedScan:
    """Return a scan with the ground truth of its points.

    Parameters
    ----------
    sample
        The scan in the data set.
    points_from
        ``truth`` reads the points of a defective scan from the file of the truth, as the loader of Real3D-AD does.

    Raises
    ------
    InputError
        If a file cannot be used, or the truth does not fit the scan.
    """
    if sample.layout == "mvtec":
        points, labels = _organised(sample)
        return LoadedScan(points, labels, sample.is_defective)
    if points_from == "truth" and sample.truth is not None:
        found = read_labels(sample.truth)
        if found.points is None or found.labels is None:
            raise InputError(
                f"{sample.truth}: no rows x y z label; points with labels expected.",
                hint="Take the points of the scan.",
            )
        return LoadedScan(found.points, found.labels, bool(found.labels.any()) or bool(sample.is_defective))
    points = read_points(sample.path).points
    if sample.truth is None:
        labels = np.zeros(len(points), np.uint8) if sample.is_defective is False else None
        return LoadedScan(points, labels, sample.is_defective)
    if sample.layout == "mulsen":
        # Every row is a defective point; columns of normals or colours may follow.
        labels = _near_listed(sample.truth, points, read_rows(sample.truth).values[:, :3])
        return LoadedScan(points, labels, sample.is_defective)
    labels, notes = match_labels(sample.truth, points)
    known = bool(labels.any()) if sample.is_defective is None else sample.is_defective
    return LoadedScan(points, labels, known, notes)


def match_labels(truth: Path, points: NDArray[np.float64]) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """Return the label of each point of a scan.

    Rows at the same places in the same order are taken as they are; otherwise each point takes the label of the nearest
    row, which must lie within 1e-4 of the scan's diameter for all but 1 % of the points.

    Parameters
    ----------
    truth
        File of the truth.
    points
        ``(N, 3)``.

    Returns
    -------
    labels
        ``(N,)``.
    notes
        How rows and points were matched.

    Raises
    ------
    InputError
        If the rows do not fit the scan; the message says how many.
    """
    found = read_labels(truth)
    if found.points is None:
        labels = np.zeros(0, np.uint8) if found.labels is None else found.labels
        if len(labels) != len(points):
            raise InputError(
                f"{truth}: {len(labels)} labels; {len(points)}, one a point of the scan, expected.",
                hint="Give the truth of this scan.",
            )
        return labels, ()
    if found.labels is None or (len(found.points) < len(points) and found.labels.all()):
        return _near_listed(truth, points, found.points), ("the truth lists defective points alone",)
    tolerance = _TOLERANCE * _diameter(points)
    finite: NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=1))
    if len(found.points) == len(points):
        apart = np.linalg.norm((found.points - points)[finite], axis=1)
        if apart.max(initial=0) <= tolerance:
            return found.labels, ()
    notes: tuple[str, ...] = ("points and rows of the truth were matched by nearest neighbours",)
    nearest, share = _nearest(points, finite, found.points, tolerance)
    if share > _MOST_UNMATCHED:
        # Some data sets have centred scans but not their truth.
        shift = points[finite].mean(axis=0) - found.points.mean(axis=0)
        centred, centred_share = _nearest(points, finite, found.points + shift, tolerance)
        if centred_share < share:
            nearest, share, notes = centred, centred_share, (*notes, "both were centred first")
    if share > _MOST_UNMATCHED:
        raise InputError(
            f"{truth}: {100 * share:.1f} % of the points of the scan have no row within {tolerance:.3g}; at most "
            f"{100 * _MOST_UNMATCHED:.0f} % expected.",
            hint="Give the truth of this scan.",
        )
    labels = np.zeros(len(points), np.uint8)
    matched = nearest >= 0
    labels[matched] = found.labels[nearest[matched]]
    return labels, notes


def read_true_scans(root: Path) -> Mapping[tuple[str, str, str], TrueScan]:
    """Return the ground truth of generated scans, by class, split and name.

    Raises
    ------
    InputError
        If there is no such file or it is damaged.
    """
    path = root / TRUTH_NAME
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {
            (entry["class"], entry["split"], entry["name"]): TrueScan(
                np.asarray(entry["scan_to_part"], dtype=np.float64).reshape(4, 4),
                entry["defect"],
                float(entry["depth_mm"]),
                None if entry["centre"] is None else np.asarray(entry["centre"], dtype=np.float64),
            )
            for entry in document["samples"]
        }
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; true poses expected.", hint="Only made data sets have it.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: damaged ({type(error).__name__}: {error}); true poses expected.", hint="Make the data set again."
        ) from error


def _near_listed(truth: Path, points: NDArray[np.float64], listed: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return labels that are 1 at the points nearest to the listed ones."""
    finite = np.flatnonzero(np.isfinite(points).all(axis=1))
    distances, nearest = cKDTree(points[finite]).query(listed)
    tolerance = _LISTED_TOLERANCE * _diameter(points)
    share = float(np.mean(distances > tolerance))
    if share > _MOST_UNMATCHED:
        raise InputError(
            f"{truth}: {100 * share:.1f} % of the rows lie farther than {tolerance:.3g} from the scan; at most "
            f"{100 * _MOST_UNMATCHED:.0f} % expected.",
            hint="Give the truth of this scan.",
        )
    labels = np.zeros(len(points), np.uint8)
    labels[finite[nearest]] = 1
    return labels


def _nearest(
    points: NDArray[np.float64], finite: NDArray[np.bool_], rows: NDArray[np.float64], tolerance: float
) -> tuple[NDArray[np.int64], float]:
    """Return the nearest row of each point, -1 if none is near, and the share of points without a row."""
    found = np.full(len(points), -1, dtype=np.int64)
    distances, nearest = cKDTree(rows).query(points[finite], distance_upper_bound=tolerance)
    found[finite] = np.where(np.isfinite(distances), nearest, -1)
    return found, float(np.mean(found[finite] < 0)) if finite.any() else 1.0


def _diameter(points: NDArray[np.float64]) -> float:
    finite = points[np.isfinite(points).all(axis=1)]
    return float(np.linalg.norm(np.ptp(finite, axis=0))) if len(finite) else 0.0


def _organised(sample: Sample) -> tuple[NDArray[np.float64], NDArray[np.uint8] | None]:
    """Return an organised cloud from a TIFF of three channels, without the zeros where nothing was measured."""
    import cv2

    with reading(sample.path):
        pixels = None
        with suppress(ValueError):
            require_picture_room(sample.path, sample.path.read_bytes())
            pixels = cv2.imread(library_path(sample.path), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError("no TIFF of three channels")
    require_memory(sample.path, pixels.shape[:2], 24)
    # OpenCV reverses the order of the channels.
    points = pixels[..., ::-1].reshape(-1, 3).astype(np.float64)
    measured = np.flatnonzero((points != 0).any(axis=1))
    if not len(measured):
        raise InputError(f"{sample.path}: no measured points; a scan expected.", hint="Is the data set complete?")
    if sample.truth is None:
        return points[measured], np.zeros(len(measured), np.uint8) if sample.is_defective is False else None
    with reading(sample.truth):
        require_picture_room(sample.truth, sample.truth.read_bytes())
        mask = cv2.imread(library_path(sample.truth), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise ValueError("no picture")
    if mask.shape != pixels.shape[:2]:
        raise InputError(
            f"{sample.truth}: {mask.shape} pixels; {pixels.shape[:2]}, as the scan, expected.",
            hint="Give the truth of this scan.",
        )
    return points[measured], (mask.ravel()[measured] > 0).astype(np.uint8)
