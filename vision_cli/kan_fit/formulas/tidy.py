"""Formulas for people: multiplied out, with constants as simple as the data bear."""

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
_LARGEST = 1e8
_WHOLE = 1e-9
_MULTIPLIED_OUT, _LONGER_BY = 4, 4
_READ_ONE_BY_ONE = 16
"""Nobody reads the constants of a formula with more, and fitting all anew for each takes minutes."""


@dataclass(frozen=True)
class Formula:
    """A formula that stands for a network.

    Attributes
    ----------
    expression
        Of symbols named like the columns.
    variables
        Names of the columns that occur, in their order.
    operators
        Operator of every edge, by layer, node and output.
    rmse
        Against the validation rows of the sample, in the target's unit.
    network_rmse
        The network's own there.
    is_rounded
        Whether its constants are rounded.
    """

    expression: sympy.Expr
    variables: tuple[str, ...]
    operators: dict[Edge, str]
    rmse: float
    network_rmse: float
    is_rounded: bool

    def __call__(self, inputs: Array, names: Sequence[str]) -> Array:
        """Compute it, ``(N, inputs)`` to ``(N,)``; ``names`` are those of the inputs."""
        return _evaluate(self.expression, self.variables, inputs, names)


@dataclass(frozen=True)
class FormulaRows:
    """Rows to fit constants to and rows to choose by, and the model that is explained.

    Attributes
    ----------
    inputs, target
        ``(N, inputs)`` and ``(N,)``, to fit to.
    held_inputs, held_target
        The same, to choose by.
    model
        The model.
    """

    inputs: Array
    target: Array
    held_inputs: Array
    held_target: Array
    model: TableModel

    def formula(self, expression: sympy.Expr, operators: dict[Edge, str], error: float) -> Formula:
        """Multiply out and round an expression whose error is known, in standard deviations of the target."""
        model = self.model
        allowed = max(_ROUNDED_MAY_COST * error, _LEAST_ERROR) * model.scale
        tidy = tidied(expression)
        if not self._held_error(tidy) <= allowed:
            tidy = expression
        # Without what does nothing constants stand side by side that were free to trade; so once more at the end.
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
        """Put simpler constants in, one after the other, where the others, fitted anew, bear it.

        Noise moves all constants of a fit a little; rounded together, each would have to bear the errors of all. A
        constant less is worth what the Bayesian information criterion (Schwarz 1978) says it is.
        """
        import sympy

        numbers = sorted(expression.atoms(sympy.Float), key=str)
        if len(numbers) > _READ_ONE_BY_ONE:
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
            error = self._held_error(tried.xreplace({one: sympy.Float(value) for one, value in others.items()}))
            if error <= allowed * math.exp(taken * worth):
                template, values, taken = tried, {**left, **others}, taken + 1
        return template.xreplace({one: sympy.Float(value) for one, value in values.items()})

    def _fitted(self, template: sympy.Expr, values: dict[sympy.Dummy, float]) -> dict[sympy.Dummy, float]:
        """Fit constants of an expression to the rows; they stay as they are where rows are fewer."""
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
        """Round the constants as coarsely as the error allows; None where it allows nothing."""
        for tolerance in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8):
            candidate = tidied(_round_constants(expression, tolerance))
            if self._held_error(candidate) <= allowed:
                return candidate
        return None

    def _variables(self, expression: sympy.Expr) -> tuple[str, ...]:
        """Return the columns that occur in an expression, in their order."""
        return tuple(name for name in self.model.names if symbol_of(name) in expression.free_symbols)

    def _held_error(self, expression: sympy.Expr) -> float:
        """Root mean square error on the rows to choose by, in the target's unit; not a number where it has no value."""
        predicted = _evaluate(expression, self._variables(expression), self.held_inputs, self.model.names)
        return math.sqrt(float(np.mean((predicted - self.held_target) ** 2)))


