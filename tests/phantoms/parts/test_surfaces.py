"""What is done to surfaces: normals, refinement, warps."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.io.points.clouds import Mesh
from vision_cli.phantoms.parts.surfaces import convexity, refined, triangle_normals, vertex_normals, warped


def ball(radius=10.0, subdivisions=3):
    made = trimesh.creation.icosphere(subdivisions=subdivisions, radius=radius)
    return Mesh(np.array(made.vertices), np.array(made.faces, dtype=np.int64))


def test_normals_of_a_ball_point_away_from_its_middle():
    mesh = ball()
    np.testing.assert_allclose(vertex_normals(mesh), mesh.vertices / 10, atol=0.02)
    normals, areas = triangle_normals(mesh)
    assert areas.sum() == pytest.approx(4 * np.pi * 100, rel=0.02)
    assert (normals * mesh.vertices[mesh.triangles].mean(axis=1)).sum(axis=1).min() > 0


def test_corners_of_a_box_stand_out_and_its_faces_do_not():
    box = trimesh.creation.box(extents=(10, 10, 10)).subdivide().subdivide()
    mesh = Mesh(np.array(box.vertices), np.array(box.faces, dtype=np.int64))
    sharp = convexity(mesh, vertex_normals(mesh))
    at_rim = (np.abs(mesh.vertices) > 4.99).sum(axis=1)
    assert sharp[at_rim == 1] == pytest.approx(0, abs=1e-9)
    assert sharp[at_rim >= 2].min() > 0.1


def test_refinement_splits_what_is_near_and_keeps_the_surface():
    mesh = ball()
    centre = np.array([0, 0, 10.0])
    finer = refined(mesh, lambda points: np.linalg.norm(points - centre, axis=1) - 2, 0.3)
    edges = np.linalg.norm(np.diff(finer.vertices[finer.triangles][:, [0, 1, 2, 0]], axis=1), axis=2).max(axis=1)
    away = np.linalg.norm(finer.vertices[finer.triangles] - centre, axis=2)
    assert edges[away.max(axis=1) < 2].max() <= 0.3
    assert edges[away.min(axis=1) > 5].max() > 1
    assert triangle_normals(finer)[1].sum() == pytest.approx(triangle_normals(mesh)[1].sum())


@settings(max_examples=10)
@given(seed=st.integers(0, 1000), size=st.floats(0.01, 1.0))
def test_a_warp_is_as_large_as_asked_and_moves_nothing_as_a_whole(seed, size):
    mesh = ball(subdivisions=2)
    shift = warped(mesh, size, np.random.default_rng(seed)).vertices - mesh.vertices
    assert np.linalg.norm(shift, axis=1).max() == pytest.approx(size)
    np.testing.assert_allclose(shift.mean(axis=0), 0, atol=1e-6 * size)
    np.testing.assert_allclose(np.cross(mesh.vertices, shift).mean(axis=0), 0, atol=1e-5 * size)
