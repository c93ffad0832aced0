"""Regions: how many, how large, how far off, what kind; independent of order and pose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vision_cli.pcd_anomaly.scoring.regions import REGION_COLUMNS, find_regions

PITCH = 0.2


@pytest.fixture(scope="module")
def plane():
    line = np.arange(-10, 10, PITCH)
    across, down = np.meshgrid(line, line, indexing="ij")
    flat = np.stack([across.ravel(), down.ravel(), np.zeros(across.size)], axis=1)
    return flat + np.random.default_rng(0).normal(0, 0.005, flat.shape)


def disc(points, x, y, radius):
    return np.linalg.norm(points[:, :2] - [x, y], axis=1) < radius


def test_two_spots_are_two_regions_with_their_extents(plane):
    large, small = disc(plane, -5, 0, 2.0), disc(plane, 5, 5, 1.0)
    scores = 3.0 * large + 5.0 * small
    deviation = np.where(large, -0.3, np.where(small, 0.1, 0.0))
    found = find_regions(plane, scores, 1.0, deviation=deviation)
    first, second = found.found
    assert (first.number, second.number, first.score, second.score) == (1, 2, 5.0, 3.0)
    assert (first.kind, second.kind) == ("bulge", "sink")
    assert second.area == pytest.approx(np.pi * 4, rel=0.05)
    assert first.area == pytest.approx(np.pi, rel=0.05)
    assert second.length == pytest.approx(4, abs=0.3)
    assert second.width == pytest.approx(4, abs=0.3)
    assert second.centre == pytest.approx((-5, 0, 0), abs=0.05)
    assert (second.max_signed_dev, second.mean_signed_dev) == pytest.approx((-0.3, -0.3))
    assert second.n_points == large.sum()
    np.testing.assert_array_equal(found.numbers, np.where(small, 1, np.where(large, 2, 0)))


@settings(max_examples=10)
@given(seed=st.integers(0, 10_000))
def test_neither_order_nor_pose_changes_the_regions(plane, seed):
    rng = np.random.default_rng(seed)
    spots = disc(plane, -5, 0, 2.0) * 2.0 + disc(plane, 4, 4, 1.5) * 3.0
    order = rng.permutation(len(plane))
    turn = Rotation.random(rng=rng)
    moved = turn.apply(plane[order]) + rng.normal(0, 1000, 3)
    first, second = find_regions(plane, spots, 1.0), find_regions(moved, spots[order], 1.0)
    np.testing.assert_array_equal(second.numbers, first.numbers[order])
    for ours, theirs in zip(first.found, second.found, strict=True):
        assert theirs.area == pytest.approx(ours.area, rel=1e-6)
        assert theirs.length == pytest.approx(ours.length, rel=1e-3)
        assert theirs.score == pytest.approx(ours.score)


def test_the_area_does_not_depend_on_the_density_of_the_points(plane):
    uneven = plane[(plane[:, 0] < 0) | (np.random.default_rng(1).random(len(plane)) < 0.3)]
    found = find_regions(uneven, disc(uneven, 0, 0, 3.0) * 1.0, 0.5)
    assert sum(region.area for region in found.found) == pytest.approx(np.pi * 9, rel=0.1)


def test_a_groove_with_ridges_is_a_scratch_and_one_without_a_crack(plane):
    away = np.abs(plane[:, 1]) / 0.5
    inside = (np.abs(plane[:, 0]) < 4) & (away < 1.9)
    groove = -np.clip(1 - away**2, 0, None)
    ridged = np.where(inside, groove + 0.3 * (away > 1.0) * (away < 1.8), 0.0)
    for deviation, kind in ((ridged, "scratch"), (np.where(inside, groove, 0.0), "crack")):
        (region,) = find_regions(plane, np.abs(deviation), 0.05, deviation=deviation).found
        assert region.kind == kind
        assert region.length == pytest.approx(8, abs=0.5)


def test_what_grows_from_a_line_on_is_a_bend(plane):
    deviation = 0.1 * np.clip(plane[:, 0] - 4, 0, None)
    (region,) = find_regions(plane, deviation, 0.05, deviation=deviation).found
    assert region.kind == "bend"


def test_an_edge_that_broke_off_is_missing_and_a_dent_is_a_sink():
    rng = np.random.default_rng(0)
    flat = rng.uniform(0, 10, (20_000, 2))
    # Two faces of a box meet in the line x = z = 0; the surface falls away to both sides.
    top = np.stack([-flat[:, 0], flat[:, 1], np.zeros(len(flat))], axis=1)
    side = np.stack([np.zeros(len(flat)), flat[:, 1], -flat[:, 0]], axis=1)
    points, normals = np.concatenate([top, side]), np.repeat([[0.0, 0, 1], [1, 0, 0]], len(flat), axis=0)
    slope = np.array([1, 0, 1]) / np.sqrt(2)
    over = points @ slope + 0.7 * np.clip(1 - ((points[:, 1] - 5) / 2) ** 2, 0, None)
    chipped = over > 0
    broken = points - np.where(chipped, over, 0)[:, None] * slope
    deviation = np.where(chipped, -over, 0.0)
    turned = np.where(chipped[:, None], slope, normals)
    (region,) = find_regions(broken, np.abs(deviation), 0.1, deviation=deviation, normals=turned).found
    assert region.kind == "missing"
    dent = 0.5 * np.clip(1 - ((points[:, 0] + 5) ** 2 + (points[:, 1] - 5) ** 2) / 4, 0, None) * (normals[:, 2] > 0)
    pressed = points - dent[:, None] * normals
    (region,) = find_regions(pressed, dent, 0.05, deviation=-dent, normals=normals).found
    assert region.kind == "sink"


def test_small_spots_nan_and_quiet_scans_give_no_region(plane):
    scores = np.zeros(len(plane))
    assert find_regions(plane, scores, 1.0).found == ()
    scores[disc(plane, 0, 0, 0.3)] = 9
    assert find_regions(plane, scores, 1.0).found == ()
    spots = disc(plane, 0, 0, 1.0) * 2.0
    assert find_regions(plane, spots, 1.0, least_area=10.0).found == ()
    spots[spots > 0] = np.nan
    assert find_regions(plane, spots, 1.0).found == ()


def test_points_that_are_not_finite_belong_to_no_region(plane):
    holed = plane.copy()
    holed[::7] = np.nan
    found = find_regions(holed, disc(plane, 0, 0, 2.0) * 1.0, 0.5)
    assert not found.numbers[::7].any()
    assert len(found.found) == 1


def test_a_row_has_the_columns_of_the_table(plane):
    (region,) = find_regions(plane, disc(plane, 0, 0, 2.0) * 1.0, 0.5).found
    row = dict(zip(REGION_COLUMNS, region.row("a/b"), strict=True))
    assert (row["sample"], row["region"], row["type"]) == ("a/b", 1, "unknown")
    assert row["max_signed_dev"] is None


@pytest.mark.parametrize(("half_length", "half_width"), [(11.5, 11.5), (25.0, 1.5)])
def test_a_region_reaches_over_the_flanks_of_its_defect(half_length, half_width):
    generator = np.random.default_rng(0)
    x, y = np.meshgrid(np.arange(-40, 40, 0.4), np.arange(-30, 30, 0.4))
    points = np.column_stack([x.ravel(), y.ravel(), np.zeros(x.size)])
    radius = np.minimum(np.hypot(points[:, 0] / half_length, points[:, 1] / half_width), 1)
    true = 3.7 * 0.5 * (1 + np.cos(np.pi * radius))
    deviation = true + 0.03 * generator.standard_normal(len(points))
    # Half of the height reaches the threshold, as where the scale of a place is wide.
    scores = np.abs(deviation) / 0.26
    (region,) = find_regions(points, scores, 7.0, deviation=deviation).found
    (seeds,) = find_regions(points, scores, 7.0).found
    assert region.length == pytest.approx(2 * half_length, rel=0.25)
    assert region.length > 1.3 * seeds.length
    assert region.max_signed_dev == pytest.approx(3.7, abs=0.15)
