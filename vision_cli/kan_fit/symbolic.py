"""From a fitted network to a formula, every operator chosen by the loss of the whole network.

Edge by edge, the most important first, operators are fitted to the edge's curve; those that fit best are put into the
network one after the other, all constants found so far take a few steps of Levenberg-Marquardt together, and the
operator with the smallest validation loss stays, complexity counted against it. An edge's own fit would often choose a
look-alike (arXiv:2603.15250). In the end all constants are fitted together, and rounded where that costs nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core import interrupts
from vision_cli.core.errors import NumericalError
from vision_cli.kan_fit.figures import edge_curve
from vision_cli.kan_fit.formula_search import names_of_operators, search_operators
from vision_cli.kan_fit.models import TableModel
from vision_cli.kan_fit.networks.dense import SKANLayer
from vision_cli.kan_fit.operators import NOTHING, Operator

if TYPE_CHECKING:
    import sympy

Array = NDArray[np.float64]
Edge = tuple[int, int, int]

_TRIED = 6
_STEPS_A_CHOICE, _STEPS_AT_THE_END = 6, 200
_COMPLEXITY = 0.03
_VALIDATION = 0.3
_SLOPES, _SHIFTS, _ZOOMS = 21, 25, 3
_WIDEST_SLOPE, _WIDEST_SHIFT = 12.0, 12.0
_ROUNDED_MAY_COST = 1.01
_NEARLY = 0.02
_LARGEST = 1e8
_EXACT, _GOOD = 1e-9, 1e-7
_WHOLE = 1e-9
_MULTIPLIED_OUT, _LONGER_BY = 4, 4
_SWEEPS, _WORTH_A_SWEEP, _CURVE_POINTS = 4, 0.9, 200


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


def find_formula(
    model: TableModel, inputs: Array, target: Array, library: Sequence[Operator], *, seed: int = 0
) -> Formula:
    """Find a formula for a fitted model.

    Parameters
    ----------
    model
        With the edges that the formula is to have.
    inputs, target
        Rows to fit the constants to, ``(N, inputs)`` and ``(N,)``.
    library
        Operators to choose from.
    seed
        Of the split into rows to fit and rows to choose by.

    Raises
    ------
    NumericalError
        If no operator of the library can follow an edge.
    """
    order = np.random.default_rng((seed, 2)).permutation(len(inputs))
    held = max(1, round(_VALIDATION * len(inputs)))
    rows, chosen_by = order[held:], order[:held]
    scaled = (target - model.mean) / model.scale
    net = _SymbolicNetwork(model, inputs[rows])
    for edge in net.by_importance():
        interrupts.check()
        net.replace(edge, library, (inputs[rows], scaled[rows]), (inputs[chosen_by], scaled[chosen_by]))
    net.reconsider(library, (inputs[rows], scaled[rows]), (inputs[chosen_by], scaled[chosen_by]))
    net.refine(inputs[rows], scaled[rows], _STEPS_AT_THE_END)
    loss = net.loss(inputs[chosen_by], scaled[chosen_by])
    data = _Data(inputs[rows], target[rows], inputs[chosen_by], target[chosen_by], model)
    found = data.formula(net.expression(model), {e: f.operator.name for e, f in net.symbolic.items()}, math.sqrt(loss))
    if found.rmse < _GOOD * model.scale:
        return found
    other = search_operators(data.inputs, data.target, data.held_inputs, data.held_target, library, seed=seed)
    if other is None:
        return found
    other_loss = float(np.mean((other(data.held_inputs) - data.held_target) ** 2)) / model.scale**2
    if _score(other_loss, other.complexity) > net.score(inputs[chosen_by], scaled[chosen_by]):
        return found
    expression = other.expression([_symbol(name) for name in model.names])
    return data.formula(expression, dict(names_of_operators(other)), math.sqrt(other_loss))


@dataclass(frozen=True)
class _Data:
    """Rows to fit constants to and rows to choose by, and the model that is explained."""

    inputs: Array
    target: Array
    held_inputs: Array
    held_target: Array
    model: TableModel

    def formula(self, expression: sympy.Expr, operators: dict[Edge, str], error: float) -> Formula:
        """Multiply out and round an expression whose error is known, in standard deviations of the target."""
        model = self.model
        allowed = max(_ROUNDED_MAY_COST * error, _EXACT) * model.scale
        tidy = tidied(expression)
        if not self._held_error(tidy) <= allowed:
            tidy = expression
        simple = self._simplified(tidy, allowed)
        rounded = self._rounded(simple, allowed)
        final = simple if rounded is None else rounded
        variables = tuple(name for name in model.names if _symbol(name) in final.free_symbols)
        own = model.predict(self.held_inputs)
        return Formula(
            final,
            variables,
            operators,
            self._held_error(final),
            math.sqrt(float(np.mean((own - self.held_target) ** 2))),
            rounded is not None,
        )

    def _simplified(self, expression: sympy.Expr, allowed: float) -> sympy.Expr:
        """Put simple constants in, one after the other, where the others, fitted anew, bear it.

        Noise moves all constants of a fit a little; rounded together, each would have to bear the errors of all.
        """
        import sympy

        numbers = sorted(expression.atoms(sympy.Float), key=str)
        values = {sympy.Dummy(): float(number) for number in numbers}
        template = expression.xreplace(dict(zip(numbers, values, strict=True)))
        for constant in sorted(values, key=lambda one: _distance_to_simple(values[one])):
            simple = _round(values[constant], _NEARLY)
            if simple.is_Float:
                continue
            tried = template.xreplace({constant: simple})
            others = self._fitted(tried, {one: value for one, value in values.items() if one is not constant})
            if self._held_error(tried.xreplace({one: sympy.Float(value) for one, value in others.items()})) <= allowed:
                template, values = tried, others
        return template.xreplace({one: sympy.Float(value) for one, value in values.items()})

    def _fitted(self, template: sympy.Expr, values: dict[sympy.Dummy, float]) -> dict[sympy.Dummy, float]:
        """Fit constants of an expression to the rows; they stay as they are where rows are fewer."""
        import sympy
        from scipy.optimize import least_squares

        if not 0 < len(values) <= len(self.target):
            return values
        names = [name for name in self.model.names if _symbol(name) in template.free_symbols]
        compute = sympy.lambdify([*values, *map(_symbol, names)], template, "numpy")
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

    def _held_error(self, expression: sympy.Expr) -> float:
        """Root mean square error on the rows to choose by, in the target's unit; not a number where it has no value."""
        variables = tuple(name for name in self.model.names if _symbol(name) in expression.free_symbols)
        predicted = _evaluate(expression, variables, self.held_inputs, self.model.names)
        return math.sqrt(float(np.mean((predicted - self.held_target) ** 2)))


