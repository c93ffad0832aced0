"""Formulas become simple without losing accuracy."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import sympy

from vision_cli.kan_fit.formulas.tidy import FormulaRows, _nearly, _round, expand_formula


def test_formulas_are_multiplied_out_only_where_that_keeps_them_readable():
    x, y = sympy.symbols("x y", real=True)
    assert expand_formula((x + 1.0) ** 2 - 2 * x) == x**2 + 1
    high = sympy.sqrt((1.1 * x + 0.3 * y + 0.4) ** 8)
    assert expand_formula(high) == high
    small = 1.7e-16 * sympy.exp(35.4 * sympy.sin(x))
    assert expand_formula(small) == small
    assert expand_formula((x + 1e-15) ** 2) == x**2


def test_constants_that_trade_with_each_other_are_merged_and_made_simple():
    generator = np.random.default_rng(3)
    inputs = generator.uniform(1, 3, (900, 2))
    clean = inputs[:, 0] / (inputs[:, 1] * math.sqrt(2 * math.pi))
    noisy = clean + 0.01 * clean.std() * generator.normal(size=len(clean))
    model = SimpleNamespace(names=("x", "y"), scale=float(clean.std()), predict=lambda rows: rows[:, 0] / rows[:, 1])
    rows = FormulaRows(inputs[:600], noisy[:600], inputs[600:], noisy[600:], model)
    x, y = sympy.symbols("x y", real=True)
    fit = 0.2366 * x**1.0007 / (0.5934 * y + 0.0008) ** 0.9993
    found = rows.formula(fit, {}, rows._held_error(fit) / model.scale).expression
    assert sympy.simplify(found - x / (y * sympy.sqrt(2 * sympy.pi))) == 0


@pytest.mark.parametrize(
    ("value", "tolerance", "expected"),
    [
        (4.2003, 1e-2, 4.2),
        (4.2003, 1e-3, 4.2),
        (0.30002, 1e-2, 0.3),
        (9.8066, 1e-4, 9.807),
        (0.50003, 1e-2, sympy.Rational(1, 2)),
        (0.33334, 1e-2, sympy.Rational(1, 3)),
        (6.2831, 1e-2, 2 * sympy.pi),
        (1.57083, 1e-2, sympy.pi / 2),
        (0.398943, 1e-3, 1 / sympy.sqrt(2 * sympy.pi)),
        (0.0795775, 1e-3, 1 / (4 * sympy.pi)),
        (-12.0001, 1e-3, -12),
        (1e-9, 1e-2, 0),
    ],
)
def test_constants_are_plain_decimals_unless_a_fraction_is_as_short(value, tolerance, expected):
    assert _round(value, tolerance) == expected


def test_a_constant_is_simple_only_if_no_plain_decimal_is_nearer():
    assert _nearly(4.2003) == 4.2003
    assert _nearly(0.0797) == 1 / (4 * sympy.pi)
    assert _nearly(0.4) == 0.4
