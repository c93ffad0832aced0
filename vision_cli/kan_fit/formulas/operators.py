"""Operators of a formula: the functions f by which an edge is replaced as ``a f(b x + c) + d``.

Each has its derivative, its SymPy form, and a complexity that penalises its choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.command.commands import did_you_mean
from vision_cli.core.errors import InputError

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Operator:
    """A function of one variable.

    Attributes
    ----------
    name
        Its name in a library file.
    value, slope
        The function and its derivative, ``(...)`` to ``(...)``; not finite outside the domain.
    symbol
        Applies it to a SymPy expression.
    complexity
        1 for the simplest.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    symbol: Callable[[Any], Any]
    complexity: int


def _sympy(name: str) -> Callable[[Any], Any]:
    def make(x: Any) -> Any:
        import sympy

        return getattr(sympy, name)(x)

    return make


def _step(x: Any) -> Any:
    import sympy

    return sympy.Piecewise((1, x > 0), (0, True))


OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("x", lambda x: x, np.ones_like, lambda x: x, 1),
        Operator("x^2", lambda x: x**2, lambda x: 2 * x, lambda x: x**2, 2),
        Operator("x^3", lambda x: x**3, lambda x: 3 * x**2, lambda x: x**3, 3),
        Operator("x^4", lambda x: x**4, lambda x: 4 * x**3, lambda x: x**4, 3),
        Operator("1/x", lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 1 / x, 2),
        Operator("1/x^2", lambda x: 1 / x**2, lambda x: -2 / x**3, lambda x: 1 / x**2, 3),
        Operator("sqrt", np.sqrt, lambda x: 0.5 / np.sqrt(x), _sympy("sqrt"), 2),
        Operator("1/sqrt", lambda x: 1 / np.sqrt(x), lambda x: -0.5 * x**-1.5, lambda x: 1 / _sympy("sqrt")(x), 3),
        Operator("exp", np.exp, np.exp, _sympy("exp"), 2),
        Operator("log", np.log, lambda x: 1 / x, _sympy("log"), 2),
        Operator("sin", np.sin, np.cos, _sympy("sin"), 2),
        Operator("tan", np.tan, lambda x: 1 / np.cos(x) ** 2, _sympy("tan"), 3),
        Operator("asin", np.arcsin, lambda x: 1 / np.sqrt(1 - x**2), _sympy("asin"), 3),
        Operator("atan", np.arctan, lambda x: 1 / (1 + x**2), _sympy("atan"), 3),
        Operator("sinh", np.sinh, np.cosh, _sympy("sinh"), 3),
        Operator("cosh", np.cosh, np.sinh, _sympy("cosh"), 3),
        Operator("tanh", np.tanh, lambda x: 1 - np.tanh(x) ** 2, _sympy("tanh"), 3),
        Operator("abs", np.abs, np.sign, _sympy("Abs"), 3),
        Operator("step", lambda x: (x > 0) * 1.0, np.zeros_like, _step, 4),
        Operator(
            "gauss", lambda x: np.exp(-(x**2)), lambda x: -2 * x * np.exp(-(x**2)), lambda x: _sympy("exp")(-(x**2)), 3
        ),
        Operator("lorentz", lambda x: 1 / (1 + x**2), lambda x: -2 * x / (1 + x**2) ** 2, lambda x: 1 / (1 + x**2), 3),
        Operator(
            "sigmoid",
            lambda x: 1 / (1 + np.exp(-x)),
            lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2,
            lambda x: 1 / (1 + _sympy("exp")(-x)),
            3,
        ),
        Operator(
            "softplus",
            lambda x: np.logaddexp(0, x),
            lambda x: 1 / (1 + np.exp(-x)),
            lambda x: _sympy("log")(1 + _sympy("exp")(x)),
            3,
        ),
    )
}


NOTHING = Operator("0", np.zeros_like, np.zeros_like, lambda x: 0 * x, 0)
"""Operator of an edge that a formula does without."""


def read_library(path: Path | None) -> tuple[Operator, ...]:
    """Return the operators that a file names, one a line; all without a file.

    Raises
    ------
    InputError
        If the file is missing or empty, or names an unknown operator.
    """
    if path is None:
        return tuple(OPERATORS.values())
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); a text file of operators, one a line, expected."
        ) from error
    names = [word for line in lines if (word := line.partition("#")[0].strip())]
    unknown = [name for name in names if name not in OPERATORS]
    if unknown or not names:
        raise InputError(
            f"{path}: {unknown[0] if unknown else 'nothing'} found; operators among {', '.join(OPERATORS)} expected.",
            hint=did_you_mean(unknown[0], OPERATORS) if unknown else None,
        )
    return tuple(OPERATORS[name] for name in dict.fromkeys(names))
