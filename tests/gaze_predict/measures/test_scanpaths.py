"""Measures of scan paths, against plain dynamic programming."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.gaze_predict.measures import scanpaths
from vision_cli.gaze_predict.measures.multimatch import multimatch
from vision_cli.gaze_predict.values import ScanPath

seeds = st.integers(0, 10_000)


def random_path(rng, least=1, most=9):
    count = int(rng.integers(least, most + 1))
    durations = rng.uniform(0.1, 0.5, count).astype(np.float32)
    return ScanPath(rng.random((count, 2)).astype(np.float32), durations, np.cumsum(durations))


def cells(path, bins, is_repeated=False):
    places = [tuple(min(int(v * bins), bins - 1) for v in point) for point in path.points.astype(float)]
    times = [round(float(d) / 0.05) for d in path.durations] if is_repeated else [1] * len(places)
    return [place for place, count in zip(places, times, strict=True) for _ in range(count)]


def plain_scanmatch(one, two):
    @lru_cache(None)
    def best(i, j):
        if not i or not j:
            return 0.0
        gain = 3.5 - math.dist(one[i - 1], two[j - 1])
        return max(best(i - 1, j), best(i, j - 1), best(i - 1, j - 1) + gain)

    return best(len(one), len(two)) / (3.5 * max(len(one), len(two)))


def plain_edit_distance(one, two):
    @lru_cache(None)
    def least(i, j):
        if not i or not j:
            return i + j
        return min(least(i - 1, j) + 1, least(i, j - 1) + 1, least(i - 1, j - 1) + (one[i - 1] != two[j - 1]))

    return least(len(one), len(two))


def plain_warping(one, two):
    @lru_cache(None)
    def least(i, j):
        if i == j == -1:
            return 0.0
        if i < 0 or j < 0:
            return math.inf
        return math.dist(one[i], two[j]) + min(least(i - 1, j), least(i, j - 1), least(i - 1, j - 1))

    return 224 * least(len(one) - 1, len(two) - 1)


@settings(max_examples=30)
@given(seeds)
def test_a_batch_equals_plain_dynamic_programming(seed):
    rng = np.random.default_rng(seed)
    first, second = [random_path(rng) for _ in range(5)], [random_path(rng) for _ in range(5)]
    pairs = list(zip(first, second, strict=True))
    expected = [plain_scanmatch(cells(a, 14), cells(b, 14)) for a, b in pairs]
    np.testing.assert_allclose(scanpaths.scanmatch(first, second), expected, atol=1e-12)
    expected = [plain_scanmatch(cells(a, 14, True), cells(b, 14, True)) for a, b in pairs]
    np.testing.assert_allclose(scanpaths.scanmatch(first, second, durations=True), expected, atol=1e-12)
    expected = [plain_edit_distance(cells(a, 7), cells(b, 7)) for a, b in pairs]
    np.testing.assert_array_equal(scanpaths.string_edit_distance(first, second), expected)
    for a, b in pairs:
        expected = plain_warping([tuple(p) for p in a.points.astype(float)], [tuple(p) for p in b.points.astype(float)])
        assert scanpaths.dynamic_time_warping(a, b) == pytest.approx(expected)


@settings(max_examples=20)
@given(seeds)
def test_identical_paths(seed):
    path = random_path(np.random.default_rng(seed), 3)
    assert scanpaths.scanmatch([path], [path])[0] == pytest.approx(1)
    assert scanpaths.scanmatch([path], [path], durations=True)[0] == pytest.approx(1)
    assert scanpaths.string_edit_distance([path], [path])[0] == 0
    assert scanpaths.time_delay_embedding(path, path) == pytest.approx(1)
    assert scanpaths.dynamic_time_warping(path, path) == 0
    match = multimatch(path, path)
    assert (match.shape, match.direction, match.length, match.position, match.duration) == (1, 1, 1, 1, 1)


def test_time_delay_embedding_by_hand():
    zeros = np.zeros(2, np.float32)
    one = ScanPath(np.array([[0, 0], [0.5, 0]], np.float32), zeros, zeros)
    two = ScanPath(np.array([[0, 0.5], [0.5, 0.5]], np.float32), zeros, zeros)
    assert scanpaths.time_delay_embedding(one, two) == pytest.approx(math.exp(-0.5))


def test_an_empty_path_has_no_score():
    empty = ScanPath(np.zeros((0, 2), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))
    path = random_path(np.random.default_rng(0), 3)
    assert np.isnan(scanpaths.scanmatch([empty, path], [path, path])).tolist() == [True, False]
    assert math.isnan(scanpaths.dynamic_time_warping(empty, path))
    assert math.isnan(scanpaths.time_delay_embedding(empty, path))
    assert math.isnan(multimatch(empty, path).shape)
    unknown = ScanPath(path.points, np.full(len(path), np.nan, np.float32), path.onsets)
    assert np.isnan(scanpaths.scanmatch([unknown], [path], durations=True)[0])
    assert math.isnan(multimatch(unknown, path).duration)
    assert not math.isnan(multimatch(unknown, path).shape)


def test_the_central_path_is_most_like_the_others():
    rng = np.random.default_rng(3)
    paths = [random_path(rng, 6, 8) for _ in range(9)]
    means = [np.mean([scanpaths.scanmatch([one], [two])[0] for two in paths if two is not one]) for one in paths]
    assert scanpaths.central(paths) == int(np.argmax(means))
    assert scanpaths.central(paths[:1]) == 0


def test_points_of_a_path_keep_the_longest_in_order():
    durations = np.array([0.3, 0.1, 0.4, 0.2], np.float32)
    path = ScanPath(np.arange(8, dtype=np.float32).reshape(4, 2) / 8, durations, np.cumsum(durations))
    np.testing.assert_array_equal(scanpaths.resampled(path, 3), path.points[[0, 2, 3]])
    np.testing.assert_array_equal(scanpaths.resampled(path, 6), path.points[[0, 0, 1, 2, 2, 3]])
    unknown = ScanPath(path.points, np.full(4, np.nan, np.float32), path.onsets)
    np.testing.assert_array_equal(scanpaths.resampled(unknown, 2), path.points[[0, 3]])


def test_point_errors_in_percent_of_the_diagonal():
    one = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert scanpaths.point_error(one, one[::-1], (300, 400)) == pytest.approx(100)
    assert scanpaths.matched_point_error(one, one[::-1], (300, 400)) == 0
    moved = one + np.array([0.1, 0])
    assert scanpaths.point_error(one, moved, (300, 400)) == pytest.approx(100 * 40 / 500)
    assert scanpaths.point_mse(one, moved) == pytest.approx(0.005)


def test_multimatch_by_hand():
    zeros = np.array([0.1, 0.2, 0.1], np.float32)
    one = ScanPath(np.array([[0, 0], [0.5, 0], [0.5, 0.5]], np.float32), zeros, zeros)
    two = ScanPath(np.array([[0, 0], [0.5, 0], [1.0, 0]], np.float32), 2 * zeros, zeros)
    match = multimatch(one, two)
    assert match.direction == pytest.approx(1 - (0 + math.pi / 2) / 2 / math.pi)
    assert match.length == 1
    assert match.position == 1
    assert match.shape == pytest.approx(1 - 0.5 * math.sqrt(2) / 2 / (2 * math.sqrt(2)))
    assert match.duration == pytest.approx(0.5)