def symbol_of(name: str) -> Any:
    """Return the symbol that stands for a column."""
    import sympy

    return sympy.Symbol(name, real=True)


def _evaluate(expression: Any, variables: Sequence[str], inputs: Array, names: Sequence[str]) -> Array:
    import sympy

    # Names of columns may be no names of Python.
    stand_ins = [sympy.Symbol(f"x_{n}", real=True) for n in range(len(variables))]
    plain = expression.xreplace(dict(zip(map(symbol_of, variables), stand_ins, strict=True)))
    call = sympy.lambdify(stand_ins, plain, "numpy")
    columns = [inputs[:, list(names).index(name)] for name in variables]
    with np.errstate(all="ignore"):
        return np.asarray(np.broadcast_to(np.real(call(*columns)), len(inputs)), dtype=np.float64)


def tidied(expression: Any) -> Any:
    """Multiply out, so that constants which belong together meet, unless that makes the formula much longer.

    Exponents and shifts that are whole but for the last digits are made whole first: they keep powers apart.
    """
    import sympy

    near = {number: round(float(number)) for number in expression.atoms(sympy.Float)}
    whole = expression.xreplace(
        {number: sympy.Integer(n) for number, n in near.items() if n and abs(float(number) - n) < _WHOLE}
    )
    # Of a sum next to nothing is nothing; a factor as small may stand before something as large.
    whole = whole.replace(
        lambda part: part.is_Add,
        lambda part: part.func(*(term for term in part.args if not (term.is_Float and abs(term) < _WHOLE))),
    )
    sums = (power for power in whole.atoms(sympy.Pow) if power.base.is_Add and power.exp.is_Integer)
    # Of high powers of sums nobody reads the terms.
    is_low = all(abs(power.exp) <= _MULTIPLIED_OUT for power in sums)
    expanded = sympy.expand(whole, log=False, trig=False, multinomial=is_low)
    is_readable = expanded.count_ops() <= _LONGER_BY * whole.count_ops()
    return sympy.powsimp(expanded if is_readable else whole, combine="exp")


def _merged(expression: Any) -> Any:
    """Multiply the constants of every product into one."""
    import sympy

    def product(part: Any) -> Any:
        numbers, rest = sympy.sift(part.args, lambda one: one.is_number, binary=True)
        return sympy.Mul(sympy.Mul(*numbers).evalf(17), *rest) if any(one.is_Float for one in numbers) else part

    return expression.replace(lambda part: part.is_Mul, product)


def _round_constants(expression: Any, tolerance: float) -> Any:
    import sympy

    return expression.xreplace({number: _round(float(number), tolerance) for number in expression.atoms(sympy.Float)})


def _round(value: float, tolerance: float) -> Any:
    """Return the simplest constant near a value: a small fraction, one of pi or of a normal density, or few digits."""
    import sympy

    if abs(value) < tolerance:
        return sympy.Integer(0)
    for denominator in (1, 2, 3, 4, 5, 6, 8, 10):
        for factor in (sympy.Integer(1), sympy.pi, 1 / sympy.pi, 1 / sympy.sqrt(2 * sympy.pi)):
            unit = float(factor)
            numerator = round(value / unit * denominator)
            near = numerator / denominator * unit
            if numerator and abs(numerator) <= 1000 and abs(near - value) <= tolerance * abs(value):
                return sympy.Rational(numerator, denominator) * factor
    digits = max(1, round(-math.log10(tolerance)))
    return sympy.Float(value, digits)


def _nearly(value: float) -> Any:
    """Return the simplest constant near a value."""
    return _round(value, _NEARLY)


def _nothing(_value: float) -> Any:
    import sympy

    return sympy.Integer(0)


def _distance_to_simple(value: float) -> float:
    """Relative distance of a value from the nearest simple constant; infinite where none is near."""
    simple = _nearly(value)
    return math.inf if simple.is_Float else abs(float(simple) - value) / max(abs(value), _NEARLY)
