"""Scan paths sampled from a density: they follow it, and their steps and times are those of readers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.gaze_predict.pipeline.scanpaths import StepKernel, sample_paths

FREE = StepKernel(local=0, level=0, mirrored=0, free=1, return_radius=0, first_spread=1e6)


def lungs(side=112):
    """Return two tilted bells in the mean lung box: the shape of radiologists' gaze as a whole."""
    y, x = (np.mgrid[:side, :side] + 0.5) / side
    u, v = (x - 0.10) / 0.80, (y - 0.12) / 0.69

    def bell(centre, tilt):
        a, b = (u - centre) / 0.16, (v - 0.52) / 0.25
        return np.exp(-(a * a - 2 * tilt * a * b + b * b) / (2 * (1 - tilt * tilt)))

    return 0.44 * bell(0.28, -0.33) + 0.56 * bell(0.72, 0.33)


def stacked(paths):
    return np.stack([path.points for path in paths])


@pytest.fixture(scope="module")
def paths():
    return sample_paths(lungs(), 1500, np.random.default_rng(0), points=7)


def test_steps_are_those_of_readers(paths):
    points = stacked(paths).astype(float)
    lengths = np.linalg.norm(np.diff(points, axis=1), axis=2)
    # Quantiles of radiologists' steps: 5 % .046, 25 % .098, 50 % .170, 75 % .311, 95 % .565.
    wanted = [0.046, 0.098, 0.170, 0.311, 0.565]
    np.testing.assert_allclose(np.percentile(lengths, [5, 25, 50, 75, 95]), wanted, rtol=0.12)
    correlations = [
        [np.corrcoef(points[:, :-lag, axis].ravel(), points[:, lag:, axis].ravel())[0, 1] for lag in (1, 2)]
        for axis in (0, 1)
    ]
    # Those of a fitted reader of these kernels; of radiologists .36 and .08 in x, .69 and .46 in y.
    np.testing.assert_allclose(correlations, [[0.31, 0.11], [0.62, 0.38]], atol=0.06)
    switches = ((points[:, 1:, 0] > 0.5) != (points[:, :-1, 0] > 0.5)).mean() * 5
    assert switches == pytest.approx(1.82, abs=0.15)


def test_the_first_fixation_is_central(paths):
    distance = np.linalg.norm(stacked(paths)[:, 0] - 0.5, axis=1)
    # Radiologists: .24, 5-95 % .07-.43.
    np.testing.assert_allclose(np.percentile(distance, [5, 50, 95]), [0.07, 0.24, 0.43], atol=0.03)


def test_durations_are_log_normal(paths):
    logs = np.log(np.stack([path.durations for path in paths]))
    assert logs[:, :-1].mean() == pytest.approx(-1.30, abs=0.02)
    assert logs[:, :-1].std() == pytest.approx(0.51, abs=0.02)
    assert logs[:, -1].mean() == pytest.approx(-1.13, abs=0.05)
    neighbours = np.corrcoef(logs[:, :-2].ravel(), logs[:, 1:-1].ravel())[0, 1]
    assert neighbours == pytest.approx(0.12, abs=0.04)
    for path in paths[:5]:
        np.testing.assert_allclose(np.diff(path.onsets), path.durations[:-1], rtol=1e-4)
        assert path.onsets[0] == 0


def test_free_steps_follow_the_density():
    rng = np.random.default_rng(0)
    density = rng.random((8, 12)) ** 3
    density[2:4, :5] = 0
    points = stacked(sample_paths(density, 4000, rng, points=5, steps=FREE)).reshape(-1, 2)
    rows, columns = (points[:, ::-1] * (8, 12)).astype(int).T
    counts = np.zeros((8, 12))
    np.add.at(counts, (rows, columns), 1)
    assert counts[2:4, :5].sum() == 0
    np.testing.assert_allclose(counts / counts.sum(), density / density.sum(), atol=0.004)


def test_a_large_map_is_summed_to_the_same_shares():
    rng = np.random.default_rng(0)
    density = np.zeros((224, 150))
    density[:100, :70], density[100:, 70:] = 1, 3
    points = stacked(sample_paths(density, 2000, rng, points=4, steps=FREE)).reshape(-1, 2)
    in_first = (points[:, 0] < 70 / 150) & (points[:, 1] < 100 / 224)
    in_second = (points[:, 0] >= 70 / 150) & (points[:, 1] >= 100 / 224)
    wanted = 100 * 70 / (100 * 70 + 3 * 124 * 80)
    assert in_first.mean() == pytest.approx(wanted, abs=0.02)
    assert in_first.mean() + in_second.mean() > 0.96


@settings(max_examples=15)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 10**6))
def test_any_density_has_paths_inside_of_the_film(height, width, seed):
    rng = np.random.default_rng(seed)
    density = np.zeros((height, width))
    density[rng.integers(height), rng.integers(width)] = 1e-30
    for path in sample_paths(density, 3, rng):
        assert len(path) == 8
        assert ((path.points >= 0) & (path.points <= 1)).all()
        assert (path.durations > 0).all()


def test_the_same_generator_gives_the_same_paths():
    first, second = (sample_paths(lungs(28), 4, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(stacked(first), stacked(second))


def test_a_network_may_give_durations_and_stops():
    rng = np.random.default_rng(0)
    mean, spread = np.linspace(-2, 0, 8), np.full(8, 1e-6)
    stop = np.array([0, 0, 0.5, 0, 0, 0, 0, 0])
    found = sample_paths(lungs(28), 400, rng, log_durations=(mean, spread), stop=stop)
    lengths = np.array([len(path) for path in found])
    assert set(lengths) == {3, 8}
    assert (lengths == 3).mean() == pytest.approx(0.5, abs=0.08)
    for path in found[:10]:
        np.testing.assert_allclose(path.durations, np.exp(mean[: len(path)]), rtol=1e-4)
