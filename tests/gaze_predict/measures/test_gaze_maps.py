"""Maps of gaze and their measures, against plain definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.gaze_predict.measures import maps
from vision_cli.gaze_predict.values import ScanPath

SHAPE = (28, 20)


@pytest.fixture
def pair():
    rng = np.random.default_rng(1)
    return maps.normalised(rng.random(SHAPE)), maps.normalised(rng.random(SHAPE) ** 2)


def test_a_map_is_the_weighted_sum_of_gaussians():
    path = ScanPath(
        np.array([[0.3, 0.4], [0.8, 0.1]], np.float32), np.array([1, 3], np.float32), np.zeros(2, np.float32)
    )
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    expected = sum(
        weight * np.exp(-((rows - y * SHAPE[0]) ** 2 + (columns - x * SHAPE[1]) ** 2) / (2 * 3.0**2))
        for (x, y), weight in zip(path.points.astype(float), (1, 3), strict=True)
    )
    np.testing.assert_allclose(maps.gaze_map(path, SHAPE, 3.0), expected / expected.sum(), rtol=1e-9)


def test_unknown_durations_weigh_fixations_equally():
    points = np.array([[0.3, 0.4], [0.8, 0.1]], np.float32)
    unknown = ScanPath(points, np.full(2, np.nan, np.float32), np.zeros(2, np.float32))
    equal = ScanPath(points, np.ones(2, np.float32), np.zeros(2, np.float32))
    np.testing.assert_array_equal(maps.gaze_map(unknown, SHAPE), maps.gaze_map(equal, SHAPE))


def test_measures_of_equal_maps(pair):
    one, _ = pair
    assert maps.correlation(one, one) == pytest.approx(1)
    assert maps.similarity(one, one) == pytest.approx(1)
    assert maps.divergence(one, one) == pytest.approx(0, abs=1e-12)
    assert maps.overlap(one, one) == 1


def test_measures_of_two_maps_follow_their_definitions(pair):
    one, two = pair
    assert maps.correlation(one, two) == pytest.approx(np.corrcoef(one.ravel(), two.ravel())[0, 1])
    assert maps.similarity(one, two) == pytest.approx(sum(min(p, q) for p, q in zip(one.flat, two.flat, strict=True)))
    assert maps.divergence(one, two) == pytest.approx(float((two * np.log(two / one)).sum()), abs=1e-9)
    points = np.array([[0.01, 0.01], [0.99, 0.99], [1.0, 0.5]])
    values = [one[0, 0], one[-1, -1], one[14, -1]]
    assert maps.normalized_scanpath_saliency(one, points) == pytest.approx((np.mean(values) - one.mean()) / one.std())
    gained = np.mean(np.log2([one[0, 0] / two[0, 0], one[-1, -1] / two[-1, -1], one[14, -1] / two[14, -1]]))
    assert maps.information_gain(one, two, points) == pytest.approx(gained, abs=1e-9)


def test_the_overlap_takes_equal_areas():
    truth, predicted = np.zeros((2, 10)), np.zeros((2, 10))
    truth[0, :5], predicted[0, 2:8] = [5, 4, 3, 2, 1], [1, 9, 8, 7, 6, 5]
    # Half of 15 needs two pixels, 0 and 1; the two highest of the prediction are 3 and 4.
    assert maps.overlap(predicted, truth) == 0
    predicted[0, 1] = 10
    assert maps.overlap(predicted, truth) == pytest.approx(1 / 3)


@settings(max_examples=25)
@given(st.integers(0, 1000), st.integers(1, 12), st.booleans())
def test_areas_count_pairs(seed, count, is_coarse):
    rng = np.random.default_rng(seed)
    values = rng.random(SHAPE)
    values = np.round(values, 1) if is_coarse else values
    points = rng.random((count, 2))
    fixated = np.zeros(SHAPE, bool)
    fixated[maps.pixels_of(points, SHAPE)] = True
    apart = values[fixated][:, None] - values[~fixated][None]
    assert maps.auc_judd(values, points) == pytest.approx(((apart > 0) + 0.5 * (apart == 0)).mean())
    others = rng.random((30, 2))
    at, there = values[maps.pixels_of(points, SHAPE)], values[maps.pixels_of(others, SHAPE)]
    apart = at[:, None] - there[None]
    expected = ((apart > 0) + 0.5 * (apart == 0)).mean()
    drawn = maps.auc_shuffled(values, points, others, np.random.default_rng(0))
    # Of 100 draws of as many points the mean is 5 % off, and less for more points; five times that never happens.
    assert drawn == pytest.approx(expected, abs=0.25 / np.sqrt(count))
    assert np.isnan(maps.auc_shuffled(values, points, others[:0], rng))


def test_the_random_area_is_that_of_all_pixels_on_average():
    rng = np.random.default_rng(0)
    centre = maps.gaussian_map((56, 56), 8)
    points = 0.5 + 0.05 * rng.standard_normal((20, 2))
    assert maps.auc_borji(centre, points, rng) == pytest.approx(maps.auc_judd(centre, points), abs=0.02)


def test_measures_that_are_not_defined_are_nan():
    flat = np.full(SHAPE, 1 / 560)
    assert np.isnan(maps.correlation(flat, flat))
    assert np.isnan(maps.normalized_scanpath_saliency(flat, np.array([[0.5, 0.5]])))
    assert maps.normalised(np.zeros(SHAPE)).sum() == pytest.approx(1)


def test_maps_have_the_aspect_of_the_film():
    assert maps.map_shape(2000, 1000) == (224, 112)
    assert maps.map_shape(512, 512) == (224, 224)
    mean = maps.mean_map([np.ones((10, 10)), np.eye(20)], (10, 10))
    assert mean.shape == (10, 10)
    assert mean.sum() == pytest.approx(1)
