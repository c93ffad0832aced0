"""Poses beside the truth: how far off, and whether a part that looks the same both ways is taken for right."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.evaluation.pose_truth import check_pose, pose_measures, poses_table


def test_a_pose_is_right_near_the_truth_and_wrong_ones_count_as_owned_up_to_by_their_verdict(world):
    model, points = world.model, world.good.points
    true = model.home @ world.said_of_good.registration.pose
    off = true.copy()
    off[:3, 3] += [0.05 * model.reference.diameter, 0, 0]
    with_nan = np.vstack([points, [[np.nan] * 3]])
    checks = [
        check_pose("bracket", with_nan, pose, true, model, status)
        for pose, status in ((true, "ok"), (off, "ok"), (off, "weak"))
    ]
    assert [check.error for check in checks] == pytest.approx([0, 0.05, 0.05])
    assert pose_measures(checks) == {"poses_known": 3, "poses_right": 1, "poses_wrong_flagged": 1}
    assert poses_table(checks).rows[-1] == ("all", 3, 1, pytest.approx(0.05), 2, 1)
