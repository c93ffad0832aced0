"""Scans of one side come back to their true pose, and what cannot be placed is refused."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pcd_anomaly.conftest import pose_error
from vision_cli.pcd_anomaly.registration.icp import refine
from vision_cli.pcd_anomaly.registration.registration import place, prepare_scan, register
from vision_cli.pcd_anomaly.registration.targets import make_target, oriented_surface, thin
from vision_cli.pcd_anomaly.registration.verification import is_symmetry, slides
from vision_cli.pcd_anomaly.surfaces.geometry import diameter, invert
from vision_cli.pcd_anomaly.surfaces.lookup import seen_aslant
from vision_cli.pcd_anomaly.surfaces.visibility import orient_outwards, view_directions_of
from vision_cli.phantoms.parts.defects import SUITES
from vision_cli.phantoms.parts.parts import make_part
from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test


@pytest.fixture(scope="module")
def bracket():
    generator = np.random.default_rng(0)
    mesh = make_part("bracket", generator)
    prototype = draw_prototype(mesh, SUITES["rigid"], 40_000, generator)
    tests = [draw_test("bracket", mesh, SUITES["rigid"], None, 12_000, generator) for _ in range(2)]
    size = diameter(prototype.scan.points)
    return prototype, tests, make_target(oriented_surface(prototype.scan.points, size / 150))


def error(found, prototype, test, size):
    return pose_error(found.pose, prototype.scan, test.scan) / size


def test_scans_of_one_side_find_their_true_pose(bracket):
    prototype, tests, target = bracket
    for test in tests:
        scan = prepare_scan(test.scan.points, target.diameter / 200)
        found = register(scan, target, np.random.default_rng(0))
        assert found.status == "ok"
        assert found.hold > 0.01
        assert error(found, prototype, test, target.diameter) < 0.0125


def test_the_side_of_faces_that_are_seen_at_a_slant_is_told_by_the_reference(bracket):
    _, _, target = bracket
    level = target.levels[2]
    faces = level.surface.take(np.arange(0, len(level.surface), 3))
    axis = np.array([1.0, 2.0, 0.5]) / np.linalg.norm([1.0, 2.0, 0.5])
    seen = faces.take(faces.normals @ axis > 0.05)
    # The sensor is taken to stand a quarter turn of a right angle aside: what it saw at a slant then looks away.
    other = axis + 0.4 * np.cross(axis, [0.0, 0.0, 1.0])
    other /= np.linalg.norm(other)
    facing = seen.facing(other)
    wrong = np.einsum("ni,ni->n", facing.normals, seen.normals) < 0
    assert wrong.mean() > 0.02
    turned = seen_aslant(facing, level, other)
    assert (np.einsum("ni,ni->n", turned.normals, seen.normals) < 0).mean() < 0.1 * wrong.mean()


def test_a_pose_that_slid_along_a_plate_is_slid_home(bracket):
    prototype, tests, target = bracket
    true = invert(prototype.scan.pose_true) @ tests[0].scan.pose_true
    scan = prepare_scan(tests[0].scan.points, target.diameter / 200)
    at_home = place(scan, target, true, refined=False)
    slid = slides(scan, target, true, 1 / 60)
    assert len(slid) == 6
    for pose in slid[:2]:
        assert place(scan, target, pose, refined=False).verification.quality < at_home.verification.quality
        assert error(place(scan, target, pose, refined=True), prototype, tests[0], target.diameter) < 0.005


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
    assert error(place(scan, target, near, refined=True), prototype, tests[0], target.diameter) < 0.004
    far = true.copy()
    far[:3, 3] += 0.2 * target.diameter
    assert place(scan, target, far, refined=False).verification.quality < 0.6


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


def test_the_view_of_a_scan_is_found_and_a_whole_cloud_has_none(bracket):
    prototype, tests, target = bracket
    assert view_directions_of(prepare_scan(tests[0].scan.points, target.diameter / 200))
    assert not view_directions_of(prepare_scan(prototype.scan.points, target.diameter / 200))


def test_normals_of_a_whole_cloud_point_outwards():
    generator = np.random.default_rng(2)
    points = generator.normal(size=(6000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    surface = orient_outwards(prepare_scan(points, 0.05))
    assert (np.einsum("ij,ij->i", surface.normals, surface.points) > 0.9).mean() > 0.99


def test_the_identity_is_a_symmetry_and_a_quarter_turn_of_a_bracket_is_not(bracket):
    target = bracket[2]
    turn = np.eye(4)
    turn[:2, :2] = [[0, -1], [1, 0]]
    assert is_symmetry(target, np.eye(4))
    assert not is_symmetry(target, turn)


def test_icp_brings_a_surface_back_onto_itself(bracket):
    target = bracket[2]
    surface = thin(target.levels[1].surface, target.diameter / 40)
    pose = np.eye(4)
    pose[:3, 3] = 0.01 * target.diameter
    found = refine(surface, target.levels[2], pose[None], (target.diameter / 20,) * 8)[0]
    assert np.linalg.norm(found[:3, 3]) < 0.002 * target.diameter
