"""Scans: where the points lie, how far off, from which side, and the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from vision_cli.core.errors import UsageError
from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.parts.scanner import Errors, Marks, scan, scan_around

UP = np.array([0.0, 0.0, 1.0])
PERFECT = Errors(noise_mm=0, bias_mm=0, jitter_mm=0, jitter_rad=0, lost=0)


@pytest.fixture(scope="module")
def ball():
    made = trimesh.creation.icosphere(subdivisions=5, radius=15)
    return Mesh(np.array(made.vertices), np.array(made.faces, dtype=np.int64))


@pytest.fixture(scope="module")
def plate():
    made = trimesh.creation.box(extents=(30, 30, 4))
    return Mesh(np.array(made.vertices), np.array(made.faces, dtype=np.int64))


def placed(seen):
    return seen.points @ seen.pose_true[:3, :3].T + seen.pose_true[:3, 3]


def test_the_true_pose_puts_a_scan_without_errors_onto_the_part(ball):
    seen = scan(ball, np.array([1.0, -2, 0.5]), 5000, np.random.default_rng(0), errors=PERFECT, with_normals=True)
    np.testing.assert_allclose(np.linalg.norm(placed(seen), axis=1), 15, atol=0.02)
    np.testing.assert_allclose(seen.points.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(seen.pose_true[:3, :3] @ seen.pose_true[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(seen.pose_true[:3, :3]) == pytest.approx(1)
    outward = seen.normals @ seen.pose_true[:3, :3].T
    assert np.einsum("nd,nd->n", outward, placed(seen) / 15).min() > 0.99


@pytest.mark.parametrize("points", [1500, 20_000])
def test_a_scan_has_about_as_many_points_as_asked(ball, points):
    assert len(scan(ball, UP, points, np.random.default_rng(0)).points) == pytest.approx(points, rel=0.06)
    assert len(scan_around(ball, points, np.random.default_rng(0)).points) == pytest.approx(points, rel=0.06)


def test_a_scan_shows_one_side_and_nothing_at_a_grazing_angle(ball):
    seen = placed(scan(ball, UP, 20_000, np.random.default_rng(0), errors=PERFECT))
    degrees = np.degrees(np.arccos(np.clip(seen[:, 2] / 15, -1, 1)))
    assert degrees.max() < 80
    even = np.histogram(np.cos(np.radians(degrees)), [0.2, 0.35, 0.5, 0.9])[0]
    # Rays fall as cos on the sphere; from 60 degrees on they are lost more and more.
    assert even[0] < 0.5 * even[1]


def test_noise_and_bias_are_as_large_as_said(plate):
    quiet = Errors(bias_mm=0, lost=0)
    straight = placed(scan(plate, UP, 20_000, np.random.default_rng(0), errors=quiet))
    assert (straight[:, 2] - 2).std() == pytest.approx(0.015, rel=0.05)
    slanted_view = np.array([np.sin(np.radians(55)), 0, np.cos(np.radians(55))])
    slanted = placed(scan(plate, slanted_view, 20_000, np.random.default_rng(0), errors=quiet))
    top = slanted[np.abs(slanted[:, 0]) < 14]
    along = (top[top[:, 2] > 1.5, 2] - 2) / np.cos(np.radians(55))
    assert along.std() == pytest.approx(0.015 / np.cos(np.radians(55)), rel=0.1)
    biased = placed(scan(plate, UP, 20_000, np.random.default_rng(1), errors=Errors(noise_mm=0, lost=0)))
    assert (biased[:, 2] - 2).std() == pytest.approx(0.012, rel=0.35)
    neighbours = cKDTree(biased[:, :2]).query(biased[:, :2], 2)[1][:, 1]
    assert np.corrcoef(biased[:, 2], biased[neighbours, 2])[0, 1] > 0.9


def test_a_prototype_shows_all_sides(ball):
    directions = placed(scan_around(ball, 12_000, np.random.default_rng(0))) / 15
    assert cKDTree(directions).query(trimesh.creation.icosphere(subdivisions=3).vertices)[0].max() < 0.15


def test_points_are_labelled_where_the_surface_moved(ball):
    deviation = np.where(ball.vertices[:, 2] > 14, -0.5, 0.0)
    marks = Marks(deviation, 0.1)
    seen = scan(ball, UP, 20_000, np.random.default_rng(0), marks=marks, errors=PERFECT)
    height = placed(seen)[:, 2]
    assert seen.labels[height > 14.2].all()
    assert not seen.labels[height < 13.8].any()
    assert seen.deviation_mm.min() == -0.5


def test_the_same_state_gives_the_same_bytes(ball):
    first, second = (scan(ball, UP, 3000, np.random.default_rng(5)) for _ in range(2))
    assert first.points.tobytes() == second.points.tobytes()
    assert not np.array_equal(first.points[:10], scan(ball, UP, 3000, np.random.default_rng(6)).points[:10])


def test_a_part_that_cannot_be_seen_is_refused(plate):
    inward = Mesh(plate.vertices, plate.triangles[:, ::-1])
    with pytest.raises(UsageError, match="sees nothing of the part"):
        scan(inward, UP, 1000, np.random.default_rng(0))
