"""Points and rigid maps: what the rest of the task relies on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.surfaces.geometry import (
    Surface,
    basis_of,
    canonical_order,
    diameter,
    fit_rigid,
    invert,
    make_pose,
    sphere_directions,
    surface_of,
    transform,
    voxel_means,
)
from vision_cli.pcd_anomaly.surfaces.visibility import directions_about, left_open


def random_pose(generator):
    return make_pose(Rotation.random(rng=generator).as_matrix(), generator.normal(size=3))


def test_a_pose_after_its_inverse_is_identity():
    generator = np.random.default_rng(0)
    pose, points = random_pose(generator), generator.normal(size=(50, 3))
    assert np.allclose(transform(invert(pose), transform(pose, points)), points)


def test_the_rigid_fit_of_moved_points_is_the_pose_that_moved_them():
    generator = np.random.default_rng(1)
    poses = np.stack([random_pose(generator) for _ in range(5)])
    source = generator.normal(size=(5, 7, 3))
    target = np.stack([transform(pose, points) for pose, points in zip(poses, source, strict=True)])
    assert np.allclose(fit_rigid(source, target), poses)


def test_the_rigid_fit_never_mirrors():
    source = np.random.default_rng(2).normal(size=(6, 3))
    pose = fit_rigid(source, source * [1, 1, -1])
    assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)


def test_the_diameter_is_the_greatest_distance_whatever_the_pose():
    generator = np.random.default_rng(3)
    points = generator.normal(size=(400, 3)) * [3, 2, 1]
    assert diameter(points) == pytest.approx(pdist(points).max())
    assert diameter(transform(random_pose(generator), points)) == pytest.approx(diameter(points))


def test_the_diameter_of_many_points_is_nearly_exact():
    points = np.random.default_rng(4).normal(size=(5000, 3))
    assert diameter(points) == pytest.approx(pdist(points).max(), rel=0.01)


def test_points_in_a_plane_have_no_diameter():
    points = np.random.default_rng(5).normal(size=(50, 3)) * [1, 1, 0]
    with pytest.raises(InputError, match="50 points in a plane"):
        diameter(points)


def test_voxel_means_do_not_depend_on_the_order_of_points():
    generator = np.random.default_rng(6)
    points = generator.normal(size=(2000, 3))
    shuffled = points[generator.permutation(len(points))]
    first, second = (voxel_means(p[canonical_order(p)], 0.4) for p in (points, shuffled))
    assert np.array_equal(first, second)


def test_normals_of_a_plane_are_its_normal_and_its_variation_is_zero():
    generator = np.random.default_rng(7)
    points = generator.uniform(size=(500, 3)) * [1, 1, 0]
    surface = surface_of(points, 10)
    assert np.allclose(np.abs(surface.normals), [0, 0, 1])
    assert np.allclose(surface.variation, 0)


def test_a_basis_is_right_handed_and_ends_in_the_direction():
    for direction in sphere_directions(20):
        basis = basis_of(direction)
        assert np.allclose(basis @ basis.T, np.eye(3))
        assert np.linalg.det(basis) == pytest.approx(1)
        assert np.allclose(basis[2], direction)


def test_a_surface_leaves_open_what_its_holes_could_show_and_nothing_else():
    line = np.linspace(0, 1, 61)
    flat = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    up = np.array([0, 0, 1.0])
    top, bottom = np.insert(flat, 2, 0.2, axis=1), np.insert(flat, 2, 0.0, axis=1)
    top = top[np.abs(flat - 0.5).max(axis=1) > 0.25]
    points, normals = np.vstack([top, bottom]), np.vstack([np.tile(up, (len(top), 1)), np.tile(-up, (len(bottom), 1))])
    slab = Surface(points, normals, np.zeros(len(points)))

    def is_open(x, y, z, direction=up):
        return bool(left_open(slab, np.array([[x, y, z]]), np.asarray(direction), 0.06)[0])

    # The ground of the hole may lie at any depth, and a slanted look meets it too.
    assert is_open(0.5, 0.5, 0.15)
    assert is_open(0.5, 0.5, 0.05)
    assert is_open(0.5, 0.5, 0.15, [0.28, 0, 0.96])
    # A sink below the top, a bulge above it, and what sticks out beside the slab.
    assert not is_open(0.1, 0.5, 0.15)
    assert not is_open(0.1, 0.5, 0.25)
    assert not is_open(1.2, 0.5, 0.1)
    # Beside the rim of the hole.
    assert not is_open(0.255, 0.5, 0.25)
    # The ground of a deep shaft, seen past its rim by no more than the direction to the sensor may be off.
    slanted = np.array([0.15, 0, 1.0]) / np.linalg.norm([0.15, 0, 1.0])
    around = directions_about(slanted)
    assert np.array_equal(around[0], slanted)
    assert all(3.5 < math.degrees(math.acos(slanted @ one)) < 8.5 for one in around[1:])
    ground = np.column_stack([flat, np.full(len(flat), -0.4)])
    deep = Surface(np.vstack([top, ground]), normals, np.zeros(len(points)))
    found = [bool(left_open(deep, np.array([[0.13, 0.5, -0.3]]), one, 0.06)[0]) for one in around]
    assert not found[0]
    assert any(found)
