"""The search over networks of operators finds known formulas, with their constants."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from vision_cli.kan_fit.formulas.operators import OPERATORS, read_library
from vision_cli.kan_fit.formulas.search import (
    OUTER,
    OperatorNetwork,
    best_by_complexity,
    search_operators,
)
from vision_cli.kan_fit.formulas.suites import find_function

LIBRARY = read_library(None)


def found(inputs, target, allowed=LIBRARY, seed=0):
    held = len(inputs) // 3
    networks = search_operators(inputs[held:], target[held:], inputs[:held], target[:held], allowed, seed=seed)
    return networks[0] if networks else None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["I.13.4", "I.8.14", "I.27.6"])
def test_formulas_with_sums_inside_are_found(name):
    function = find_function(name)
    inputs, target = function.sample(400, np.random.default_rng(0))
    network = found(inputs, target)
    assert network.loss < 1e-16
    fresh, values = function.sample(200, np.random.default_rng(1))
    assert network(fresh) == pytest.approx(values, rel=1e-7)


@pytest.mark.slow
def test_what_is_written_computes_the_same_as_the_network():
    function = find_function("I.27.6")
    inputs, target = function.sample(300, np.random.default_rng(0))
    network = found(inputs, target)
    symbols = sympy.symbols(" ".join(function.variables), real=True)
    written = sympy.lambdify(symbols, network.expression(symbols), "numpy")
    assert written(*inputs.T) == pytest.approx(network(inputs), rel=1e-9)
    assert {edge[0] for edge in network.operator_names()} == {0, 1, 2}
    assert set(network.operator_names().values()) <= set(OPERATORS)


def test_only_allowed_operators_are_used():
    inputs = np.random.default_rng(0).uniform(1, 2, (200, 2))
    linear = [OPERATORS["x"], OPERATORS["x^2"]]
    network = found(inputs, inputs[:, 0] ** 2 + 3 * inputs[:, 1] ** 2 + 1, linear)
    assert set(network.operator_names().values()) <= {"x", "x^2"}
    assert network.loss < 1e-16


def test_nothing_is_found_where_no_operator_is_allowed():
    inputs = np.random.default_rng(0).uniform(1, 2, (50, 1))
    assert found(inputs, inputs[:, 0], []) is None


@pytest.mark.slow
def test_the_same_seed_gives_the_same_network():
    inputs = np.random.default_rng(0).uniform(1, 2, (200, 2))
    target = np.sqrt(inputs[:, 0] + inputs[:, 1] ** 2) + np.random.default_rng(1).normal(size=200) * 0.01
    one, two = found(inputs, target, seed=3), found(inputs, target, seed=3)
    assert one.inner == two.inner
    assert np.array_equal(one.weights, two.weights)


def test_the_best_of_each_complexity_are_listed_if_longer_ones_are_better():
    def network(middle, loss):
        ones = np.ones((1, 1))
        return OperatorNetwork(OUTER[0], ("x",), (middle,), ones, np.zeros(1), np.ones(2), loss)

    short, longer, worse, best = network("x", 0.5), network("exp", 0.4), network("log", 0.45), network("softplus", 0.1)
    assert best_by_complexity([worse, best, short, longer]) == [short, longer, best]
    assert best_by_complexity([short, network("softplus", 0.6)]) == [short]
