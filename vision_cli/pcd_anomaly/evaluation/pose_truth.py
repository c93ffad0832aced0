"""Poses beside their ground truth in generated data sets: how many are right, how many wrong ones are flagged."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.pcd_anomaly.data.layouts import DataSet
from vision_cli.pcd_anomaly.data.scans import TRUTH_NAME, TrueScan, read_true_scans
from vision_cli.pcd_anomaly.registration.targets import Target
from vision_cli.pcd_anomaly.registration.verification import is_symmetry
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, invert, transform

RIGHT = 0.0125
"""Largest RMS distance of a scan's points from their true places at a right pose, as a share of the diameter."""

TITLE = "poses beside the truth"
COLUMNS = ("class", "scans", "right", "median error / diameter", "wrong", "wrong and not called ok")


@dataclass(frozen=True)
class PoseTruth:
    """The true poses of the test scans of a class, and the part that they are compared on.

    Attributes
    ----------
    class_name
        The class.
    poses
        ``(4, 4)`` from each scan to the first prototype, by name of the scan.
    target
        Surface of the part, in the frame of the reference.
    diameter
        Diameter of the reference.
    to_prototype
        ``(4, 4)``, from the reference to the first prototype.
    """

    class_name: str
    poses: Mapping[str, Pose]
    target: Target
    diameter: float
    to_prototype: Pose


@dataclass(frozen=True)
class PoseCheck:
    """A found pose beside the true one.

    Attributes
    ----------
    class_name
        Class of the part.
    error
        Root mean square distance of the scan's points from their true places, divided by the diameter; 0 where the
        found pose and the true one differ by a symmetry of the part.
    is_flagged
        Whether the status of the registration was other than ``ok``.
    """

    class_name: str
    error: float
    is_flagged: bool


def true_poses(data: DataSet, class_name: str, scale: float) -> Mapping[str, Pose] | None:
    """Return the true poses of the test scans of a class on its first prototype, by name; None if they are unknown.

    Parameters
    ----------
    data
        The data set that the model was trained on.
    class_name
        The class.
    scale
        Factor on coordinates.

    Raises
    ------
    InputError
        If the file of the truth is damaged.
    """
    prototypes = data.of(class_name, "train")
    if not prototypes or not (data.root / TRUTH_NAME).is_file():
        return None
    truth = read_true_scans(data.root)
    first = truth.get((class_name, "train", prototypes[0].name))
    if first is None:
        return None
    to_first = invert(_scaled(first, scale))
    return {
        name: to_first @ _scaled(known, scale)
        for (of_class, split, name), known in truth.items()
        if of_class == class_name and split == "test"
    }


def check_pose(truth: PoseTruth, name: str, points: Points, found: Pose, status: str) -> PoseCheck:
    """Return how far a found pose is from the true one.

    Parameters
    ----------
    truth
        True poses of the class.
    name
        Name of the scan, one of ``truth.poses``.
    points
        Points of the scan, ``(N, 3)``; rows that are not finite are ignored.
    found
        ``(4, 4)``, from the scan to the first prototype.
    status
        Status of the registration.
    """
    true = truth.poses[name]
    finite = points[np.isfinite(points).all(axis=1)]
    apart = transform(found, finite) - transform(true, finite)
    error = float(np.sqrt((apart**2).sum(axis=1).mean())) / truth.diameter
    change = invert(truth.to_prototype) @ found @ invert(true) @ truth.to_prototype
    if error > RIGHT and is_symmetry(truth.target, change):
        error = 0.0
    return PoseCheck(truth.class_name, error, status != "ok")


def poses_table(checks: Sequence[PoseCheck]) -> Table:
    """Return the table of poses, one row a class and one for all."""
    names = sorted({check.class_name for check in checks})
    groups = {name: [check for check in checks if check.class_name == name] for name in names}
    rows = [_row(name, group) for name, group in {**groups, "all": list(checks)}.items()]
    return Table(COLUMNS, rows, TITLE)


def pose_measures(checks: Sequence[PoseCheck]) -> dict[str, float | int | str | None]:
    """Return the measures of poses by flat names."""
    wrong = [check for check in checks if check.error > RIGHT]
    return {
        "poses_known": len(checks),
        "poses_right": len(checks) - len(wrong),
        "poses_wrong_flagged": sum(check.is_flagged for check in wrong),
    }


def _row(name: str, checks: Sequence[PoseCheck]) -> tuple[object, ...]:
    wrong = [check for check in checks if check.error > RIGHT]
    middle = float(np.median([check.error for check in checks])) if checks else math.nan
    flagged = sum(check.is_flagged for check in wrong)
    return (name, len(checks), len(checks) - len(wrong), middle, len(wrong), flagged)


def _scaled(known: TrueScan, scale: float) -> Pose:
    """Return a true pose between scaled coordinates."""
    pose = known.scan_to_part.copy()
    pose[:3, 3] *= scale
    return pose
