"""Fits of the constants of products, from many initial values at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.kan_fit.formulas.factors import Factor, NodeKind

Array = NDArray[np.float64]

_STARTS, _STARTS_OF_A_WAVE, _LONGEST_PHASE = 48, 96, 45.0
_STEPS = 60
EXACT = 1e-18
"""Loss below which a formula is exact."""

_COMPLEXITY = 0.03
_LARGEST, _LARGEST_EXPONENT = 1e12, 60.0
_POWER, _PAIR = 2, 2
"""Complexities of a power of an input, and of a product of two."""


@dataclass(frozen=True)
class ProductForm:
    """The factors of a candidate, and the kinds of their nodes."""

    factors: tuple[Factor, ...]
    kinds: tuple[NodeKind, ...]


@dataclass(frozen=True)
class Product:
    """A candidate with its constants.

    Attributes
    ----------
    factors, kinds
        The functions and the kinds of their nodes.
    powers
        Exponents p, ``(d,)``.
    nodes
        Of powers c and q, ``(1 + d,)``; else the weights of the inputs and of their products, ``(d + d(d-1)/2,)``.
    shifts
        b of each node.
    linear
        e and A.
    loss
        Mean squared error, in variances of the target.
    """

    factors: tuple[Factor, ...]
    kinds: tuple[NodeKind, ...]
    powers: Array
    nodes: tuple[Array, ...]
    shifts: tuple[float, ...]
    linear: tuple[float, float]
    loss: float = math.inf

    @property
    def complexity(self) -> int:
        """Sum of the complexities of its functions, powers and products."""
        found = sum(factor.complexity for factor in self.factors) + _POWER * np.count_nonzero(self.powers)
        for kind, node in zip(self.kinds, self.nodes, strict=True):
            count = len(self.powers)
            if kind == "powers":
                found += 1 + sum(1 if q == 1 else _POWER for q in node[1:] if q)
            else:
                found += np.count_nonzero(node[:count]) + _PAIR * np.count_nonzero(node[count:])
        return int(found)

    @property
    def score(self) -> float:
        """Loss penalised by the complexity."""
        return (self.loss + EXACT) * (1 + _COMPLEXITY) ** self.complexity

    def __call__(self, inputs: Array) -> Array:
        """Return its values, ``(N, d)`` to ``(N,)``."""
        with np.errstate(all="ignore"):
            found = np.full(len(inputs), self.linear[1]) * _monomial(inputs, self.powers)
            for factor, kind, node, shift in zip(self.factors, self.kinds, self.nodes, self.shifts, strict=True):
                inner = node[0] * _monomial(inputs, node[1:]) if kind == "powers" else _terms(inputs, kind) @ node
                found = found * factor.value(inner + shift)
        return np.asarray(found + self.linear[0])

    def expression(self, symbols: Sequence[Any]) -> Any:
        """Return the candidate as a SymPy expression of symbols of the inputs."""
        import sympy

        found = sympy.Float(self.linear[1]) * _monomial_of(symbols, self.powers)
        for factor, kind, node, shift in zip(self.factors, self.kinds, self.nodes, self.shifts, strict=True):
            inner = sympy.Float(shift) if shift else sympy.Integer(0)
            if kind == "powers":
                inner += sympy.Float(float(node[0])) * _monomial_of(symbols, node[1:])
            else:
                terms = [*symbols, *(a * b for a, b in itertools.combinations(symbols, 2))]
                inner += sum(sympy.Float(float(w)) * term for w, term in zip(node, terms, strict=False) if w)
            found *= factor.symbol(inner)
        return found + sympy.Float(self.linear[0])

    def operator_names(self) -> dict[tuple[int, int, int], str]:
        """Return the function of each node, and of each input's power, by layer, node and output."""
        names = {(0, int(i), 0): f"x^{self.powers[i]:g}" for i in np.flatnonzero(self.powers)}
        return names | {(1, j, 0): factor.name for j, factor in enumerate(self.factors)}


