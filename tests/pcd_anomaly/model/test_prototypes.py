"""Prototypes are fused to a reference."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import pose_error
from vision_cli.pcd_anomaly.model.prototypes import build_reference
from vision_cli.pcd_anomaly.registration.registration import place_at
from vision_cli.pcd_anomaly.surfaces.geometry import invert
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan
from vision_cli.pcd_anomaly.surfaces.tolerance import Warp
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test


@pytest.mark.slow
def test_prototypes_that_differ_by_more_than_a_feature_of_a_nearly_symmetric_part_lie_on_one_another():
    generator = np.random.default_rng([1, 0, 0])
    mesh = make_part("flange", generator)
    made = [draw_prototype(mesh, SUITES["tolerance"], 20_000, generator).scan for _ in range(3)]
    reference = build_reference([one.points for one in made], np.random.default_rng(0))
    for one, pose in zip(made, reference.poses, strict=True):
        assert pose_error(pose, made[0], one) < 0.0125 * reference.diameter
    # Of the scanner's noise, 0.015 mm straight on; not of the 0.35 mm of the warp.
    assert np.median(reference.spread) < 0.03
    # Each instance is warped by 0.35 mm at most, so two of them differ by no more than twice that.
    largest = [np.abs(Warp(reference.tolerance.basis, field).at(made[0].points)).max() for field in reference.fields]
    assert largest[0] == 0
    assert 0.2 < max(largest) < 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", ["heatsink", "lid"])
def test_refinement_does_not_leave_the_true_pose_of_a_warped_scan(name):
    generator = np.random.default_rng(5)
    mesh = make_part(name, generator)
    prototype = draw_prototype(mesh, SUITES["tolerance"], 20_000, generator).scan
    reference = build_reference([prototype.points], np.random.default_rng(0))
    for _ in range(4):
        scan = draw_test(name, mesh, SUITES["tolerance"], None, 12_000, generator).scan
        true = invert(prototype.pose_true) @ scan.pose_true
        found = place_at(prepare_scan(scan.points, reference.diameter / 200), reference.target, true, refined=True)
        assert pose_error(found.pose, prototype, scan) < 0.0125 * reference.diameter
