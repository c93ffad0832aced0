"""Functions that products are made of, and what they are functions of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
NodeKind = Literal["powers", "sum", "pairs"]

_LARGEST_EXPONENT = 60.0


@dataclass(frozen=True)
class Factor:
    """A function g of a node.

    Attributes
    ----------
    name
        Its name in a list of operators.
    value, slope
        The function and its derivative.
    symbol
        Applies it to a SymPy expression.
    complexity
        As of an operator.
    needs
        Operators of a library that it is made of.
    kinds
        Nodes that it is tried with.
    is_shifted
        Whether a constant added to the node is no constant factor of the result, and common in formulas.
    """

    name: str
    value: Callable[[Array], Array]
    slope: Callable[[Array], Array]
    symbol: Callable[[Any], Any]
    complexity: int
    needs: tuple[str, ...]
    kinds: tuple[NodeKind, ...]
    is_shifted: bool


def _limited(x: Array) -> Array:
    return np.clip(x, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-_limited(x))))


def _exp(x: Any) -> Any:
    import sympy

    return sympy.exp(x)


def _sin(x: Any) -> Any:
    import sympy

    return sympy.sin(x)


def _tanh(x: Any) -> Any:
    import sympy

    return sympy.tanh(x)


_ANY: tuple[NodeKind, ...] = ("powers", "sum", "pairs")
FACTORS = (
    Factor("exp", lambda n: np.exp(_limited(n)), lambda n: np.exp(_limited(n)), _exp, 2, ("exp",), _ANY, False),
    Factor("sin", np.sin, np.cos, _sin, 2, ("sin",), _ANY, True),
    Factor(
        "sigmoid",
        _sigmoid,
        lambda n: _sigmoid(n) * (1 - _sigmoid(n)),
        lambda n: 1 / (1 + _exp(-n)),
        3,
        ("sigmoid",),
        ("sum", "pairs", "powers"),
        True,
    ),
    Factor(
        "1/(exp - 1)",
        lambda n: 1 / np.expm1(_limited(n)),
        lambda n: -np.exp(_limited(n)) / np.expm1(_limited(n)) ** 2,
        lambda n: 1 / (_exp(n) - 1),
        4,
        ("exp", "1/x"),
        ("powers",),
        False,
    ),
    Factor(
        "exp - 1",
        lambda n: np.expm1(_limited(n)),
        lambda n: np.exp(_limited(n)),
        lambda n: _exp(n) - 1,
        3,
        ("exp",),
        ("powers",),
        False,
    ),
    Factor(
        "1/(1 + x)",
        lambda n: 1 / (1 + n),
        lambda n: -1 / (1 + n) ** 2,
        lambda n: 1 / (1 + n),
        3,
        ("1/x",),
        ("powers",),
        False,
    ),
    Factor("tanh", np.tanh, lambda n: 1 - np.tanh(n) ** 2, _tanh, 3, ("tanh",), ("powers", "sum"), True),
)
