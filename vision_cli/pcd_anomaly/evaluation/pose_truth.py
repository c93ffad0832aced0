"""Poses beside the truth, which made data sets know: how many are right, and how many wrong ones are owned up to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from vision_cli.core.command.console import Table
from vision_cli.pcd_anomaly.data.layouts import DataSet
from vision_cli.pcd_anomaly.data.scans import TRUTH_NAME, TrueScan, read_true_scans
from vision_cli.pcd_anomaly.model.learning import Model
from vision_cli.pcd_anomaly.registration.verification import is_symmetry
from vision_cli.pcd_anomaly.surfaces.geometry import Points, Pose, invert, transform

RIGHT = 0.0125
"""A pose is right if it moves the scan's points less than this share of the diameter from where they belong (RMS)."""

TITLE = "poses beside the truth"
COLUMNS = ("class", "scans", "right", "median error / diameter", "wrong", "wrong and not called ok")


@dataclass(frozen=True)
class PoseCheck:
    """A pose that was found.

    Attributes
    ----------
    class_name
        Of the part.
    error
        Root mean square distance of the scan's points from where they belong, over the diameter; 0 where the part
        looks the same both ways.
    is_flagged
        Whether its verdict was other than ``ok``.
    """

    class_name: str
    error: float
    is_flagged: bool


def true_poses(data: DataSet, class_name: str, scale: float) -> Mapping[str, Pose] | None:
    """Give the true poses of the test scans of a class on its first prototype, by name; None where nobody knows them.

    Parameters
    ----------
    data
        The data set that the model was trained on.
    class_name
        Which class.
    scale
        What coordinates are multiplied by.

    Raises
    ------
    InputError
        If the truth is damaged.
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


def check_pose(class_name: str, points: Points, found: Pose, true: Pose, model: Model, status: str) -> PoseCheck:
    """Compare a pose on the first prototype with the true one; points ``(N, 3)`` of the scan, some NaN perhaps."""
    finite = points[np.isfinite(points).all(axis=1)]
    apart = transform(found, finite) - transform(true, finite)
    error = float(np.sqrt((apart**2).sum(axis=1).mean())) / model.reference.diameter
    change = invert(model.home) @ found @ invert(true) @ model.home
    if error > RIGHT and is_symmetry(model.reference.target, change):
        error = 0.0
    return PoseCheck(class_name, error, status != "ok")


def poses_table(checks: Sequence[PoseCheck]) -> Table:
    """Return the table of poses, a row a class and one of all."""
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
    """Give a true pose between coordinates that are multiplied."""
    pose = known.scan_to_part.copy()
    pose[:3, 3] *= scale
    return pose
