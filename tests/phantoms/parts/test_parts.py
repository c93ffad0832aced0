"""Parts: solid, of the size that is asked for, without symmetry, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from vision_cli.core.errors import UsageError
from vision_cli.phantoms.parts.parts import PARTS, draw_view, make_part
from vision_cli.phantoms.parts.surfaces import diameter


def solid(name, seed=0, edge_mm=0.8):
    return make_part(name, np.random.default_rng(seed), edge_mm)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_is_one_watertight_solid_of_about_40_mm(name):
    mesh = solid(name)
    body = trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False)
    assert body.is_watertight
    assert body.is_winding_consistent
    assert body.body_count == 1
    assert body.volume > 500
    assert 38 <= diameter(mesh.vertices) <= 43
    assert body.edges_unique_length.max() <= 0.8 * 1.001
    np.testing.assert_allclose((mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2, 0, atol=1e-6)


@pytest.mark.parametrize("name", PARTS)
def test_no_half_turn_or_third_of_a_turn_maps_a_part_onto_itself(name):
    points = solid(name, edge_mm=1.5).vertices
    tree = cKDTree(points)
    for axis in np.eye(3):
        for angle in (180, 120, 90, 60, 360 / 16):
            turned = Rotation.from_rotvec(axis * angle, degrees=True).apply(points)
            assert tree.query(turned)[0].max() > 1.0


def test_the_same_state_gives_the_same_part_and_another_gives_another():
    np.testing.assert_array_equal(solid("gear", 3, 2.0).vertices, solid("gear", 3, 2.0).vertices)
    assert diameter(solid("gear", 3, 2.0).vertices) != diameter(solid("gear", 4, 2.0).vertices)


def test_views_are_unit_vectors_of_many_directions():
    generator = np.random.default_rng(0)
    for name in PARTS:
        views = np.array([draw_view(name, generator) for _ in range(20)])
        np.testing.assert_allclose(np.linalg.norm(views, axis=1), 1)
        assert (views @ views.T).min() < 0.95


def test_a_part_that_is_not_made_is_refused():
    with pytest.raises(UsageError, match="part 'teapot'; one of flange, bracket"):
        solid("teapot")
