"""Each space is what its name says, with the slope that it claims."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.interpolate import BSpline
from scipy.special import eval_chebyt, eval_jacobi

from vision_cli.kan_fit.names import PAPER_POOL, SPACE_NAMES
from vision_cli.kan_fit.networks.spaces import (
    SPACES,
    evaluate,
    evaluate_traceable,
    slopes,
)

U = torch.linspace(-1, 1, 401, dtype=torch.float64)


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("grid", [2, 5, 20])
def test_slopes_are_those_of_the_values(name, grid):
    space = SPACES[name]
    count = space.count(grid)
    u = torch.linspace(-1.7, 1.9, 301, dtype=torch.float64)
    step = 1e-6
    forward, backward = evaluate(space, u + step, count), evaluate(space, u - step, count)
    numeric = (forward - backward) / (2 * step)
    found = slopes(space, u, count)
    assert found.shape == (301, count)
    kinks = (u.abs() - 1).abs() < 2 * step
    assert torch.allclose(numeric[~kinks], found[~kinks], rtol=1e-5, atol=1e-5 * float(found.abs().max()))


@pytest.mark.parametrize("name", SPACES)
def test_gradients_are_the_slopes(name):
    space = SPACES[name]
    u = torch.linspace(-1.5, 1.5, 50, dtype=torch.float64, requires_grad=True)
    weights = torch.arange(space.count(5), dtype=torch.float64)
    (evaluate(space, u, space.count(5)) @ weights).sum().backward()
    assert torch.allclose(u.grad, slopes(space, u.detach(), space.count(5)) @ weights)


@pytest.mark.parametrize("name", SPACES)
def test_outside_the_range_every_space_is_a_straight_line(name):
    space = SPACES[name]
    u = torch.tensor([1.0, 2.0, 3.0, -1.0, -2.0, -3.0], dtype=torch.float64)
    values = evaluate(space, u, space.count(5))
    assert torch.allclose(values[2] - values[1], values[1] - values[0])
    assert torch.allclose(values[5] - values[4], values[4] - values[3])
    assert torch.equal(values, evaluate_traceable(space, u, space.count(5)))


@pytest.mark.parametrize("grid", [3, 5, 20])
def test_splines_are_those_of_scipy(grid):
    count = SPACES["bspline"].count(grid)
    knots = (np.arange(count + 4) - 3) * (2 / grid) - 1
    reference = BSpline(knots, np.eye(count), 3)(U.numpy()[:-1])
    assert np.allclose(SPACES["bspline"].value(U, count).numpy()[:-1], reference, atol=1e-12)


def test_splines_add_up_to_one():
    assert torch.allclose(SPACES["bspline"].value(U, 11).sum(-1), torch.ones_like(U))


def test_polynomials_are_those_of_scipy():
    for n in range(1, 13):
        assert np.allclose(SPACES["cheby"].value(U, 12)[:, n - 1], eval_chebyt(n, U.numpy()))
        jacobi = eval_jacobi(n, 1, 1, U.numpy()) / eval_jacobi(n, 1, 1, 1.0)
        assert np.allclose(SPACES["jacobi"].value(U, 12)[:, n - 1], jacobi)


def test_gram_polynomials_are_orthogonal_on_equal_steps():
    # Midpoints of 64 equal cells of [-1, 1], the points that the polynomials are made for.
    points = (torch.arange(64, dtype=torch.float64) + 0.5) / 32 - 1
    values = torch.cat([torch.ones(64, 1, dtype=torch.float64), SPACES["gram"].value(points, 8)], dim=1)
    products = values.T @ values
    assert torch.allclose(products, torch.diag(products.diagonal()), atol=1e-9)


def test_fourier_has_half_sines_and_half_cosines():
    values = SPACES["fourier"].value(torch.zeros(1, dtype=torch.float64), 8)
    assert torch.equal(values, torch.tensor([[0.0] * 4 + [1.0] * 4], dtype=torch.float64))


def test_counts_at_the_papers_grid_are_those_of_its_layers():
    counts = {name: SPACES[name].count(5) for name in PAPER_POOL}
    assert counts == {
        **dict.fromkeys(("bspline", "rbf", "fastrbf", "rswaf", "wavelet", "relu"), 8),
        "cheby": 4,
        "gram": 3,
        "jacobi": 4,
    }


def test_the_options_know_every_space():
    assert tuple(SPACES) == SPACE_NAMES
