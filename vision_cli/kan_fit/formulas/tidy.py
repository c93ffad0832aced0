"""Simplification of formulas: expanded, with constants as simple as the error on the data allows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.kan_fit.tables.files import TableModel

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
Edge = tuple[int, int, int]

_ROUNDED_MAY_COST = 1.01
_LEAST_ERROR = 1e-9
_NEARLY = 0.02
_UNITS = {"1": 1.0, "pi": math.pi, "1/pi": 1 / math.pi, "1/sqrt(2 pi)": 1 / math.sqrt(2 * math.pi)}
_LARGEST_NUMERATOR = 1000
# In digits: of a denominator (1 from 5 on), by which a fraction may be longer, of a short one, saved by a long one.
_LENGTHS = {1: 0.0, 2: 0.5, 3: 0.5, 4: 0.5}
_NO_LONGER, _SHORT, _SAVED = 0.5, 2.5, 2
_LARGEST = 1e8
_WHOLE = 1e-9
_MULTIPLIED_OUT, _LONGER_BY = 4, 4
_SIMPLIFIED_ONE_BY_ONE = 16
"""Greatest number of constants that are simplified one by one, which fits all others each time."""


@dataclass(frozen=True)
class Alternative:
    """A formula of another length.

    Attributes
    ----------
    complexity
        Sum of the complexities of its operators.
    rmse
        On the held-out rows, in the target's unit.
    expression
        Its constants have four digits.
    """

    complexity: int
    rmse: float
    expression: sympy.Expr


@dataclass(frozen=True)
class Formula:
    """A formula that replaces a network.

    Attributes
    ----------
    expression
        Expression of symbols named as the columns.
    variables
        Names of the columns that occur, in their order.
    operators
        Operator of each edge, by layer, node and output.
    rmse
        On the held-out rows, in the target's unit.
    network_rmse
        That of the network on the same rows.
    is_rounded
        Whether its constants are rounded.
    alternatives
        The best formula found of each complexity, the simplest first; none where the network's operators are exact.
    """

    expression: sympy.Expr
    variables: tuple[str, ...]
    operators: dict[Edge, str]
    rmse: float
    network_rmse: float
    is_rounded: bool
    alternatives: tuple[Alternative, ...] = ()

    def __call__(self, inputs: Array, names: Sequence[str]) -> Array:
        """Return its values, ``(N, inputs)`` to ``(N,)``; ``names`` are those of the inputs."""
        return _evaluate(self.expression, self.variables, inputs, names)


@dataclass(frozen=True)
class FormulaRows:
    """Rows to fit constants to, held-out rows to choose by, and the model that is explained.

    Attributes
    ----------
    inputs, target
        Rows to fit to, ``(N, inputs)`` and ``(N,)``.
    held_inputs, held_target
        Held-out rows, ``(M, inputs)`` and ``(M,)``.
    model
        The explained model.
    """

    inputs: Array
    target: Array
    held_inputs: Array
    held_target: Array
    model: TableModel

    def formula(self, expression: sympy.Expr, operators: dict[Edge, str], error: float) -> Formula:
        """Return an expression as a formula, expanded and with simple constants.

        Parameters
        ----------
        expression
            The expression with fitted constants.
        operators
            Operator of each edge.
        error
            Root mean square error of the expression on the held-out rows, in standard deviations of the target.
        """
        model = self.model
        allowed = max(_ROUNDED_MAY_COST * error, _LEAST_ERROR) * model.scale
        tidy = expand_formula(expression)
        if not self._held_error(tidy) <= allowed:
            tidy = expression
        # Once negligible terms are gone, products of constants can be merged and simplified again.
        simple = self._simplified(_merged(self._simplified(tidy, allowed, _nothing)), allowed, _nearly)
        if (merged := _merged(simple)) != simple:
            simple = self._simplified(merged, allowed, _nearly)
        rounded = self._rounded(simple, max(allowed, self._held_error(simple)))
        final = simple if rounded is None else rounded
        own = model.predict(self.held_inputs)
        return Formula(
            final,
            self._variables(final),
            operators,
            self._held_error(final),
            math.sqrt(float(np.mean((own - self.held_target) ** 2))),
            rounded is not None,
        )

    def _simplified(self, expression: sympy.Expr, allowed: float, simpler: Callable[[float], sympy.Expr]) -> sympy.Expr:
        """Return an expression with simpler constants, replaced one by one where the error allows it.

        After each replacement the other constants are fitted again, as noise perturbs all constants of a fit jointly.
        The allowed error rises with each removed constant by the Bayesian information criterion (Schwarz 1978).
        """
        import sympy

        numbers = sorted(expression.atoms(sympy.Float), key=str)
        if len(numbers) > _SIMPLIFIED_ONE_BY_ONE:
            return expression
        values = {sympy.Dummy(): float(number) for number in numbers}
        template = expression.xreplace(dict(zip(numbers, values, strict=True)))
        worth = math.log(len(self.target)) / (2 * len(self.target))
        taken = 0
        for constant in sorted(values, key=lambda one: _distance_to_simple(values[one])):
            simple = simpler(values[constant])
            tried = template.xreplace({constant: simple})
            if simple.is_Float or tried.is_number or tried.has(sympy.nan, sympy.zoo, sympy.oo):
                continue
            left = {one: value for one, value in values.items() if one is not constant}
            others = self._fitted(tried, {one: left[one] for one in left if tried.has(one)})
            whole = tried.xreplace({one: sympy.Float(value) for one, value in others.items()})
            if whole.has(sympy.nan, sympy.zoo, sympy.oo):
                continue
            error = self._held_error(whole)
            if error <= allowed * math.exp(taken * worth):
                template, values, taken = tried, {**left, **others}, taken + 1
        return template.xreplace({one: sympy.Float(value) for one, value in values.items()})

    def _fitted(self, template: sympy.Expr, values: dict[sympy.Dummy, float]) -> dict[sympy.Dummy, float]:
        """Return the constants of an expression, fitted to the rows unless there are fewer rows than constants."""
        import sympy
        from scipy.optimize import least_squares

        if not 0 < len(values) <= len(self.target):
            return values
        names = self._variables(template)
        compute = sympy.lambdify([*values, *map(symbol_of, names)], template, "numpy")
        columns = [self.inputs[:, self.model.names.index(name)] for name in names]

        def residual(constants: Array) -> Array:
            with np.errstate(all="ignore"):
                error = (np.real(compute(*constants, *columns)) - self.target) / self.model.scale
            return np.asarray(np.where(np.isfinite(error), error, _LARGEST))

        found = least_squares(residual, list(values.values()), method="lm", x_scale="jac", max_nfev=50 * len(values))
        return dict(zip(values, map(float, found.x), strict=True))

    def _rounded(self, expression: sympy.Expr, allowed: float) -> sympy.Expr | None:
        """Return an expression with constants rounded as coarsely as the error allows; None where it forbids it."""
        for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
            candidate = expand_formula(_round_constants(expression, tolerance))
            if self._held_error(candidate) <= allowed:
                return candidate
        return None

    def _variables(self, expression: sympy.Expr) -> tuple[str, ...]:
        """Return the columns that occur in an expression, in their order."""
        return tuple(name for name in self.model.names if symbol_of(name) in expression.free_symbols)

    def _held_error(self, expression: sympy.Expr) -> float:
        """Return the root mean square error on the held-out rows, in the target's unit; NaN where it is undefined."""
        predicted = _evaluate(expression, self._variables(expression), self.held_inputs, self.model.names)
        return math.sqrt(float(np.mean((predicted - self.held_target) ** 2)))


