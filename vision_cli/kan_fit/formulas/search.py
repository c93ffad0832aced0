"""Search for a formula in the data, as a small network of operators, without a fitted network.

A candidate is a KAN of shape [d, k, 1, 1], k = 1 or 2, whose edges are operators:

    y = T^-1( e + sum_j A_j m_j( b_j + sum_i w_ij f_j(x_i) ) ).

This contains products of powers (the exponential of a sum of logarithms) and distances (the root of a sum of squares).
With T applied to the target, A and e enter linearly and are eliminated from the fit (variable projection, Golub and
Pereyra 1973). Levenberg-Marquardt fits the few remaining constants in milliseconds, so that every combination of
operators is tried. The best are fitted again from several initial values and compared by the error of y.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs import interrupts
from vision_cli.kan_fit.formulas.operators import OPERATORS, Operator

Array = NDArray[np.floating[Any]]


class _Judged(Protocol):
    """A formula with its length and error."""

    @property
    def complexity(self) -> int: ...

    @property
    def loss(self) -> float: ...


_Candidate = TypeVar("_Candidate", bound=_Judged)

INNER = ("x", "x^2", "log", "1/x", "sin")
MIDDLE = ("x", "x^2", "exp", "log", "softplus")
_SCREENED_ROWS, _SCREEN_STARTS, _SCREEN_STEPS = 200, 2, 8
_PROMISING, _STARTS, _STEPS = 80, 4, 40
_COMPARED = 8
_EXACT = 1e-18
_COMPLEXITY = 0.03
_LARGEST = 1e8
_LOG_START = 3.0


@dataclass(frozen=True)
class OuterOperator:
    """The last operator of a formula, T^-1.

    Attributes
    ----------
    operator
        The operator.
    inverse
        Its inverse T, applied to the target; NaN where it is undefined.
    """

    operator: Operator
    inverse: Callable[[Array], Array]


def _for_positive(inverse: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """Return an inverse that is NaN where y is not positive, as the operator only gives positive values."""
    return lambda y: np.where(y > 0, inverse(y), np.nan)


OUTER = (
    OuterOperator(OPERATORS["x"], lambda y: y),
    OuterOperator(OPERATORS["exp"], _for_positive(np.log)),
    OuterOperator(OPERATORS["sqrt"], _for_positive(np.square)),
    OuterOperator(OPERATORS["1/x"], lambda y: 1 / y),
    OuterOperator(OPERATORS["1/sqrt"], _for_positive(lambda y: 1 / y**2)),
    OuterOperator(OPERATORS["asin"], lambda y: np.where(np.abs(y) <= math.pi / 2, np.sin(y), np.nan)),
)


@dataclass(frozen=True)
class OperatorNetwork:
    """A candidate with its constants.

    Attributes
    ----------
    outer
        T^-1.
    inner, middle
        f and m of each hidden node.
    weights
        w, ``(k, d)``.
    shifts
        b, ``(k,)``.
    linear
        e and A, ``(1 + k,)``.
    loss
        Mean squared error, in variances of the target.
    """

    outer: OuterOperator
    inner: tuple[str, ...]
    middle: tuple[str, ...]
    weights: Array
    shifts: Array
    linear: Array
    loss: float = math.inf

    @property
    def complexity(self) -> int:
        """Sum of the operators' complexities, without those of edges of weight 0 and of an outer identity."""
        inner = sum(OPERATORS[f].complexity for f, row in zip(self.inner, self.weights, strict=True) for w in row if w)
        outer = 0 if self.outer.operator.name == "x" else self.outer.operator.complexity
        return inner + sum(OPERATORS[m].complexity for m in self.middle) + outer

    @property
    def score(self) -> float:
        """Loss penalised by the complexity."""
        return (self.loss + _EXACT) * (1 + _COMPLEXITY) ** self.complexity

    def __call__(self, inputs: Array) -> Array:
        """Return its values, ``(N, d)`` to ``(N,)``."""
        found = np.full(len(inputs), self.linear[0])
        for j, (f, m) in enumerate(zip(self.inner, self.middle, strict=True)):
            used = np.flatnonzero(self.weights[j])
            node = OPERATORS[f].value(inputs[:, used]) @ self.weights[j, used] + self.shifts[j]
            found = found + self.linear[1 + j] * OPERATORS[m].value(node)
        return np.asarray(self.outer.operator.value(found))

    def expression(self, symbols: Sequence[Any]) -> Any:
        """Return the candidate as a SymPy expression of symbols of the inputs."""
        import sympy

        found = sympy.Float(float(self.linear[0]))
        for j, (f, m) in enumerate(zip(self.inner, self.middle, strict=True)):
            node = sympy.Float(float(self.shifts[j]))
            for i in np.flatnonzero(self.weights[j]):
                node += sympy.Float(float(self.weights[j, i])) * OPERATORS[f].symbol(symbols[int(i)])
            found += sympy.Float(float(self.linear[1 + j])) * OPERATORS[m].symbol(node)
        return self.outer.operator.symbol(found)

    def operator_names(self) -> dict[tuple[int, int, int], str]:
        """Return the operator of each edge of non-zero weight, by layer, node and output."""
        edges = {(0, int(i), j): name for j, name in enumerate(self.inner) for i in np.flatnonzero(self.weights[j])}
        edges |= {(1, j, 0): name for j, name in enumerate(self.middle)}
        return edges | {(2, 0, 0): self.outer.operator.name}


