from __future__ import annotations

import numpy as np
import pytest

from vision_cli.phantoms.noise import Waves


def test_values_on_a_grid_are_those_at_its_points():
    waves = Waves.correlated(np.random.default_rng(0), 20.0, count=16)
    axes = tuple(np.linspace(-30, 30, n, dtype=np.float32) for n in (4, 5, 6))
    points = np.stack(np.meshgrid(*axes, indexing="ij"))
    np.testing.assert_allclose(waves.on_grid(axes).ravel(), waves.at(points.reshape(3, -1)), atol=1e-5, rtol=0)


def test_gradients_are_those_of_differences():
    waves = Waves.in_band(np.random.default_rng(1), (20.0, 30.0), count=12)
    points = np.random.default_rng(2).uniform(-50, 50, (3, 40)).astype(np.float32)
    values, gradients = waves.with_gradient(points)
    np.testing.assert_allclose(values, waves.at(points), atol=1e-6)
    for axis in range(3):
        step = np.zeros((3, 1), np.float32)
        step[axis] = 0.05
        slope = (waves.at(points + step) - waves.at(points - step)) / 0.1
        np.testing.assert_allclose(gradients[axis], slope, atol=1e-3)


@pytest.mark.parametrize("ndim", [2, 3])
def test_noise_has_unit_variance_and_the_correlation_asked_for(ndim):
    correlation = 15.0
    rng = np.random.default_rng(3)
    points = rng.uniform(-200, 200, (ndim, 300)).astype(np.float32)
    apart = points.copy()
    apart[0] += correlation
    functions = [Waves.correlated(rng, correlation, count=64, ndim=ndim) for _ in range(100)]
    here, there = (np.concatenate([f.at(p) for f in functions]) for p in (points, apart))
    assert here.mean() == pytest.approx(0, abs=0.03)
    assert here.var() == pytest.approx(1, abs=0.05)
    assert np.mean(here * there) == pytest.approx(np.exp(-0.5), abs=0.05)
