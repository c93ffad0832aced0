"""One-sided scans are registered to their true pose, and other parts are refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import pose_error
from vision_cli.pcd_anomaly.registration.alternatives import turns
from vision_cli.pcd_anomaly.registration.registration import Candidate, _orientations, _polished, place_at, register
from vision_cli.pcd_anomaly.registration.verification import slid_poses, verify
from vision_cli.pcd_anomaly.surfaces.geometry import invert
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, thin
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_test


def error(found, prototype, test, size):
    return pose_error(found.pose, prototype.scan, test.scan) / size


def test_scans_of_one_side_find_their_true_pose(bracket):
    prototype, tests, target = bracket
    for test in tests:
        scan = prepare_scan(test.scan.points, target.diameter / 200)
        found = register(scan, target, np.random.default_rng(0))
        assert found.status == "ok"
        assert found.slide_loss > 0.01
        assert error(found, prototype, test, target.diameter) < 0.0125


@pytest.mark.slow
def test_a_pose_that_slid_along_a_plate_is_slid_back(bracket):
    prototype, tests, target = bracket
    true = invert(prototype.scan.pose_true) @ tests[0].scan.pose_true
    scan = prepare_scan(tests[0].scan.points, target.diameter / 200)
    at_home = place_at(scan, target, true, refined=False)
    slid = slid_poses(scan, target, true, 1 / 60)
    assert len(slid) == 6
    for pose in slid[:2]:
        assert place_at(scan, target, pose, refined=False).verification.quality < at_home.verification.quality
        assert error(place_at(scan, target, pose, refined=True), prototype, tests[0], target.diameter) < 0.005


@pytest.mark.slow
def test_the_same_scan_gives_the_same_pose(bracket):
    _, tests, target = bracket
    scan = prepare_scan(tests[0].scan.points, target.diameter / 200)
    first, second = (register(scan, target, np.random.default_rng(0)) for _ in range(2))
    assert np.array_equal(first.pose, second.pose)


def test_a_pose_that_is_nearly_right_is_refined_and_a_wrong_one_shows(bracket):
    prototype, tests, target = bracket
    true = invert(prototype.scan.pose_true) @ tests[0].scan.pose_true
    near = true.copy()
    near[:3, 3] += 0.005 * target.diameter
    scan = prepare_scan(tests[0].scan.points, target.diameter / 200)
    assert error(place_at(scan, target, near, refined=True), prototype, tests[0], target.diameter) < 0.004
    far = true.copy()
    far[:3, 3] += 0.2 * target.diameter
    assert place_at(scan, target, far, refined=False).verification.quality < 0.6


@pytest.mark.slow
def test_a_scan_that_can_slide_is_not_ok(bracket):
    prototype, tests, target = bracket
    scan = prepare_scan(tests[0].scan.points, target.diameter / 200)
    # Of a piece of one face nothing says where on the part it lies.
    placed = scan.moved(invert(prototype.scan.pose_true) @ tests[0].scan.pose_true)
    main = np.argmax(np.abs(placed.normals).mean(axis=0))
    flat = np.flatnonzero(np.abs(placed.normals[:, main]) > 0.98)
    counts, bins = np.histogram(placed.points[flat, main], 60)
    level = bins[counts.argmax()]
    face = flat[np.abs(placed.points[flat, main] - level) < 0.03 * target.diameter]
    found = register(scan.take(face), target, np.random.default_rng(0))
    assert found.status != "ok"


@pytest.mark.slow
def test_another_part_is_not_registered(bracket):
    target = bracket[2]
    generator = np.random.default_rng(1)
    mesh = make_part("gear", generator)
    other = draw_test("gear", mesh, SUITES["rigid"], None, 12_000, generator)
    found = register(prepare_scan(other.scan.points, target.diameter / 200), target, np.random.default_rng(0))
    assert found.status in ("weak", "failed")


@pytest.mark.slow
def test_a_final_pose_is_compared_with_those_that_it_could_be_mistaken_for(bracket):
    prototype, tests, target = bracket
    size = target.diameter
    true = invert(prototype.scan.pose_true) @ tests[0].scan.pose_true
    scan = prepare_scan(tests[0].scan.points, size / 200)
    # Of the two sides that the normals may point to, the true one fits.
    source, view = max(_orientations(scan, False), key=lambda one: verify(one[0], target, true, one[1]).quality)
    fine = thin(source, size / 100)
    for start in (slid_poses(source, target, true, 1 / 20)[0], turns(source, target, true, view)[1]):
        wrong = Candidate(fine, view, start, verify(fine, target, start, view, 2), fine)
        found, tried = _polished(wrong, target)
        assert error(found, prototype, tests[0], size) < 0.005
        assert found.verification.quality > wrong.verification.quality
        assert tried