class ProductFits:
    """Fits to some rows, with what the nodes of all candidates share: logarithms and standardised terms of sums.

    Attributes
    ----------
    positive
        Which inputs may have powers, ``(d,)``: those that are nowhere negative, and 0 only in rows that are left out.
    """

    def __init__(self, inputs: Array, target: Array) -> None:
        self.positive = (inputs >= 0).all(axis=0) & ((inputs > 0).mean(axis=0) > 0.9)
        kept = (inputs[:, self.positive] > 0).all(axis=1)
        self.inputs, self.count = inputs[kept], inputs.shape[1]
        self.mean, self.scale = float(target[kept].mean()), float(target[kept].std()) or 1.0
        self.target = (target[kept] - self.mean) / self.scale
        self.logs = np.log(self.inputs[:, self.positive])
        self.log_mean = self.logs.mean(axis=0)
        self.logs = self.logs - self.log_mean
        self.terms: dict[str, Array] = {kind: _terms(self.inputs, kind) for kind in ("sum", "pairs")}
        self.center = {kind: values.mean(axis=0) for kind, values in self.terms.items()}
        self.spread = {kind: np.maximum(values.std(axis=0), 1e-300) for kind, values in self.terms.items()}
        for kind, values in self.terms.items():
            self.terms[kind] = (values - self.center[kind]) / self.spread[kind]

    def slices(self, form: ProductForm) -> list[slice]:
        """Return where the constants of the prefactor and of each node are; the last of a node is its shift."""
        powers = int(self.positive.sum())
        found, end = [slice(0, powers)], powers
        for kind in form.kinds:
            size = (1 + powers if kind == "powers" else self.terms[kind].shape[1]) + 1
            found.append(slice(end, end + size))
            end += size
        return found

    def free(self, form: ProductForm) -> NDArray[np.bool_]:
        """Return which constants are fitted, ``(P,)``: not the shifts that only scale the result."""
        parts = self.slices(form)
        free = np.ones(parts[-1].stop, dtype=bool)
        for factor, part in zip(form.factors, parts[1:], strict=True):
            free[part.stop - 1] = factor.is_shifted
        return free

    def draw(self, form: ProductForm, generator: np.random.Generator) -> Array:
        """Return initial constants, ``(starts, P)``."""
        parts = self.slices(form)
        is_wave = any(factor.name == "sin" for factor in form.factors)
        starts = _STARTS_OF_A_WAVE if is_wave else _STARTS
        found = np.zeros((starts, parts[-1].stop))
        powers = parts[0].stop
        if powers:
            found[:, :powers] = generator.choice([-1.0, 0.0, 0.0, 1.0], size=(starts, powers))
            found[::2, :powers] = self._power_law()
        for factor, kind, part in zip(form.factors, form.kinds, parts[1:], strict=True):
            size = part.stop - part.start - 1
            if kind == "powers":
                inner = generator.choice([-1.0, 0.0, 1.0, 1.0, 2.0], size=(starts, powers))
                reach = np.abs(inner @ self.logs.T).max(axis=1)
                sign = np.ones(starts) if factor.name != "exp" else generator.choice([-1.0, 1.0], size=starts)
                size_of = np.exp(generator.uniform(-1.5, 1.5, starts))
                if factor.name == "sin":
                    # The node's greatest value is its phase.
                    size_of = generator.uniform(0.5, _LONGEST_PHASE, starts) / np.exp(reach)
                found[:, part.start] = sign * size_of
                found[:, part.start + 1 : part.stop - 1] = inner
            else:
                found[:, part.start : part.stop - 1] = generator.normal(size=(starts, size)) / math.sqrt(size)
                if factor.name == "sin":
                    length = generator.uniform(0.3, _LONGEST_PHASE / 3.5, (starts, 1))
                    found[:, part.start : part.stop - 1] *= length
            if factor.is_shifted:
                found[:, part.stop - 1] = generator.normal(size=starts)
        return found

    def _power_law(self) -> Array:
        """Return the exponents of the power law that fits the target's size best."""
        size = np.log(np.abs(self.target * self.scale + self.mean) + 1e-3 * self.scale)
        return np.asarray(np.linalg.lstsq(self.logs, size - size.mean(), rcond=None)[0])

    def fit(
        self, form: ProductForm, constants: Array, steps: int = _STEPS, free: NDArray[np.bool_] | None = None
    ) -> tuple[Array, Array]:
        """Fit constants ``(starts, P)`` by Levenberg-Marquardt; return them and the losses ``(starts,)``."""
        free = self.free(form) if free is None else free
        if not free.any():
            return constants, self._evaluated(form, constants)[0]
        constants, damping = constants.copy(), np.full(len(constants), 1e-2)
        loss, residual, jacobian = self._evaluated(form, constants)
        for _ in range(steps):
            own = jacobian[:, :, free]
            usable = np.isfinite(loss) & np.isfinite(own).all(axis=(1, 2)) & (damping < _LARGEST)
            if not usable.any():
                break
            own, remaining = own[usable], residual[usable]
            transposed = own.transpose(0, 2, 1)
            normal, gradient = transposed @ own, (transposed @ remaining[:, :, None])[:, :, 0]
            diagonal = np.diagonal(normal, axis1=1, axis2=2)
            added = damping[usable, None] * (diagonal + 1e-12 * diagonal.sum(axis=1, keepdims=True) + 1e-300)
            normal = normal + added[:, :, None] * np.eye(normal.shape[1])
            step = np.linalg.solve(normal, gradient[:, :, None])[:, :, 0]
            moved = constants[usable].copy()
            moved[:, free] -= step
            tried = self._evaluated(form, moved)
            places = np.flatnonzero(usable)
            better = tried[0] < loss[usable]
            gained = loss[usable][better] - tried[0][better]
            is_done = not better.any() or bool((gained < 1e-5 * loss[usable][better]).all())
            damping[places] *= np.where(better, 0.2, 5.0)
            damping = np.maximum(damping, 1e-12)
            into = places[better]
            constants[into], loss[into] = moved[better], tried[0][better]
            residual[into], jacobian[into] = tried[1][better], tried[2][better]
            if is_done and better.any() and better.all():
                break
        return constants, loss

    def _evaluated(self, form: ProductForm, constants: Array) -> tuple[Array, Array, Array]:
        """Return losses ``(starts,)``, residuals ``(starts, N)``, and their Jacobian without A and e."""
        parts = self.slices(form)
        starts, rows = len(constants), len(self.target)
        product = np.exp(np.clip(constants[:, parts[0]] @ self.logs.T, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
        values, slopes, inners = [], [], []
        for factor, kind, part in zip(form.factors, form.kinds, parts[1:], strict=True):
            own = constants[:, part]
            if kind == "powers":
                inner = np.exp(np.clip(own[:, 1:-1] @ self.logs.T, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))
                node = own[:, :1] * inner + own[:, -1:]
            else:
                inner = np.empty(0)
                node = own[:, :-1] @ self.terms[kind].T + own[:, -1:]
            values.append(factor.value(node))
            slopes.append(factor.slope(node))
            inners.append(inner)
        whole = product * np.prod(values, axis=0)
        center = whole.mean(axis=1, keepdims=True)
        whole_centred = whole - center
        norm = np.maximum((whole_centred**2).sum(axis=1, keepdims=True), 1e-300)
        factor_a = (whole_centred * self.target).sum(axis=1, keepdims=True) / norm
        residual = factor_a * whole_centred - self.target
        loss = (residual**2).mean(axis=1)
        loss = np.where(np.isfinite(loss), loss, np.inf)
        jacobian = np.empty((starts, rows, parts[-1].stop))
        jacobian[:, :, parts[0]] = (factor_a * whole)[:, :, None] * self.logs
        for j, (kind, part) in enumerate(zip(form.kinds, parts[1:], strict=True)):
            others = product * np.prod([values[k] for k in range(len(values)) if k != j], axis=0)
            by_node = factor_a * others * slopes[j]
            if kind == "powers":
                jacobian[:, :, part.start] = by_node * inners[j]
                scaled = by_node * inners[j] * constants[:, part.start : part.start + 1]
                jacobian[:, :, part.start + 1 : part.stop - 1] = scaled[:, :, None] * self.logs
            else:
                jacobian[:, :, part.start : part.stop - 1] = by_node[:, :, None] * self.terms[kind]
            jacobian[:, :, part.stop - 1] = by_node
        jacobian -= jacobian.mean(axis=1, keepdims=True)
        unit = whole_centred / np.sqrt(norm)
        jacobian -= unit[:, :, None] * np.einsum("bn,bnp->bp", unit, jacobian)[:, None, :]
        return loss, residual, jacobian

    def simplified(self, form: ProductForm, constants: Array) -> Array:
        """Return constants of which those that the data do not support are 0, and exponents multiples of a half."""
        parts = self.slices(form)
        free = self.free(form)
        rows = len(self.target)
        worth = math.exp(math.log(rows) / rows)
        loss = float(self.fit(form, constants[None], 1, free)[1][0]) + EXACT

        def tried(place: int, value: float) -> bool:
            nonlocal constants, loss, free
            moved, fixed = constants.copy(), free.copy()
            moved[place], fixed[place] = value, False
            found, losses = self.fit(form, moved[None], _STEPS, fixed)
            if losses[0] + EXACT <= worth * loss:
                constants, free = found[0], fixed
                loss = max(loss, float(losses[0]) + EXACT)
                return True
            return False

        exponents = list(range(parts[0].start, parts[0].stop))
        weights: list[int] = []
        for kind, part in zip(form.kinds, parts[1:], strict=True):
            if kind == "powers":
                exponents += range(part.start + 1, part.stop - 1)
            else:
                weights += range(part.start, part.stop - 1)
        for place in sorted(weights, key=lambda one: abs(constants[one])):
            tried(place, 0.0)
        for place in sorted(exponents, key=lambda one: abs(constants[one] - round(float(constants[one])))):
            nearest = round(2 * constants[place]) / 2
            for value in dict.fromkeys((0.0, float(round(constants[place])), nearest)):
                if abs(value - constants[place]) < 0.75 and tried(place, value):
                    break
        return constants

    def product(self, form: ProductForm, constants: Array) -> Product:
        """Return a candidate with its constants for inputs in their units."""
        parts = self.slices(form)
        powers = np.zeros(self.count)
        powers[self.positive] = constants[parts[0]]
        nodes, shifts = [], []
        for factor, kind, part in zip(form.factors, form.kinds, parts[1:], strict=True):
            own = constants[part]
            if kind == "powers":
                node = np.zeros(1 + self.count)
                node[1:][self.positive] = own[1:-1]
                node[0] = own[0] * math.exp(-float(own[1:-1] @ self.log_mean))
                shifts.append(float(own[-1]))
            else:
                node = own[:-1] / self.spread[kind]
                shifts.append(float(own[-1] - node @ self.center[kind]))
            if factor.name == "sin":
                shifts[-1] = math.remainder(shifts[-1], 2 * math.pi)
            nodes.append(node)
        found = Product(form.factors, form.kinds, powers, tuple(nodes), tuple(shifts), (0.0, 1.0))
        raw = found(self.inputs)
        design = np.column_stack([np.ones(len(raw)), raw / (np.abs(raw).max() or 1.0)])
        e, a = np.linalg.lstsq(design, self.target * self.scale + self.mean, rcond=None)[0]
        return replace(found, linear=(float(e), float(a / (np.abs(raw).max() or 1.0))))


def _monomial(inputs: Array, powers: Array) -> Array:
    used = np.flatnonzero(powers)
    return np.asarray(np.prod(np.power(inputs[:, used], powers[used]), axis=1))


def _monomial_of(symbols: Sequence[Any], powers: Array) -> Any:
    import sympy

    found = sympy.Integer(1)
    for symbol, power in zip(symbols, powers, strict=True):
        if power:
            halves = round(2 * float(power))
            found *= symbol ** (sympy.Rational(halves, 2) if halves == 2 * power else sympy.Float(float(power)))
    return found


def _terms(inputs: Array, kind: str) -> Array:
    """Return the inputs, and for ``pairs`` also their products in pairs, ``(N, terms)``."""
    if kind == "sum":
        return inputs
    products = [inputs[:, i] * inputs[:, j] for i, j in itertools.combinations(range(inputs.shape[1]), 2)]
    return np.column_stack([inputs, *products])