def search_operators(
    inputs: Array, target: Array, held_inputs: Array, held_target: Array, allowed: Sequence[Operator], *, seed: int = 0
) -> list[OperatorNetwork]:
    """Return networks of operators that fit the target, the best first; among them the best of each complexity.

    Parameters
    ----------
    inputs, target
        Rows to fit to, ``(N, d)`` and ``(N,)``.
    held_inputs, held_target
        Held-out rows to choose by.
    allowed
        Operators to build from.
    seed
        Of the initial values.

    Returns
    -------
    list of OperatorNetwork
        By their scores; empty where no candidate is finite on all rows.

    Raises
    ------
    Interrupted
        If a signal stops the run.
    """
    names = {operator.name for operator in allowed}
    problem = _OperatorSearch(inputs, target, np.random.default_rng((seed, 3)), names)
    with np.errstate(all="ignore"):
        # By score: on noisy data the losses are similar, and least for the most constants.
        screened = sorted(problem.screen(), key=lambda one: one.score)
        refitted = sorted(problem.refit(screened[:_PROMISING]), key=lambda one: one.score)
        shortest: dict[int, OperatorNetwork] = {}
        for network in refitted:
            known = shortest.get(network.complexity)
            if known is None or network.loss < known.loss:
                shortest[network.complexity] = network
        compared = refitted[:_COMPARED]
        compared += [network for network in shortest.values() if not any(network is one for one in compared)]
        polished = [problem.polish(network) for network in compared]
        variance = float(held_target.var()) or 1.0
        judged = [
            replace(network, loss=float(np.mean((network(held_inputs) - held_target) ** 2)) / variance)
            for network in polished
        ]
    finite = [network for network in judged if math.isfinite(network.loss)]
    return sorted(finite, key=lambda network: network.score)


def best_by_complexity(networks: Sequence[_Candidate]) -> list[_Candidate]:
    """Return the candidates that no other of at most their complexity equals in loss, the simplest first."""
    front: list[_Candidate] = []
    for network in sorted(networks, key=lambda one: (one.complexity, one.loss)):
        if not front or network.loss < front[-1].loss:
            front.append(network)
    return front


