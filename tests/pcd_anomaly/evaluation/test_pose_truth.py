"""Errors of poses, and wrong poses that are flagged."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.evaluation.pose_truth import PoseTruth, check_pose, pose_measures, poses_table


def test_a_pose_near_the_truth_is_right_and_a_wrong_one_is_flagged_by_its_status(world):
    model, points = world.model, world.good.points
    true = model.to_prototype @ world.said_of_good.registration.pose
    off = true.copy()
    off[:3, 3] += [0.05 * model.reference.diameter, 0, 0]
    with_nan = np.vstack([points, [[np.nan] * 3]])
    truth = PoseTruth("bracket", {"good": true}, model.reference.target, model.reference.diameter, model.to_prototype)
    checks = [
        check_pose(truth, "good", with_nan, pose, status) for pose, status in ((true, "ok"), (off, "ok"), (off, "weak"))
    ]
    assert [check.error for check in checks] == pytest.approx([0, 0.05, 0.05])
    assert pose_measures(checks) == {"poses_known": 3, "poses_right": 1, "poses_wrong_flagged": 1}
    assert poses_table(checks).rows[-1] == ("all", 3, 1, pytest.approx(0.05), 2, 1)
