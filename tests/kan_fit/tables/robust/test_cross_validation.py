"""Penalties of smooth networks are chosen by rows left out, and the network knows all rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.kan_fit.tables.candidates import Problem
from vision_cli.kan_fit.tables.robust.cross_validation import FOLDS, can_cross_validate, cross_validated, folds_of


def drawn(function, rows=60, inputs=3):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(rows, inputs, generator=generator, dtype=torch.float64)
    y = function(x) + torch.randn(rows, 1, generator=generator, dtype=torch.float64)
    return Problem(x[10:], y[10:], x[:10], y[:10])


def test_a_linear_target_is_fitted_as_by_a_regression():
    problem = drawn(lambda x: 2 * x[:, :1])
    found = cross_validated(problem, "a", (3, 1), "bspline", 2, 0, ("linear",))
    x, y = problem.everything
    fresh = torch.randn(500, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    design = torch.cat([x, torch.ones_like(y)], 1)
    linear = torch.linalg.lstsq(design, y).solution
    expected = (torch.cat([fresh, torch.ones(500, 1)], 1) @ linear - 2 * fresh[:, :1]).square().mean()
    assert (found.network.predict(fresh) - 2 * fresh[:, :1]).square().mean() < 2 * expected
    # The rows left out have the noise's variance of 1, and those of regression besides.
    assert len(found.left_out) == 60
    assert found.score == pytest.approx(np.mean(np.square(found.left_out)))
    assert 0.7 < found.score < 1.5
    assert found.validation_residuals(problem)[:, 0].tolist() == list(found.left_out[50:])


def test_pure_noise_is_shrunk_to_the_mean():
    problem = drawn(lambda x: 0 * x[:, :1], rows=40, inputs=6)
    found = cross_validated(problem, "a", (6, 1), "bspline", 2, 0, ("linear",))
    x, y = problem.everything
    design = torch.cat([x, torch.ones_like(y)], 1)
    regression = design @ torch.linalg.lstsq(design, y).solution
    assert found.penalty.slope > 0.05
    assert found.network.predict(x).std() < 0.7 * regression.std()


def test_each_row_is_in_one_fold():
    folds = folds_of(23, 0)
    assert len(folds) == FOLDS
    assert torch.cat(folds).sort().values.tolist() == list(range(23))


def test_many_rows_or_parameters_are_not_cross_validated():
    problem = drawn(lambda x: x[:, :1])
    assert can_cross_validate(problem, (3, 5, 1), "bspline", 5)
    assert not can_cross_validate(problem, (3, 99, 1), "bspline", 5)
    large = Problem(problem.x.repeat(99, 1), problem.y.repeat(99, 1), problem.x_val, problem.y_val)
    assert not can_cross_validate(large, (3, 5, 1), "bspline", 5)
