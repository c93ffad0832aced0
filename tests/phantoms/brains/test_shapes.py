from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.phantoms.brains.shapes import blend, carve, ellipsoid, tube

POINTS = np.random.default_rng(0).uniform(-40, 40, (3, 500)).astype(np.float32)


def test_distance_to_a_ball_is_exact():
    distance = ellipsoid(POINTS, (1, 2, 3), (10, 10, 10))
    expected = np.linalg.norm(POINTS - np.asarray([[1], [2], [3]]), axis=0) - 10
    np.testing.assert_allclose(distance, expected, atol=1e-4)


@given(st.tuples(*[st.floats(5, 40)] * 3))
def test_an_ellipsoid_is_negative_inside_and_nowhere_else(radii):
    inside = ((POINTS / np.asarray(radii)[:, None]) ** 2).sum(axis=0)
    clear = np.abs(inside - 1) > 1e-4
    distance = ellipsoid(POINTS, (0, 0, 0), radii)
    np.testing.assert_array_equal((distance < 0)[clear], (inside < 1)[clear])


def test_distance_to_a_tube_is_that_to_its_axis_less_its_radius():
    distance = tube(POINTS, ((0, 0, -100), (0, 0, 0), (0, 0, 100)), (5, 5, 5))
    np.testing.assert_allclose(distance, np.hypot(POINTS[0], POINTS[1]) - 5, atol=1e-4)


def test_a_tube_has_its_radius_at_each_knot():
    at_knots = np.asarray([[0, 20, 20], [0, 0, 10], [0, 0, 0]], np.float32)
    assert tube(at_knots, at_knots.T.tolist(), (3, 4, 5)) == pytest.approx([-3, -4, -5], abs=1e-5)


def test_a_blend_holds_both_solids_and_adds_only_near_the_crease():
    first, second = ellipsoid(POINTS, (-10, 0, 0), (14, 14, 14)), ellipsoid(POINTS, (10, 0, 0), (14, 14, 14))
    blended = blend(first, second, 6)
    sharp = np.minimum(first, second)
    assert (blended <= sharp).all()
    assert (sharp - blended).max() <= 1.5
    np.testing.assert_array_equal(blended[np.abs(first - second) > 6], sharp[np.abs(first - second) > 6])


def test_what_is_carved_has_no_point_of_the_tool():
    solid, tool = ellipsoid(POINTS, (0, 0, 0), (30, 30, 30)), ellipsoid(POINTS, (20, 0, 0), (15, 15, 15))
    carved = carve(solid, tool, 4)
    assert not ((carved < 0) & (tool < 0)).any()
    assert not ((carved < 0) & (solid >= 0)).any()
