"""Formula of a fitted network, with every operator chosen by the loss of the whole network.

Edge by edge, the most important first, operators are fitted to the edge's function. Those that fit best replace the
edge one after the other, all constants so far take a few joint steps of Levenberg-Marquardt, and the operator with the
least validation loss, penalised by its complexity, is kept. The fit of the single edge would often choose a similar but
wrong operator (arXiv:2603.15250). Finally all constants are fitted jointly, and rounded where that does not raise the
error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.errors import NumericalError
from vision_cli.core.runs import interrupts
from vision_cli.kan_fit.formulas.operators import NOTHING, Operator
from vision_cli.kan_fit.formulas.product_fits import Product
from vision_cli.kan_fit.formulas.products import search_products
from vision_cli.kan_fit.formulas.search import OperatorNetwork, best_by_complexity, search_operators
from vision_cli.kan_fit.formulas.tidy import Alternative, Formula, FormulaRows, shortened, symbol_of
from vision_cli.kan_fit.networks.dense import CURVE_POINTS, SKANLayer
from vision_cli.kan_fit.tables.files import TableModel
from vision_cli.kan_fit.tables.robust.scaling import scaled

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
_EXACT, _GOOD = 1e-9, 1e-7
_SWEEPS, _WORTH_A_SWEEP = 4, 0.9


def find_formula(
    model: TableModel, inputs: Array, target: Array, library: Sequence[Operator], *, seed: int = 0
) -> Formula:
    """Return the formula of a fitted model.

    Parameters
    ----------
    model
        The model; the formula has its edges.
    inputs, target
        Rows to fit the constants to, ``(N, inputs)`` and ``(N,)``.
    library
        Operators to choose from.
    seed
        Of the split into rows to fit and held-out rows to choose by.

    Raises
    ------
    NumericalError
        If no operator of the library fits an edge, and no network of operators the data.
    """
    order = np.random.default_rng((seed, 2)).permutation(len(inputs))
    held = max(1, round(_VALIDATION * len(inputs)))
    rows, chosen_by = order[held:], order[:held]
    aim = (target - model.mean) / model.scale
    data = FormulaRows(inputs[rows], target[rows], inputs[chosen_by], target[chosen_by], model)
    own = scaled(inputs, model.scalings)
    net = _SymbolicNetwork(model, own[rows])
    blocked: NumericalError | None = None
    shorter: tuple[Alternative, ...] = ()
    try:
        loss = net.substitute(library, (own[rows], aim[rows]), (own[chosen_by], aim[chosen_by]))
    except NumericalError as error:
        blocked, loss = error, math.inf
    if math.sqrt(loss) > _GOOD:
        found = _searched(data, library, seed)
        if found:
            other = found[0]
            symbols = [symbol_of(name) for name in model.names]
            spread = float(data.held_target.std())
            shorter = tuple(
                Alternative(one.complexity, math.sqrt(one.loss) * spread, shortened(one.expression(symbols)))
                for one in best_by_complexity(found)
            )
            other_loss = float(np.mean((other(data.held_inputs) - data.held_target) ** 2)) / model.scale**2
            if blocked or _score(other_loss, other.complexity) <= _score(loss, net.complexity()):
                formula = data.formula(other.expression(symbols), other.operator_names(), math.sqrt(other_loss))
                return replace(formula, alternatives=shorter)
    if blocked:
        raise blocked
    operators = {edge: fitted.operator.name for edge, fitted in net.symbolic.items()}
    return replace(data.formula(net.expression(model), operators, math.sqrt(loss)), alternatives=shorter)


def _searched(data: FormulaRows, library: Sequence[Operator], seed: int) -> list[OperatorNetwork | Product]:
    """Return networks of operators and products of functions that fit the data, the best first."""
    rows = (data.inputs, data.target, data.held_inputs, data.held_target)
    found: list[OperatorNetwork | Product] = [*search_operators(*rows, library, seed=seed)]
    if not found or math.sqrt(found[0].loss) > _GOOD:
        found += search_products(*rows, library, seed=seed)
    return sorted(found, key=lambda one: one.score)


@dataclass
class _SymbolicEdge:
    """An edge as a f(b x + c) + d with an operator f; ``constants`` are a, b, c, d."""

    operator: Operator
    constants: Array

    def value(self, x: Array) -> Array:
        a, b, c, d = self.constants
        return np.asarray(a * self.operator.value(b * x + c) + d)

    def slope(self, x: Array) -> Array:
        a, b, c, _ = self.constants
        return np.asarray(a * b * self.operator.slope(b * x + c))

    def gradient(self, x: Array) -> Array:
        """Return the derivatives with respect to a, b, c, d, ``(N, 4)``."""
        a, b, c, _ = self.constants
        inner = b * x + c
        transformed = a * self.operator.slope(inner)
        return np.stack([self.operator.value(inner), transformed * x, transformed, np.ones_like(x)], axis=1)


class _SymbolicNetwork:
    """The network with some of its edges replaced by operators.

    Attributes
    ----------
    symbolic
        The replaced edges, by layer, node and output.
    inputs
        Inputs of each layer of the original network, ``(N, inputs)`` each.
    importance
        Standard deviation of each edge, as a share of the greatest of its layer.
    """

    def __init__(self, model: TableModel, inputs: Array) -> None:
        self.layers: list[SKANLayer] = model.network.each_layer()
        self.widths = model.network.widths
        self.symbolic: dict[Edge, _SymbolicEdge] = {}
        x = torch.from_numpy(inputs)
        with torch.no_grad():
            self.inputs = model.network.layer_inputs(x)
        spreads = model.network.edge_spreads(x)
        self.importance: dict[Edge, float] = {
            (number, i, j): float(spread[i, j] / spread.max())
            for number, spread in enumerate(spreads)
            for i in range(spread.shape[0])
            for j in range(spread.shape[1])
            if spread[i, j] > 1e-12
        }

    def substitute(
        self, library: Sequence[Operator], data: tuple[Array, Array], choosing: tuple[Array, Array]
    ) -> float:
        """Replace every edge by an operator and fit all constants; return the loss on the held-out rows.

        Raises
        ------
        NumericalError
            If no operator of the library fits an edge.
        """
        for edge in self.by_importance():
            interrupts.check()
            self.replace(edge, library, data, choosing)
        self.reconsider(library, data, choosing)
        self.refine(*data, _STEPS_AT_THE_END)
        return self.loss(*choosing)

    def by_importance(self) -> list[Edge]:
        return sorted(self.importance, key=lambda edge: -self.importance[edge])

    def replace(
        self, edge: Edge, library: Sequence[Operator], data: tuple[Array, Array], choosing: tuple[Array, Array]
    ) -> None:
        """Replace an edge by the operator whose network has the least loss."""
        number, i, j = edge
        points, values = self.layers[number].edge_curve(self.inputs[number], i, j)
        with torch.no_grad():
            level = float(self.layers[number].edge_outputs(self.inputs[number])[:, i, j].mean())
        reached = self.inputs[number][:, i].numpy()
        at_reached = np.interp(reached, points, values)
        values = values - at_reached.mean() + level
        fits = sorted(
            (found for operator in library if (found := _fit_curve(operator, points, values)) is not None),
            key=lambda found: found[0] * (1 + _COMPLEXITY * found[1].operator.complexity),
        )
        if not fits:
            raise NumericalError(f"edge {edge}: no operator of the library fits it.", hint="Give a larger library.")
        best = self._best(edge, [fitted for _, fitted in fits[:_TRIED]], data, choosing)
        if best is None:
            raise NumericalError(f"edge {edge}: no operator keeps the network finite.", hint="Give a larger library.")
        self.symbolic = best[1]

    def reconsider(self, library: Sequence[Operator], data: tuple[Array, Array], choosing: tuple[Array, Array]) -> None:
        """Replace the operator of each edge again, by another or by none, where that lowers the network's score.

        The first operators were chosen while other edges were not yet replaced.
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
                    points = np.linspace(reached.min(), reached.max(), CURVE_POINTS)
                    values = self.symbolic[edge].value(points)
                if not np.isfinite(values).all() or points[0] == points[-1]:
                    continue
                fits = sorted(
                    (found for operator in library if (found := _fit_curve(operator, points, values)) is not None),
                    key=lambda found: found[0],
                )
                nothing = _SymbolicEdge(NOTHING, np.array([0.0, 1.0, 0.0, float(values.mean())]))
                tried = self._best(edge, [nothing, *(fitted for _, fitted in fits[:_TRIED])], data, choosing)
                if tried is not None and tried[0] < best * (1 - 1e-3):
                    best, self.symbolic = tried
            if best > start * _WORTH_A_SWEEP:
                return

    def complexity(self) -> int:
        """Return the sum of the operators' complexities."""
        return sum(fitted.operator.complexity for fitted in self.symbolic.values())

    def score(self, inputs: Array, target: Array) -> float:
        """Return the loss penalised by the complexity."""
        return _score(self.loss(inputs, target), self.complexity())

    def _best(
        self, edge: Edge, choices: Sequence[_SymbolicEdge], data: tuple[Array, Array], choosing: tuple[Array, Array]
    ) -> tuple[float, dict[Edge, _SymbolicEdge]] | None:
        """Try each operator with a few steps of all constants; return the best score with its network's operators.

        None if no score is finite.
        """
        before = self.symbolic
        best: tuple[float, dict[Edge, _SymbolicEdge]] | None = None
        for fitted in choices:
            self.symbolic = {
                **{key: _SymbolicEdge(other.operator, other.constants.copy()) for key, other in before.items()},
                edge: _SymbolicEdge(fitted.operator, fitted.constants.copy()),
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
        """Return the network as an expression in the target's unit."""
        import sympy

        nodes: list[Any] = [
            one.expression(symbol_of(name)) for one, name in zip(model.scalings, model.names, strict=True)
        ]
        for number, width in enumerate(self.widths[1:]):
            following: list[Any] = [sympy.Float(float(b)) for b in self.layers[number].bias.detach()]
            for (layer, i, j), fitted in self.symbolic.items():
                if layer == number:
                    a, b, c, d = (sympy.Float(float(value)) for value in fitted.constants)
                    following[j] += a * fitted.operator.symbol(b * nodes[i] + c) + d
            nodes = following[:width]
        return nodes[0] * sympy.Float(model.scale) + sympy.Float(model.mean)

    def _forward(self, inputs: Array) -> tuple[list[Array], list[Array]]:
        """Return the inputs of each layer and last the output, and the derivative of each edge, ``(N, i, j)``."""
        inputs_of_layer, slopes = [inputs], []
        for number, layer in enumerate(self.layers):
            here = inputs_of_layer[-1]
            out = np.tile(layer.bias.detach().numpy(), (len(here), 1))
            slope = np.zeros((len(here), *layer.edges.shape))
            if not np.isfinite(here).all():
                inputs_of_layer.append(np.full_like(out, np.nan))
                slopes.append(np.full_like(slope, np.nan))
                continue
            original = [e for e in self.importance if e[0] == number and e not in self.symbolic]
            if original:
                x = torch.from_numpy(np.ascontiguousarray(here))
                with torch.no_grad():
                    weight = layer.effective_weight()
                    given = layer.edge_outputs(x).numpy()
                    by_input = layer.feature_slopes(x)
                for _, i, j in original:
                    columns = layer.node == i
                    out[:, j] += given[:, i, j]
                    slope[:, i, j] = (by_input[:, columns] @ weight[columns, j].detach()).numpy()
            for (layer_number, i, j), fitted in self.symbolic.items():
                if layer_number == number:
                    out[:, j] += fitted.value(here[:, i])
                    slope[:, i, j] = fitted.slope(here[:, i])
            inputs_of_layer.append(out)
            slopes.append(slope)
        return inputs_of_layer, slopes

    def _jacobian(self, inputs: Array, target: Array) -> tuple[Array, Array]:
        inputs_of_layer, slopes = self._forward(inputs)
        gradients = [np.ones((len(inputs), 1))]
        for slope in reversed(slopes[1:]):
            gradients.insert(0, np.einsum("nij,nj->ni", slope, gradients[0]))
        columns = [
            fitted.gradient(inputs_of_layer[number][:, i]) * gradients[number][:, j : j + 1]
            for (number, i, j), fitted in self.symbolic.items()
        ]
        return np.concatenate(columns, axis=1), inputs_of_layer[-1][:, 0] - target

    def _constants(self) -> Array:
        return np.concatenate([fitted.constants for fitted in self.symbolic.values()])

    def _set_constants(self, values: Array) -> None:
        for number, fitted in enumerate(self.symbolic.values()):
            fitted.constants = values[4 * number : 4 * number + 4]


def _score(loss: float, complexity: int) -> float:
    """Return the loss penalised by the complexity: an operator more must lower the loss by a few per cent."""
    return (loss + _EXACT**2) * (1 + _COMPLEXITY) ** complexity


def _fit_curve(operator: Operator, points: Array, values: Array) -> tuple[float, _SymbolicEdge] | None:
    """Fit a f(b x + c) + d to a curve: b and c on successively finer grids, a and d by least squares.

    Returns the unexplained share of the curve's variance and the fit; None where the operator is nowhere finite.
    """
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
            transformed = operator.value(b[..., None] * x + c[..., None])
            transformed = transformed - transformed.mean(axis=-1, keepdims=True)
            norm = (transformed**2).sum(-1)
            share = (transformed @ centred) ** 2 / norm
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
        transformed = operator.value(b0 * x + c0)
        a0 = float(
            (transformed - transformed.mean())
            @ centred
            / ((transformed - transformed.mean()) @ (transformed - transformed.mean()))
        )
        d0 = float(values.mean() - a0 * transformed.mean())
    # From x scaled to [-1, 1] back to the unit of the edge's input.
    fitted = _SymbolicEdge(operator, np.array([a0, b0 / half, c0 - b0 * middle / half, d0]))
    return max(total - best[0], 0.0) / max(total, 1e-300), fitted