class _OperatorSearch:
    """The rows, and the standardised inner functions of them that candidates share."""

    def __init__(self, inputs: Array, target: Array, generator: np.random.Generator, allowed: set[str]) -> None:
        self.inputs, self.target, self.generator = inputs, target, generator
        self.outer = [outer for outer in OUTER if outer.operator.name in allowed]
        self.middle = [name for name in MIDDLE if name in allowed]
        self.columns: dict[str, Array] = {}
        for name in INNER:
            with np.errstate(all="ignore"):
                values = OPERATORS[name].value(inputs)
            if name in allowed and np.isfinite(values).all() and (values.std(0) > 0).all():
                self.columns[name] = np.asarray((values - values.mean(0)) / values.std(0))

    def screen(self) -> Iterator[OperatorNetwork]:
        """Return every combination of operators, fitted to some of the rows for a few steps."""
        rows = slice(0, _SCREENED_ROWS)
        for outer in self.outer:
            interrupts.check()
            target = outer.inverse(self.target)
            if not np.isfinite(target).all() or target.std() < 1e-12 * max(1.0, float(np.abs(target).max())):
                continue
            for inner, middle in self._combinations():
                found = [self._fit(outer, inner, middle, target, rows, _SCREEN_STEPS) for _ in range(_SCREEN_STARTS)]
                best = min(found, key=lambda one: one.loss)
                if math.isfinite(best.loss):
                    yield best
                if best.loss < _EXACT:
                    return

    def refit(self, networks: Sequence[OperatorNetwork]) -> Iterator[OperatorNetwork]:
        """Return networks fitted to all rows, from their constants and from other initial values."""
        rows = slice(None)
        for network in networks:
            interrupts.check()
            target = network.outer.inverse(self.target)
            start = (network.weights, network.shifts)
            words = (network.outer, network.inner, network.middle, target, rows, _STEPS)
            found = [self._fit(*words, start=start), *(self._fit(*words) for _ in range(_STARTS))]
            best = min(found, key=lambda one: one.loss)
            yield best
            for simpler in _simpler(best.middle):
                # Far from 0 a softplus is an exponential or linear.
                shifts = np.where([m == "exp" for m in simpler], 0.0, best.shifts)
                yield self._fit(
                    network.outer, network.inner, simpler, target, rows, _STEPS, start=(best.weights, shifts)
                )
            if best.loss < _EXACT:
                return

    def polish(self, network: OperatorNetwork) -> OperatorNetwork:
        """Return a network without edges of negligible weight, all constants fitted to the untransformed target."""
        from scipy.optimize import least_squares

        network = self._unscaled(network)
        k, d = network.weights.shape
        kept = np.flatnonzero(network.weights.ravel())
        scale = float(self.target.std())

        def filled(constants: Array) -> OperatorNetwork:
            weights = np.zeros(k * d)
            weights[kept] = constants[: len(kept)]
            return replace(
                network,
                weights=weights.reshape(k, d),
                shifts=constants[len(kept) : len(kept) + k],
                linear=constants[len(kept) + k :],
            )

        def residual(constants: Array) -> Array:
            found = (filled(constants)(self.inputs) - self.target) / scale
            return np.where(np.isfinite(found), found, _LARGEST)

        start = np.concatenate([network.weights.ravel()[kept], network.shifts, network.linear])
        if len(start) > len(self.target):
            return network
        found = least_squares(residual, start, method="lm", x_scale="jac", max_nfev=20 * len(start))
        return filled(found.x) if found.cost <= 0.5 * float(np.sum(residual(start) ** 2)) else network

    def _combinations(self) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
        for inner in self.columns:
            for middle in self.middle:
                yield (inner,), (middle,)
        for pair in itertools.combinations_with_replacement(self.columns, 2):
            for both in itertools.product(self.middle, repeat=2):
                is_twin = pair[0] == pair[1] and self.middle.index(both[0]) > self.middle.index(both[1])
                is_one_sum = pair[0] == pair[1] and both == ("x", "x")
                if not is_twin and not is_one_sum:
                    yield pair, both

    def _fit(
        self,
        outer: OuterOperator,
        inner: tuple[str, ...],
        middle: tuple[str, ...],
        target: Array,
        rows: slice,
        steps: int,
        start: tuple[Array, Array] | None = None,
    ) -> OperatorNetwork:
        columns = [self.columns[name][rows] for name in inner]
        d = columns[0].shape[1]
        weights, shifts = start or self._draw(middle, d)
        mean, scale = float(target.mean()), float(target.std())
        weights, shifts, linear, loss = _variable_projection(
            columns, [OPERATORS[name] for name in middle], (target[rows] - mean) / scale, weights, shifts, steps
        )
        linear = linear * scale
        linear[0] += mean
        return OperatorNetwork(outer, inner, middle, weights, shifts, linear, loss)

    def _draw(self, middle: tuple[str, ...], inputs: int) -> tuple[Array, Array]:
        """Return initial values of weights and shifts."""
        weights = self.generator.normal(size=(len(middle), inputs)) / math.sqrt(inputs)
        return weights, np.array([_LOG_START if name == "log" else 0.0 for name in middle])

    def _unscaled(self, network: OperatorNetwork) -> OperatorNetwork:
        """Return a network with constants for functions that are not standardised, and negligible weights set to 0."""
        weights, shifts = network.weights.copy(), network.shifts.copy()
        for j, name in enumerate(network.inner):
            values = OPERATORS[name].value(self.inputs)
            weights[j, np.abs(weights[j]) < 1e-7 * np.abs(weights[j]).max()] = 0
            weights[j] /= values.std(0)
            shifts[j] -= weights[j] @ values.mean(0)
        return replace(network, weights=weights, shifts=shifts)


