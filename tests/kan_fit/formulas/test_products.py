"""Laws that are products of functions are found in noisy rows."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.kan_fit.formulas.operators import OPERATORS, read_library
from vision_cli.kan_fit.formulas.products import search_products


def found(law, ranges, *, noise=0.01, allowed=None):
    generator = np.random.default_rng(3)
    low, high = np.array(ranges).T
    inputs = generator.uniform(low, high, (600, len(ranges)))
    target = law(*inputs.T)
    noisy = target + noise * target.std() * generator.normal(size=600)
    library = read_library(None) if allowed is None else [OPERATORS[name] for name in allowed]
    products = search_products(inputs[:400], noisy[:400], inputs[400:], noisy[400:], library)
    fresh = generator.uniform(low, high, (500, len(ranges)))
    return products, (lambda one: float(np.sqrt(np.mean((one(fresh) - law(*fresh.T)) ** 2)) / target.std()))


def test_a_damped_oscillation_is_found():
    products, error = found(
        lambda t: 3 * np.exp(-0.4 * t) * np.sin(4 * t + 0.5), [(0, 6)], allowed=["x", "exp", "log", "sin"]
    )
    best = products[0]
    assert {factor.name for factor in best.factors} == {"exp", "sin"}
    assert error(best) < 0.004
    assert [one.score for one in products] == sorted(one.score for one in products)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("law", "ranges"),
    [
        (lambda v, t, tau: v * (1 - np.exp(-t / tau)), [(1, 10), (0, 5), (0.5, 3)]),
        (lambda v, t: v**2 * np.exp(-(v**2) / (2 * t)) / t**1.5, [(0, 5), (0.5, 3)]),
        (lambda v, s, k: v * s / (k + s), [(1, 5), (0.1, 10), (0.5, 4)]),
    ],
    ids=["charging", "Maxwell", "Michaelis-Menten"],
)
def test_laws_of_several_inputs_are_found(law, ranges):
    products, error = found(law, ranges)
    assert error(products[0]) < 0.004


def test_nothing_is_found_for_many_inputs_or_without_operators():
    assert found(lambda *x: x[0], [(0, 1)] * 6)[0] == []
    assert found(lambda x: x, [(0, 1)], allowed=["x"])[0] == []
