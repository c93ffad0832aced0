"""Formulas mean what they say, and nothing but formulas is taken."""

from __future__ import annotations

import numpy as np
import pytest
import sympy
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.formulas.parser import parse_expression, parse_ranges

X = np.linspace(0.1, 2.0, 7)
Y = np.linspace(-1.5, 1.4, 7)


@pytest.mark.parametrize(
    "text",
    ["-x**2", "2**-x", "x - y - 1", "x/y/2", "2**3**x", "-(x + y)*3", "x*-y", "1.5e-1*x + .5", "+x", "(x > y) + 0*x"],
)
def test_arithmetic_is_pythons(text):
    expected = eval(text, {"x": X, "y": Y})
    assert np.allclose(parse_expression(text)({"x": X, "y": Y}), expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("exp(sin(pi*x) + y**2)", np.exp(np.sin(np.pi * X) + Y**2)),
        ("x^2", X**2),
        ("ln(x)", np.log(X)),
        ("Abs(-x) + ceiling(x)", X + np.ceil(X)),
        ("atan2(y, x)", np.arctan2(Y, X)),
        ("max(x, y) - min(x, y)", np.abs(X - Y)),
        ("step(y)", (Y > 0).astype(float)),
        ("e**x", np.exp(X)),
        ("sigmoid(x) + gauss(y)", 1 / (1 + np.exp(-X)) + np.exp(-(Y**2))),
    ],
)
def test_functions_and_constants(text, expected):
    assert np.allclose(parse_expression(text)({"x": X, "y": Y}), expected)


TREES = st.recursive(
    st.sampled_from(["x", "y", "2", "0.5", "pi"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/"]), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(st.sampled_from(["sin", "cos", "tanh", "atan", "abs", "exp"]), inner).map(
            lambda t: f"{t[0]}({t[1]})"
        ),
        inner.map(lambda t: f"-{t}"),
        inner.map(lambda t: f"({t})**2"),
    ),
    max_leaves=8,
)


@settings(max_examples=60)
@given(TREES)
@example("(x / (sin(pi))**2)")
def test_sympy_agrees(text):
    expression = parse_expression(f"{text} + 0*x")
    exact = expression.to_sympy()
    # Where SymPy knows exactly that something is divided by 0, as by sin(pi), there are no numbers to compare.
    assume(not exact.has(sympy.zoo, sympy.oo, sympy.nan))
    symbols = [sympy.Symbol(name, real=True) for name in ("x", "y")]
    with np.errstate(all="ignore"):
        theirs = sympy.lambdify(symbols, exact, "numpy")(X, Y)
        ours = expression({"x": X, "y": Y})
        theirs = np.broadcast_to(np.asarray(theirs, dtype=complex).real, ours.shape)
    usable = np.isfinite(ours) & np.isfinite(theirs) & (np.abs(ours) < 1e12)
    assert np.allclose(ours[usable], theirs[usable], rtol=1e-6, atol=1e-6)


def test_variables_are_in_the_order_of_their_appearance():
    assert parse_expression("b*a + b").variables == ("b", "a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sin(", "the end at character 5; a number, a name"),
        ("x +", "the end at character 4"),
        ("x y", "'y' at character 3; an operator or the end"),
        ("foo(x)", "unknown function 'foo' at character 1; one of abs, "),
        ("sin x", "opening parenthesis after the function sin"),
        ("atan2(x)", r"'\)' at character 8; ','"),
        ("3 + pi", "has no variable"),
        ("", "the end at character 1"),
        ("(" * 60 + "x", "nested more than 50 deep"),
        ("-" * 60 + "x", "nested more than 50 deep"),
        ("x" * 2001, "2001 characters found"),
    ],
    ids=str,
)
def test_what_is_no_formula_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse_expression(text)


@pytest.mark.parametrize(
    "text", ["__import__('os').system('x')", "x.__class__", "lambda: 1", "x[0]", "'a'", "x; y", "x if y else x", "x==y"]
)
def test_python_is_refused(text):
    with pytest.raises(UsageError, match="expected"):
        parse_expression(text)


def test_the_place_is_shown():
    with pytest.raises(UsageError) as caught:
        parse_expression("x + $")
    assert caught.value.hint == "Here: x +  >>> $"


def test_ranges():
    assert parse_ranges(None, ["x", "y"]) == {"x": (-1, 1), "y": (-1, 1)}
    assert parse_ranges("0:2", ["x", "y"]) == {"x": (0, 2), "y": (0, 2)}
    assert parse_ranges("y=-pi:2*pi", ["x", "y"]) == {"x": (-1, 1), "y": (-np.pi, 2 * np.pi)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x=1", "LOWEST:HIGHEST"),
        ("x=2:1", "LOWEST:HIGHEST"),
        ("z=0:1", "'z' is not a variable; one of x, y"),
        ("x=a:1", "a number expected"),
        ("x=0:1:2", "LOWEST:HIGHEST"),
    ],
)
def test_other_ranges_are_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse_ranges(text, ["x", "y"])