def shortened(expression: Any) -> Any:
    """Return an expression with constants of four digits."""
    import sympy

    return expression.xreplace(
        {number: sympy.Float(f"{float(number):.4g}") for number in expression.atoms(sympy.Float)}
    )


def symbol_of(name: str) -> Any:
    """Return the symbol that stands for a column."""
    import sympy

    return sympy.Symbol(name, real=True)


def _evaluate(expression: Any, variables: Sequence[str], inputs: Array, names: Sequence[str]) -> Array:
    import sympy

    # Names of columns need not be identifiers of Python.
    stand_ins = [sympy.Symbol(f"x_{n}", real=True) for n in range(len(variables))]
    plain = expression.xreplace(dict(zip(map(symbol_of, variables), stand_ins, strict=True)))
    call = sympy.lambdify(stand_ins, plain, "numpy")
    columns = [inputs[:, list(names).index(name)] for name in variables]
    with np.errstate(all="ignore"):
        return np.asarray(np.broadcast_to(np.real(call(*columns)), len(inputs)), dtype=np.float64)


def expand_formula(expression: Any) -> Any:
    """Return an expression multiplied out, so that constants can be merged, unless that makes it much longer.

    Exponents and shifts that are integers up to rounding are made integers first, so that powers can be combined.
    """
    import sympy

    near = {number: round(float(number)) for number in expression.atoms(sympy.Float)}
    whole = expression.xreplace(
        {number: sympy.Integer(n) for number, n in near.items() if n and abs(float(number) - n) < _WHOLE}
    )
    # A negligible term of a sum is dropped; a factor as small may multiply a large term.
    whole = whole.replace(
        lambda part: part.is_Add,
        lambda part: part.func(*(term for term in part.args if not (term.is_Float and abs(term) < _WHOLE))),
    )
    sums = (power for power in whole.atoms(sympy.Pow) if power.base.is_Add and power.exp.is_Integer)
    # High powers of sums have too many terms to be read.
    is_low = all(abs(power.exp) <= _MULTIPLIED_OUT for power in sums)
    expanded = sympy.expand(whole, log=False, trig=False, multinomial=is_low)
    is_readable = expanded.count_ops() <= _LONGER_BY * whole.count_ops()
    return sympy.powsimp(expanded if is_readable else whole, combine="exp")


