"""Measures of a regression, in the unit of its target, and the importance of its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_SHUFFLES = 5
_HALF = 0.5


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


def binary_accuracy(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    """Return the fraction of rows on the right side of one half, of predictions and targets of 0 and 1, ``(N,)``."""
    return float(((predicted >= _HALF) == (target >= _HALF)).mean())


def input_importances(
    predict: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    inputs: NDArray[np.float64],
    target: NDArray[np.float64],
    groups: Mapping[str, Sequence[int]],
    generator: np.random.Generator,
) -> dict[str, float]:
    """Return by how much the RMSE rises when a column is shuffled, the most important first (Breiman 2001, section 10).

    Parameters
    ----------
    predict
        From inputs ``(N, inputs)`` to predictions ``(N,)``.
    inputs, target
        Rows that were not fitted, ``(N, inputs)`` and ``(N,)``.
    groups
        Numbers of the inputs of each column.
    generator
        Shuffles the rows.
    """
    own = regression_measures(predict(inputs), target).rmse
    found = {}
    for name, places in groups.items():
        rises = []
        for _ in range(_SHUFFLES):
            shuffled = inputs.copy()
            shuffled[:, list(places)] = inputs[generator.permutation(len(inputs))][:, list(places)]
            rises.append(regression_measures(predict(shuffled), target).rmse - own)
        found[name] = float(np.mean(rises))
    return dict(sorted(found.items(), key=lambda one: -one[1]))
