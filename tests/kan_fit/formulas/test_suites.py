"""The suites hold what they say, in their ranges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import j0

from vision_cli.core.errors import InputError, UsageError
from vision_cli.kan_fit.formulas.parser import parse_expression
from vision_cli.kan_fit.formulas.suites import FUNCTIONS, SUITES, Target, find_function


def test_suites_have_their_numbers_of_functions():
    assert {name: len(suite) for name, suite in SUITES.items()} == {"s7": 7, "toy5": 5, "feynman20": 20}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_finite_and_varies_within_its_ranges(name):
    target = FUNCTIONS[name]
    inputs, values = target.sample(500, np.random.default_rng(0))
    for column, variable in zip(inputs.T, target.variables, strict=True):
        lowest, highest = target.ranges.get(variable, (-1, 1))
        assert lowest <= column.min() < column.max() <= highest
    assert np.isfinite(values).all()
    assert values.std() > 0


def test_bessel_is_scipys():
    inputs, values = find_function("bessel").sample(50, np.random.default_rng(1))
    assert np.allclose(values, j0(20 * inputs[:, 0]))


def test_the_same_seed_draws_the_same():
    first, second = (find_function("xy").sample(10, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first[0], second[0])


def test_undefined_points_are_refused():
    with pytest.raises(InputError, match=r"log\(x\): not finite at \d+ of 100 points, first at x = -"):
        Target("f", parse_expression("log(x)")).sample(100, np.random.default_rng(0))


def test_unknown_functions_are_refused():
    with pytest.raises(UsageError, match="besel found; one of bessel, "):
        find_function("besel")
