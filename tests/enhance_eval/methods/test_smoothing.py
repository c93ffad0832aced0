"""The weighted least-squares problem, and the guided filter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import NumericalError
from vision_cli.enhance_eval.methods.classical import smoothing
from vision_cli.enhance_eval.methods.classical.illumination import structure_weights


def dense_solution(target, across, down, mass):
    """Solve the normal equations of a small grid with a dense matrix."""
    height, width = target.shape
    number = np.arange(height * width).reshape(height, width)
    matrix = np.diag(mass.ravel())
    pairs = [(number[:, :-1], number[:, 1:], across), (number[:-1], number[1:], down)]
    for first, second, weights in pairs:
        for one, other, weight in zip(first.ravel(), second.ravel(), weights.ravel(), strict=True):
            matrix[one, one] += weight
            matrix[other, other] += weight
            matrix[one, other] -= weight
            matrix[other, one] -= weight
    return np.linalg.solve(matrix, (mass * target).ravel()).reshape(target.shape)


@settings(max_examples=25)
@given(height=st.integers(1, 7), width=st.integers(1, 7), seed=st.integers(0, 100))
def test_the_solution_is_that_of_the_dense_system(height, width, seed):
    rng = np.random.default_rng(seed)
    target, mass = rng.random((height, width)), rng.uniform(1, 2, (height, width))
    across, down = 100 * rng.random((height, width - 1)), 100 * rng.random((height - 1, width))
    expected = dense_solution(target, across, down, mass)
    np.testing.assert_allclose(smoothing.smooth(target, across, down, mass), expected, atol=1e-9)


@pytest.mark.parametrize("shape", [(61, 74), (64, 33)])
def test_the_iteration_for_large_pictures_agrees_with_the_factors(monkeypatch, shape):
    rng = np.random.default_rng(0)
    target = np.clip(np.add.outer(np.linspace(0, 0.5, shape[0]), np.linspace(0, 0.3, shape[1])), 0, 1)
    target[10:30, 5:20] += 0.3
    target += rng.normal(0, 0.01, shape)
    across, down = (0.15 * weights for weights in structure_weights(target, 2.0))
    factorised = smoothing.smooth(target, across, down)
    monkeypatch.setattr(smoothing, "_MOST_FACTORISED", 0)
    np.testing.assert_allclose(smoothing.smooth(target, across, down), factorised, atol=2e-3)


def test_an_iteration_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(smoothing, "_MOST_FACTORISED", 0)
    monkeypatch.setattr(smoothing, "_MOST_ITERATIONS", 1)
    target = np.random.default_rng(0).random((50, 50))
    with pytest.raises(NumericalError, match="50 x 50 pixels did not converge"):
        smoothing.smooth(target, np.full((50, 49), 1e6), np.full((49, 50), 1e6))


def test_a_solution_stays_within_the_target():
    target = np.random.default_rng(0).random((20, 20))
    across, down = structure_weights(target, 2.0)
    solution = smoothing.smooth(target, across, down)
    assert target.min() <= solution.min()
    assert solution.max() <= target.max()
    assert solution.mean() == pytest.approx(target.mean())


def test_the_guided_filter_keeps_an_edge_and_removes_noise():
    rng = np.random.default_rng(0)
    step = np.repeat([[0.0] * 20 + [1.0] * 20], 40, axis=0)
    noisy = step + rng.normal(0, 0.05, step.shape)
    filtered = smoothing.guided(noisy, noisy, 4, 0.05)
    assert np.abs(filtered - step)[:, :17].std() < 0.5 * np.abs(noisy - step)[:, :17].std()
    assert filtered[:, 23].mean() - filtered[:, 16].mean() > 0.8
