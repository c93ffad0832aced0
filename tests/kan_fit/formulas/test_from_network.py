"""Formulas of fitted networks, with their constants."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

from tests.kan_fit.fits import fitted, formula_of
from vision_cli.core.errors import NumericalError
from vision_cli.kan_fit.formulas.from_network import _SymbolicEdge, _SymbolicNetwork, find_formula
from vision_cli.kan_fit.formulas.operators import read_library
from vision_cli.kan_fit.formulas.suites import find_function


def test_a_formula_is_recovered_with_its_constants(expsin):
    formula = formula_of(expsin)
    x, y = sympy.symbols("x y", real=True)
    assert sympy.simplify(formula.expression - sympy.exp(sympy.sin(sympy.pi * x) + y**2)) == 0
    assert formula.is_rounded
    assert formula.rmse < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "expected"), [("I.12.1", "mu*Nn"), ("I.14.4", "k*x**2/2"), ("I.12.2", "q1*q2/(4*pi*epsilon*r**2)")]
)
def test_products_and_powers_of_physics_are_recovered(name, expected):
    formula = formula_of(fitted(name, (1,)))
    symbols = {variable: sympy.Symbol(variable, real=True) for variable in find_function(name).variables}
    assert sympy.simplify(formula.expression - sympy.sympify(expected, symbols)) == 0


@pytest.mark.slow
def test_a_noisy_formula_gets_its_constants_back():
    model = fitted("I.6.2a", (1,))
    noise = 0.01 * model.scale * np.random.default_rng(5).normal(size=len(model.sample_target))
    formula = find_formula(model, model.sample_inputs, model.sample_target + noise, read_library(None))
    theta = sympy.Symbol("theta", real=True)
    assert sympy.simplify(formula.expression - sympy.exp(-(theta**2) / 2) / sympy.sqrt(2 * sympy.pi)) == 0


def test_where_operators_cannot_follow_the_network_the_data_give_the_formula(monkeypatch):
    def blocked(*_):
        raise NumericalError("edge (0, 0, 0): no operator of the library fits it.")

    model = fitted("I.12.1", (1,))
    monkeypatch.setattr(_SymbolicNetwork, "substitute", blocked)
    assert formula_of(model).rmse < 1e-9
    with pytest.raises(NumericalError, match="fits it"):
        find_formula(model, model.sample_inputs, model.sample_target, [])


def test_a_network_whose_operators_have_no_value_is_the_worst(expsin):
    net = _SymbolicNetwork(expsin, expsin.sample_inputs)
    root = next(one for one in read_library(None) if one.name == "sqrt")
    net.symbolic[0, 0, 0] = _SymbolicEdge(root, np.array([1.0, 0.0, -1.0, 0.0]))
    assert net.loss(expsin.sample_inputs, expsin.sample_target) == math.inf