@dataclass
class _Fitted:
    """An edge as a f(b x + c) + d."""

    operator: Operator
    constants: Array

    def value(self, x: Array) -> Array:
        a, b, c, d = self.constants
        return np.asarray(a * self.operator.value(b * x + c) + d)

    def slope(self, x: Array) -> Array:
        a, b, c, _ = self.constants
        return np.asarray(a * b * self.operator.slope(b * x + c))

    def by_constants(self, x: Array) -> Array:
        """Differentiate by a, b, c, d, ``(N, 4)``."""
        a, b, c, _ = self.constants
        inner = b * x + c
        bent = a * self.operator.slope(inner)
        return np.stack([self.operator.value(inner), bent * x, bent, np.ones_like(x)], axis=1)


class _SymbolicNetwork:
    """The network with some of its edges replaced by operators."""

    def __init__(self, model: TableModel, inputs: Array) -> None:
        self.layers: list[SKANLayer] = model.network.each_layer()
        self.widths = model.network.widths
        self.symbolic: dict[Edge, _Fitted] = {}
        x = torch.from_numpy(inputs)
        with torch.no_grad():
            self.taken = model.network.layer_inputs(x)
        spreads = model.network.edge_spreads(x)
        self.importance: dict[Edge, float] = {
            (number, i, j): float(spread[i, j] / spread.max())
            for number, spread in enumerate(spreads)
            for i in range(spread.shape[0])
            for j in range(spread.shape[1])
            if spread[i, j] > 1e-12
        }

    def by_importance(self) -> list[Edge]:
        return sorted(self.importance, key=lambda edge: -self.importance[edge])

    def replace(
        self, edge: Edge, library: Sequence[Operator], data: tuple[Array, Array], choosing: tuple[Array, Array]
    ) -> None:
        """Put the operator in whose network has the least loss."""
        number, i, j = edge
        points, values = edge_curve(self.layers[number], self.taken[number], i, j)
        with torch.no_grad():
            level = float(self.layers[number].edge_outputs(self.taken[number])[:, i, j].mean())
        reached = self.taken[number][:, i].numpy()
        at_reached = np.interp(reached, points, values)
        values = values - at_reached.mean() + level
        fits = sorted(
            (found for operator in library if (found := _fit_curve(operator, points, values)) is not None),
            key=lambda found: found[0] * (1 + _COMPLEXITY * found[1].operator.complexity),
        )
        if not fits:
            raise NumericalError(f"edge {edge}: no operator of the library can follow it.", hint="Give a larger one.")
        best = self._best(edge, [fitted for _, fitted in fits[:_TRIED]], data, choosing)
        if best is None:
            raise NumericalError(f"edge {edge}: no operator keeps the network finite.", hint="Give a larger library.")
        self.symbolic = best[1]

    def reconsider(self, library: Sequence[Operator], data: tuple[Array, Array], choosing: tuple[Array, Array]) -> None:
        """Go over all edges again, and put in another operator, or none, where the whole network is better for it.

        What an edge was given first was chosen while others were no operators yet.
        """
        best = self.score(*choosing)
        for _ in range(_SWEEPS):
            start = best
            for edge in self.by_importance():
                interrupts.check()
                if best < _score(0, self.complexity()):
                    return
                with np.errstate(all="ignore"):
                    reached = self._forward(data[0])[0][edge[0]][:, edge[1]]
                    points = np.linspace(reached.min(), reached.max(), _CURVE_POINTS)
                    values = self.symbolic[edge].value(points)
                if not np.isfinite(values).all() or points[0] == points[-1]:
                    continue
                fits = sorted(
                    (found for operator in library if (found := _fit_curve(operator, points, values)) is not None),
                    key=lambda found: found[0],
                )
                nothing = _Fitted(NOTHING, np.array([0.0, 1.0, 0.0, float(values.mean())]))
                tried = self._best(edge, [nothing, *(fitted for _, fitted in fits[:_TRIED])], data, choosing)
                if tried is not None and tried[0] < best * (1 - 1e-3):
                    best, self.symbolic = tried
            if best > start * _WORTH_A_SWEEP:
                return

    def complexity(self) -> int:
        """Sum of the operators' complexities."""
        return sum(fitted.operator.complexity for fitted in self.symbolic.values())

    def score(self, inputs: Array, target: Array) -> float:
        """Loss, with complexity against it."""
        return _score(self.loss(inputs, target), self.complexity())

    def _best(
        self, edge: Edge, choices: Sequence[_Fitted], data: tuple[Array, Array], choosing: tuple[Array, Array]
    ) -> tuple[float, dict[Edge, _Fitted]] | None:
        """Put each choice in, fit all constants a little; return the best score and its operators; None if none is."""
        before = self.symbolic
        best: tuple[float, dict[Edge, _Fitted]] | None = None
        for fitted in choices:
            self.symbolic = {
                **{key: _Fitted(other.operator, other.constants.copy()) for key, other in before.items()},
                edge: _Fitted(fitted.operator, fitted.constants.copy()),
            }
            self.refine(*data, _STEPS_A_CHOICE)
            score = self.score(*choosing)
            if math.isfinite(score) and (best is None or score < best[0]):
                best = score, self.symbolic
        self.symbolic = before
        return best

    def loss(self, inputs: Array, target: Array) -> float:
        with np.errstate(all="ignore"):
            residual = self._forward(inputs)[0][-1][:, 0] - target
            value = float(np.mean(residual**2))
        return value if math.isfinite(value) else math.inf

    def refine(self, inputs: Array, target: Array, steps: int) -> None:
        """Fit all constants together by Levenberg-Marquardt."""
        damping, loss = 1e-3, self.loss(inputs, target)
        for _ in range(steps):
            with np.errstate(all="ignore"):
                jacobian, residual = self._jacobian(inputs, target)
            if not np.isfinite(jacobian).all():
                return
            normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
            diagonal = np.diagonal(normal) + 1e-12 * np.trace(normal) / len(normal) + 1e-300
            start = self._constants()
            before = loss
            while damping < 1e10:
                try:
                    step = np.linalg.solve(normal + damping * np.diag(diagonal), gradient)
                except np.linalg.LinAlgError:
                    step = np.full_like(start, np.nan)
                self._set_constants(start - step)
                found = self.loss(inputs, target) if np.isfinite(step).all() else math.inf
                if found < loss:
                    loss, damping = found, max(damping / 5, 1e-14)
                    break
                damping *= 6
            else:
                self._set_constants(start)
                return
            if before - loss < 1e-7 * before:
                return

    def expression(self, model: TableModel) -> sympy.Expr:
        """Write the network as an expression in the target's unit."""
        import sympy

        nodes: list[Any] = [_symbol(name) for name in model.names]
        for number, width in enumerate(self.widths[1:]):
            following: list[Any] = [sympy.Float(float(b)) for b in self.layers[number].bias.detach()]
            for (layer, i, j), fitted in self.symbolic.items():
                if layer == number:
                    a, b, c, d = (sympy.Float(float(value)) for value in fitted.constants)
                    following[j] += a * fitted.operator.symbol(b * nodes[i] + c) + d
            nodes = following[:width]
        return nodes[0] * sympy.Float(model.scale) + sympy.Float(model.mean)

    def _forward(self, inputs: Array) -> tuple[list[Array], list[Array]]:
        """Return what every layer takes in and last what comes out, and the slope of each edge, ``(N, i, j)``."""
        taken, slopes = [inputs], []
        for number, layer in enumerate(self.layers):
            here = taken[-1]
            out = np.tile(layer.bias.detach().numpy(), (len(here), 1))
            slope = np.zeros((len(here), *layer.edges.shape))
            numeric = [e for e in self.importance if e[0] == number and e not in self.symbolic]
            if numeric:
                x = torch.from_numpy(np.ascontiguousarray(here))
                with torch.no_grad():
                    weight = layer.effective_weight()
                    given = layer.edge_outputs(x).numpy()
                    by_input = layer.feature_slopes(x)
                for _, i, j in numeric:
                    columns = layer.node == i
                    out[:, j] += given[:, i, j]
                    slope[:, i, j] = (by_input[:, columns] @ weight[columns, j].detach()).numpy()
            for (layer_number, i, j), fitted in self.symbolic.items():
                if layer_number == number:
                    out[:, j] += fitted.value(here[:, i])
                    slope[:, i, j] = fitted.slope(here[:, i])
            taken.append(out)
            slopes.append(slope)
        return taken, slopes

    def _jacobian(self, inputs: Array, target: Array) -> tuple[Array, Array]:
        taken, slopes = self._forward(inputs)
        owed = [np.ones((len(inputs), 1))]
        for slope in reversed(slopes[1:]):
            owed.insert(0, np.einsum("nij,nj->ni", slope, owed[0]))
        columns = [
            fitted.by_constants(taken[number][:, i]) * owed[number][:, j : j + 1]
            for (number, i, j), fitted in self.symbolic.items()
        ]
        return np.concatenate(columns, axis=1), taken[-1][:, 0] - target

    def _constants(self) -> Array:
        return np.concatenate([fitted.constants for fitted in self.symbolic.values()])

    def _set_constants(self, values: Array) -> None:
        for number, fitted in enumerate(self.symbolic.values()):
            fitted.constants = values[4 * number : 4 * number + 4]


