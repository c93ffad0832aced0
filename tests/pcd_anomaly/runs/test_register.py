"""Registration of two files without a model."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import pose_error
from vision_cli.core.errors import InputError, ResourceError
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


def test_another_unit_is_refused_before_memory_is_taken_and_brought_there_by_a_factor(tmp_path):
    ball = np.random.default_rng(0).normal(size=(2000, 3))
    ball *= 50 / np.linalg.norm(ball, axis=1, keepdims=True)
    write_ply(tmp_path / "mm.ply", ball)
    write_ply(tmp_path / "inches.ply", ball / 25.4)
    for scan, reference, unit in (("inches", "mm", "25.4"), ("mm", "inches", "0.0393701")):
        with pytest.raises(InputError, match=rf"the same unit expected; --unit {unit}"):
            register_files(tmp_path / f"{scan}.ply", tmp_path / f"{reference}.ply", 0)
    with pytest.raises(ResourceError, match=r"4,000 points take about 1\.5 GB; 1\.5 GB are allowed"):
        register_files(tmp_path / "inches.ply", tmp_path / "mm.ply", 0, scale=25.4, max_memory=1.5e9)
