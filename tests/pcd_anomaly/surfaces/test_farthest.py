"""Farthest point sampling chooses what brute force chooses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from vision_cli.pcd_anomaly.surfaces.farthest import farthest_points


def brute_force(points, count, start):
    """Choose by the definition: the distances of all points to all that is chosen, each time anew."""
    chosen = [start]
    while len(chosen) < count:
        offset = points[:, None] - points[chosen]
        squared = offset[..., 0] ** 2 + offset[..., 1] ** 2 + offset[..., 2] ** 2
        chosen.append(int(squared.min(axis=1).argmax()))
    return chosen


def sphere(generator):
    points = generator.normal(size=(3000, 3))
    return 50 * points / np.linalg.norm(points, axis=1, keepdims=True)


def far_from_the_origin(generator):
    return sphere(generator) + np.array([4.1e6, -5.5e5, 3.2e5])


def grid(generator):
    """Points of which many are equally far."""
    return np.stack(np.meshgrid(*[np.arange(13.0)] * 3), -1).reshape(-1, 3)


def line(generator):
    return generator.uniform(size=(1111, 1)) * (3.0, -1.0, 2.0)


def doubled(generator):
    return np.repeat(generator.normal(size=(400, 3)), 3, axis=0)


def one_block(generator):
    return generator.normal(size=(70, 3))


@pytest.mark.parametrize("start", [0, 41])
@pytest.mark.parametrize("shape", [sphere, far_from_the_origin, grid, line, doubled, one_block])
def test_what_is_chosen_is_what_brute_force_chooses(shape, start):
    points = shape(np.random.default_rng(5))
    assert farthest_points(points, 60, start).tolist() == brute_force(points, 60, start)


def test_no_point_is_chosen_twice_even_where_nearly_all_are():
    points = np.random.default_rng(6).normal(size=(2000, 3))
    assert sorted(farthest_points(points, 1999)) == sorted(set(farthest_points(points, 1999)))


def test_all_points_are_chosen_where_there_are_no_more_than_asked_for():
    points = np.random.default_rng(7).normal(size=(5, 3))
    for count in (5, 9):
        assert farthest_points(points, count).tolist() == [0, 1, 2, 3, 4]


def test_farthest_points_spread_evenly():
    points = np.random.default_rng(0).uniform(size=(4000, 3))
    chosen = farthest_points(points, 100)
    nearest = NearestNeighbors(n_neighbors=2).fit(points[chosen]).kneighbors(points[chosen])[0][:, 1]
    assert nearest.min() > 0.6 * nearest.mean()
