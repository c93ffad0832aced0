"""Rims of scans and holes of prototypes."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from vision_cli.pcd_anomaly.surfaces.boundaries import is_off_centre, surface_ends
from vision_cli.pcd_anomaly.surfaces.geometry import Surface


def grid(count=40):
    line = np.linspace(0, 1, count)
    return np.stack([*np.meshgrid(line, line), np.zeros((count, count))], axis=-1).reshape(-1, 3)


def test_a_surface_ends_at_its_rim_and_not_at_its_edges():
    top, side = grid(), grid()[:, [2, 1, 0]] * [1, 1, -1]
    points = np.vstack([top, side[side[:, 2] < 0]])
    normals = np.vstack([np.tile([0, 0, 1.0], (1600, 1)), np.tile([-1.0, 0, 0], (len(points) - 1600, 1))])
    found = surface_ends(Surface(points, normals, np.zeros(len(points))))
    inside = (points[:, 1] > 0.1) & (points[:, 1] < 0.9)
    assert not found[inside & (points[:, 0] < 0.8) & (points[:, 2] > -0.8)].any()
    assert found[inside & ((points[:, 0] == 1) | (points[:, 2] == -1))].all()


@given(st.floats(2.5, 6.0), st.integers(0, 2**16))
def test_a_surface_of_scattered_points_ends_around_a_hole_wherever_it_is(hole, seed):
    points = np.random.default_rng(seed).uniform(-20, 20, (2500, 3)) * [1, 1, 0]
    from_hole = np.linalg.norm(points, axis=1)
    points, from_hole = points[from_hole > hole], from_hole[from_hole > hole]
    found = surface_ends(Surface(points, np.tile([0, 0, 1.0], (len(points), 1)), np.zeros(len(points))))
    rim = np.argsort(from_hole)[:5]
    assert found[rim].any()
    assert found[np.abs(points[:, :2]).max(axis=1) < 17].mean() < 0.1


def test_the_few_points_of_a_surface_that_is_hardly_seen_are_ends():
    few = grid()[::160] + np.array([1.2, 0, 0])
    points = np.vstack([grid(), few])
    found = surface_ends(Surface(points, np.tile([0, 0, 1.0], (len(points), 1)), np.zeros(len(points))))
    assert found[-len(few) :].all()


def test_a_thin_wall_ends_though_its_other_side_goes_on():
    front = grid()
    back = front - [0, 0, 0.02]
    front = front[front[:, 0] < 0.5]
    points = np.vstack([front, back])
    normals = np.vstack([np.tile([0, 0, 1.0], (len(front), 1)), np.tile([0, 0, -1.0], (len(back), 1))])
    found = surface_ends(Surface(points, normals, np.zeros(len(points))))[: len(front)]
    inside = (front[:, 1] > 0.1) & (front[:, 1] < 0.9)
    assert found[inside & (front[:, 0] == front[:, 0].max())].all()
    assert not found[inside & (front[:, 0] > 0.1) & (front[:, 0] < 0.4)].any()


def test_the_boundary_of_a_patch_is_its_rim():
    line = np.linspace(0, 1, 30)
    points = np.stack([*np.meshgrid(line, line), np.zeros((30, 30))], axis=-1).reshape(-1, 3)
    distance, near = cKDTree(points).query(points, k=24)
    found = is_off_centre(points, points[near], distance)
    rim = (points[:, :2].min(axis=1) == 0) | (points[:, :2].max(axis=1) == 1)
    inner = (points[:, :2].min(axis=1) > 0.15) & (points[:, :2].max(axis=1) < 0.85)
    assert found[rim].all()
    assert not found[inner].any()
