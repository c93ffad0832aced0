"""Operators, their derivatives and SymPy forms, and libraries of them."""

from __future__ import annotations

import numpy as np
import pytest
import sympy

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.formulas.operators import OPERATORS, read_library


def test_slopes_of_operators_are_those_of_their_values():
    x = np.linspace(0.1, 0.9, 50)
    for operator in OPERATORS.values():
        numeric = (operator.value(x + 1e-6) - operator.value(x - 1e-6)) / 2e-6
        assert np.allclose(operator.slope(x), numeric, rtol=1e-4, atol=1e-6), operator.name
        symbol = sympy.Symbol("x", real=True)
        assert np.allclose(sympy.lambdify(symbol, operator.symbol(symbol))(x), operator.value(x)), operator.name


def test_libraries_of_operators(tmp_path):
    (tmp_path / "l.txt").write_text("sin\nexp  # growth\n\n", encoding="utf-8")
    assert [operator.name for operator in read_library(tmp_path / "l.txt")] == ["sin", "exp"]
    (tmp_path / "l.txt").write_text("sine\n", encoding="utf-8")
    with pytest.raises(InputError, match="sine found; operators among x, "):
        read_library(tmp_path / "l.txt")
