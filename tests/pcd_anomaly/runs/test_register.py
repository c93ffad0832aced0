"""Registration of two files without a model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import pose_error
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import write_ply
from vision_cli.pcd_anomaly.runs.register import register_files


@pytest.mark.slow
def test_a_scan_far_from_the_origin_is_registered_to_a_cloud_of_all_sides(bracket, tmp_path):
    prototype, (test, *_), target = bracket
    write_ply(tmp_path / "scan.ply", test.scan.points)
    write_ply(tmp_path / "part.ply", prototype.scan.points)
    found = register_files(tmp_path / "scan.ply", tmp_path / "part.ply", 0)
    assert found["status"] == "ok"
    pose = np.asarray(found["scan_to_reference"])
    assert pose_error(pose, prototype.scan, test.scan) < 0.0125 * target.diameter


def test_files_with_too_few_points_are_refused(tmp_path):
    write_ply(tmp_path / "few.ply", np.random.default_rng(0).normal(size=(499, 3)))
    with pytest.raises(InputError, match="fewer than 500 finite points found"):
        register_files(tmp_path / "few.ply", tmp_path / "few.ply", 0)