def _merged(expression: Any) -> Any:
    """Return an expression with the constants of each product multiplied into one."""
    import sympy

    def product(part: Any) -> Any:
        numbers, rest = sympy.sift(part.args, lambda one: one.is_number, binary=True)
        return sympy.Mul(sympy.Mul(*numbers).evalf(17), *rest) if any(one.is_Float for one in numbers) else part

    return expression.replace(lambda part: part.is_Mul, product)


def _round_constants(expression: Any, tolerance: float) -> Any:
    import sympy

    return expression.xreplace({number: _round(float(number), tolerance) for number in expression.atoms(sympy.Float)})


def _round(value: float, tolerance: float) -> Any:
    """Return the simplest constant near a value: a plain decimal, or a fraction, also of π, 1/π or 1/√(2π).

    A short fraction replaces the shortest decimal within the tolerance where it is about as short, a long one where it
    saves two digits, and none where a shorter decimal is nearer: 4.2 stays 4.2, although 66/(5 π) is 4.2017.
    """
    import sympy

    if abs(value) < tolerance:
        return sympy.Integer(0)
    decimal, length = _decimal_near(value, tolerance)
    simple = _simple_near(value, tolerance)
    if simple is not None and simple[0] <= (length + _NO_LONGER if simple[0] <= _SHORT else length - _SAVED):
        return simple[2]
    return sympy.Integer(int(decimal)) if decimal == int(decimal) else sympy.Float(decimal)


def _decimal_near(value: float, tolerance: float) -> tuple[float, int]:
    """Return the decimal of fewest significant digits within a relative tolerance, and their number."""
    for digits in range(1, 17):
        text = f"{value:.{digits - 1}e}"
        if abs(float(text) - value) <= tolerance * abs(value):
            return float(text), len(text.partition("e")[0].lstrip("-").replace(".", "").rstrip("0"))
    return value, 17


def _simple_near(value: float, tolerance: float) -> tuple[float, float, Any] | None:
    """Return the shortest fraction within a relative tolerance: its length in digits, its distance, itself.

    None where there is none, or a decimal that is shorter by half a digit or more is nearer to the value.
    """
    import sympy

    found: list[tuple[float, float, int, int, str]] = []
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10):
        for name, unit in _UNITS.items():
            numerator = round(value / unit * denominator)
            near = abs(numerator / denominator * unit - value) / abs(value)
            if numerator and abs(numerator) <= _LARGEST_NUMERATOR and near <= tolerance:
                digits = len(str(abs(numerator)).rstrip("0"))
                length = digits + _LENGTHS.get(denominator, 1.0) + (name != "1")
                found.append((length, near, numerator, denominator, name))
    if not found:
        return None
    length, near, numerator, denominator, name = min(found)
    for digits in range(1, 17):
        if digits > length - _NO_LONGER or (name == "1" and digits == length - _NO_LONGER):
            break
        if abs(float(f"{value:.{digits - 1}e}") - value) <= near * abs(value):
            return None
    factors = {"1": 1, "pi": sympy.pi, "1/pi": 1 / sympy.pi, "1/sqrt(2 pi)": 1 / sympy.sqrt(2 * sympy.pi)}
    return length, near, sympy.Rational(numerator, denominator) * factors[name]


def _nearly(value: float) -> Any:
    """Return the simplest fraction within 2 % of a value, if it is short; else the value."""
    import sympy

    if abs(value) < _NEARLY:
        return sympy.Integer(0)
    simple = _simple_near(value, _NEARLY)
    return sympy.Float(value) if simple is None or simple[0] > _SHORT else simple[2]


def _nothing(_value: float) -> Any:
    import sympy

    return sympy.Integer(0)


def _distance_to_simple(value: float) -> float:
    """Return the relative distance of a value from the nearest simple constant; infinite where none is near."""
    simple = _nearly(value)
    return math.inf if simple.is_Float else abs(float(simple) - value) / max(abs(value), _NEARLY)
