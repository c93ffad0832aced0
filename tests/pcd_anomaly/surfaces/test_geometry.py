"""Points and rigid maps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.surfaces.geometry import (
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