def _score(loss: float, complexity: int) -> float:
    """Loss, with complexity against it: a complexity more must buy a little; next to an exact fit an exact one."""
    return (loss + _EXACT**2) * (1 + _COMPLEXITY) ** complexity


def _fit_curve(operator: Operator, points: Array, values: Array) -> tuple[float, _Fitted] | None:
    """Fit a f(b x + c) + d to a curve: b and c on grids that close in, a and d by least squares."""
    middle, half = (points[0] + points[-1]) / 2, max((points[-1] - points[0]) / 2, 1e-300)
    x = (points - middle) / half
    centred = values - values.mean()
    total = float(centred @ centred)
    if operator.name == "x":
        slopes, shifts = np.array([1.0]), np.array([0.0])
    else:
        size = np.geomspace(0.05, _WIDEST_SLOPE, _SLOPES)
        slopes = np.concatenate([-size[::-1], size])
        shifts = np.linspace(-_WIDEST_SHIFT, _WIDEST_SHIFT, _SHIFTS)
    best: tuple[float, float, float] | None = None
    with np.errstate(all="ignore"):
        for zoom in range(_ZOOMS):
            b, c = np.meshgrid(slopes, shifts, indexing="ij")
            bent = operator.value(b[..., None] * x + c[..., None])
            bent = bent - bent.mean(axis=-1, keepdims=True)
            norm = (bent**2).sum(-1)
            share = (bent @ centred) ** 2 / norm
            share = np.where(np.isfinite(share) & (norm > 1e-18 * len(x)), share, -np.inf)
            place = np.unravel_index(int(np.argmax(share)), share.shape)
            if not math.isfinite(float(share[place])):
                return None
            if best is None or share[place] > best[0]:
                best = float(share[place]), float(b[place]), float(c[place])
            if operator.name == "x":
                break
            spread = 0.3 / 6**zoom
            slopes = best[1] * np.exp(np.linspace(-spread, spread, _SLOPES))
            shifts = best[2] + np.linspace(-1, 1, _SHIFTS) * _WIDEST_SHIFT / _SHIFTS * 2 / 6**zoom
        if best is None:
            return None
        b0, c0 = best[1], best[2]
        bent = operator.value(b0 * x + c0)
        a0 = float((bent - bent.mean()) @ centred / ((bent - bent.mean()) @ (bent - bent.mean())))
        d0 = float(values.mean() - a0 * bent.mean())
    # Back from x within [-1, 1] to the edge's own unit.
    fitted = _Fitted(operator, np.array([a0, b0 / half, c0 - b0 * middle / half, d0]))
    return max(total - best[0], 0.0) / max(total, 1e-300), fitted


def _symbol(name: str) -> Any:
    import sympy

    return sympy.Symbol(name, real=True)


def _evaluate(expression: Any, variables: Sequence[str], inputs: Array, names: Sequence[str]) -> Array:
    import sympy

    # Names of columns may be no names of Python.
    stand_ins = [sympy.Symbol(f"x_{n}", real=True) for n in range(len(variables))]
    plain = expression.xreplace(dict(zip(map(_symbol, variables), stand_ins, strict=True)))
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


def _distance_to_simple(value: float) -> float:
    """Relative distance of a value from the nearest simple constant; infinite where none is near."""
    simple = _round(value, _NEARLY)
    return math.inf if simple.is_Float else abs(float(simple) - value) / max(abs(value), _NEARLY)
