"""Measures of a regression."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.kan_fit.tables.measures import regression_measures


def test_measures_are_those_of_scikit_learn():
    from sklearn.metrics import max_error, mean_absolute_error, r2_score, root_mean_squared_error

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=50), rng.normal(size=50)
    found = regression_measures(a, b)
    assert found.rmse == pytest.approx(root_mean_squared_error(b, a))
    assert found.mae == pytest.approx(mean_absolute_error(b, a))
    assert found.max_error == pytest.approx(max_error(b, a))
    assert found.r2 == pytest.approx(r2_score(b, a))
