"""Measures of a regression, in the unit of its target."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RegressionMeasures:
    """Errors of predicted values.

    Attributes
    ----------
    rmse, mae, max_error
        Root mean square, mean and greatest absolute error, in the target's unit.
    r2
        Coefficient of determination; NaN where the target does not vary.
    """

    rmse: float
    mae: float
    max_error: float
    r2: float


def regression_measures(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> RegressionMeasures:
    """Return the measures of predicted against true values, both ``(N,)``."""
    error = predicted - target
    variance = float(np.var(target))
    square = float(np.mean(error**2))
    return RegressionMeasures(
        math.sqrt(square),
        float(np.abs(error).mean()),
        float(np.abs(error).max()),
        1 - square / variance if variance else math.nan,
    )