def _simpler(middle: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Return middle operators with exponentials or identities in place of softplus."""
    choices = [(name, "exp", "x") if name == "softplus" else (name,) for name in middle]
    return (found for found in itertools.product(*choices) if found != middle)


def _variable_projection(
    columns: Sequence[Array],
    middle: Sequence[Operator],
    target: Array,
    weights: Array,
    shifts: Array,
    steps: int,
) -> tuple[Array, Array, Array, float]:
    """Fit by Levenberg-Marquardt with the linear constants eliminated (Kaufman's approximation of the Jacobian).

    Returns weights, shifts, linear constants and the mean squared residual.
    """
    k, d = weights.shape
    count = len(target)
    constants = np.concatenate([weights, shifts[:, None]], axis=1).ravel()

    def solved(values: Array) -> tuple[Array, Array, float, Array, list[Array]] | None:
        parts = values.reshape(k, d + 1)
        nodes = [columns[j] @ parts[j, :d] + parts[j, d] for j in range(k)]
        design = np.column_stack([np.ones(count), *(m.value(node) for m, node in zip(middle, nodes, strict=True))])
        if not np.isfinite(design).all() or np.abs(design).max() > _LARGEST:
            return None
        normal = design.T @ design
        normal[np.diag_indices_from(normal)] *= 1 + 1e-12
        try:
            linear = np.linalg.solve(normal, design.T @ target)
        except np.linalg.LinAlgError:
            return None
        residual = design @ linear - target
        return linear, residual, float(residual @ residual) / count, design, nodes

    found = solved(constants)
    if found is None:
        return weights, shifts, np.zeros(1 + k), math.inf
    damping = 1e-2
    for _ in range(steps):
        linear, residual, loss, design, nodes = found
        parts = []
        for j, m in enumerate(middle):
            slope = linear[1 + j] * m.slope(nodes[j])
            parts += [columns[j] * slope[:, None], slope[:, None]]
        jacobian = np.concatenate(parts, axis=1)
        if not np.isfinite(jacobian).all():
            break
        basis = np.linalg.qr(design)[0]
        jacobian = jacobian - basis @ (basis.T @ jacobian)
        normal, gradient = jacobian.T @ jacobian, jacobian.T @ residual
        diagonal = np.diag(np.diagonal(normal) + 1e-12 * np.trace(normal) / len(normal) + 1e-300)
        better = None
        while damping < _LARGEST and better is None:
            try:
                moved = constants - np.linalg.solve(normal + damping * diagonal, gradient)
            except np.linalg.LinAlgError:
                break
            tried = solved(moved) if np.isfinite(moved).all() else None
            better = tried if tried is not None and tried[2] < loss else None
            damping = damping / 10 if better is not None else damping * 5
        if better is None:
            break
        constants, found, damping = moved, better, max(damping, 1e-12)
        if loss - found[2] < 1e-4 * loss or found[2] < 1e-24:
            break
    parts_found = constants.reshape(k, d + 1)
    return parts_found[:, :d], parts_found[:, d], found[0], found[2]
