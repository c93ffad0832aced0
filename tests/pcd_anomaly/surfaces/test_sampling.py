"""Fewer points of a surface: from meshes, in cubes, at equal steps."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from tests.pcd_anomaly.conftest import sphere
from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud
from vision_cli.pcd_anomaly.surfaces.geometry import Surface
from vision_cli.pcd_anomaly.surfaces.sampling import prepare_scan, prototype_points, subsample, thin


def test_points_of_a_mesh_lie_on_it_uniformly_with_the_normals_of_its_faces():
    box = trimesh.creation.box(extents=(4, 2, 1))
    found = prototype_points(Mesh(box.vertices, box.faces), np.random.default_rng(0))
    points, normals = found.points, found.normals
    assert np.abs(points / [2, 1, 0.5]).max(axis=1) == pytest.approx(np.ones(len(points)))
    assert (np.einsum("ni,ni->n", points, normals) > 0).all()
    on_top = (normals[:, 2] > 0.9).mean()
    assert on_top == pytest.approx(8 / box.area, rel=0.02)


@pytest.mark.parametrize("is_open", [False, True])
def test_a_mesh_that_is_inside_out_is_turned(is_open):
    ball = trimesh.creation.icosphere(subdivisions=3)
    faces = ball.faces[ball.triangles_center[:, 2] > -0.9] if is_open else ball.faces
    outward = prototype_points(Mesh(ball.vertices, faces), np.random.default_rng(0))
    turned = prototype_points(Mesh(ball.vertices, faces[:, ::-1]), np.random.default_rng(0))
    assert outward.remark is None
    assert "inside out" in turned.remark
    for found in (outward, turned):
        assert (np.einsum("ni,ni->n", found.points, found.normals) > 0).all()


def test_faces_and_normals_of_random_sides_are_turned_by_the_views_that_show_them():
    ball = trimesh.creation.icosphere(subdivisions=3)
    generator = np.random.default_rng(0)
    turned = generator.random(len(ball.faces)) < 0.5
    faces = np.where(turned[:, None], ball.faces[:, ::-1], ball.faces)
    cloud = sphere(20_000)
    signs = generator.choice([-1.0, 1.0], size=(20_000, 1))
    for prototype in (Mesh(ball.vertices, faces), PointCloud(cloud.points, cloud.normals * signs)):
        found = prototype_points(prototype, generator)
        assert "% of the normals" in found.remark
        assert (np.einsum("ni,ni->n", found.points, found.normals) > 0).mean() > 0.995


def test_normals_of_no_length_are_not_taken():
    found = prototype_points(PointCloud(sphere().points, np.zeros((4000, 3))), np.random.default_rng(0))
    assert found.normals is None
    assert "estimated" in found.remark


def test_points_that_are_not_finite_are_left_out_and_half_of_them_refused():
    points = np.random.default_rng(0).normal(size=(100, 3))
    points[::4] = np.nan
    assert len(prototype_points(PointCloud(points), np.random.default_rng(0)).points) == 75
    points[:60] = np.nan
    with pytest.raises(InputError, match=r"70 of 100 points not finite"):
        prototype_points(PointCloud(points), np.random.default_rng(0))


def test_both_faces_of_a_thin_wall_stay():
    line = np.linspace(0, 1, 30)
    flat = np.stack([*np.meshgrid(line, line), np.zeros((30, 30))], axis=-1).reshape(-1, 3)
    points = np.vstack([flat, flat - [0, 0, 0.01]])
    normals = np.vstack([np.tile([0, 0, 1.0], (900, 1)), np.tile([0, 0, -1.0], (900, 1))])
    found = thin(Surface(points, normals, np.zeros(1800)), 0.1)
    assert np.abs(found.normals[:, 2]) == pytest.approx(np.ones(len(found)))
    assert (found.normals[:, 2] > 0).sum() == (found.normals[:, 2] < 0).sum()


def test_a_scan_for_registration_keeps_given_normals_and_needs_a_hundred_cubes():
    ball = sphere()
    surface = prepare_scan(ball.points, 0.1, ball.normals)
    outward = surface.points / np.linalg.norm(surface.points, axis=1, keepdims=True)
    assert (np.einsum("ni,ni->n", surface.normals, outward) > 0.95).all()
    with pytest.raises(InputError, match="cubes of side 1 found; 100 or more expected"):
        prepare_scan(ball.points, 1.0)


def test_a_subsample_has_about_as_many_points_as_asked_for():
    assert len(subsample(sphere(1000), 100)) == 100
    assert len(subsample(sphere(1000), 5000)) == 1000
