"""Levenberg-Marquardt in float64 for networks of up to a few thousand parameters.

The Jacobian of a stack of S-KAN layers is analytic, not from autograd: a layer is linear in its weights, so that a row
of the Jacobian is the outer product of the layer's basis functions with the gradient of the output with respect to the
layer's outputs. The basis functions of the first layer do not change within a fit and are computed once.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from vision_cli.core.errors import NumericalError
from vision_cli.kan_fit.networks.dense import SKAN, SKANLayer
from vision_cli.kan_fit.networks.expansion import BASE
from vision_cli.kan_fit.tables.robust.roughness import roughness_forms

_FIRST_DAMPING = 1e-2
_LEAST_DAMPING, _GREATEST_DAMPING = 1e-15, 1e8
_DAMPING_DECREASE, _DAMPING_INCREASE = 1 / 4, 6.0
# Above this, slow progress may be due to the damping rather than to a minimum.
_LITTLE_DAMPING = 1e-9
_CHUNK_NUMBERS = 1 << 24


@dataclass(frozen=True)
class Penalty:
    """Weights of the penalties added to the mean squared residual.

    Attributes
    ----------
    ridge
        Of the squared weights of the network.
    group
        Of the norms of the weights of each mode of a node (lambda_1 of the full phase).
    entropy
        Of the entropy of the gates (lambda_H of the full phase).
    rough, slope
        Of the sums over edges of the mean f''² and of the mean f'² of their functions on the range of their node; see
        :mod:`vision_cli.kan_fit.tables.robust.roughness`.
    """

    ridge: float = 1e-11
    group: float = 0.0
    entropy: float = 0.0
    rough: float = 0.0
    slope: float = 0.0


NO_PENALTY = Penalty()
"""A tiny ridge only, which bounds weights that the data do not determine."""


@dataclass(frozen=True)
class OptimiseResult:
    """History of an optimisation.

    Attributes
    ----------
    steps
        Number of accepted steps.
    losses, scores
        Mean squared residual after each step, on training and on validation data.
    best
        The least validation score; the network has its parameters.
    """

    steps: int
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    best: float


def fit_levenberg_marquardt(
    network: SKAN,
    x: Tensor,
    y: Tensor,
    *,
    steps: int,
    validation: tuple[Tensor, Tensor] | None = None,
    penalty: Penalty = NO_PENALTY,
    tolerance: float = 1e-3,
    patience: int = 5,
    damping: float = _FIRST_DAMPING,
    on_step: Callable[[float, float], None] = lambda _loss, _score: None,
) -> OptimiseResult:
    """Minimise the mean squared residual; leave the network with the parameters of the least validation error.

    Parameters
    ----------
    network
        In float64; removed edges stay removed.
    x, y
        ``(N, inputs)`` and ``(N, outputs)``.
    steps
        Greatest number of steps.
    validation
        Validation inputs and outputs; None for the training data.
    penalty
        Added to the mean squared residual.
    tolerance, patience
        Stop when the loss fell by less than the fraction ``tolerance`` over ``patience`` steps.
    damping
        Of the first step.
    on_step
        Called with the loss and the validation score after each step.

    Raises
    ------
    NumericalError
        If the initial residual is not finite.
    """
    state = _State(network, x, y, penalty)
    loss = state.loss(state.values)
    if not math.isfinite(loss):
        raise NumericalError("the initial residual is not finite; finite values expected.", hint="Check the data.")
    score = loss if validation is None else mean_square(network, *validation)
    best, best_values = score, state.values.clone()
    losses, scores = [loss], [score]
    refused = 0
    for _ in range(steps):
        normal, gradient = state.normal_equations()
        step_taken = False
        while damping < _GREATEST_DAMPING:
            step = _solve(normal, gradient, damping)
            if step is not None:
                tried = state.values - step
                found = state.loss(tried)
                if found < loss:
                    state.accept(tried)
                    loss, step_taken = found, True
                    damping = max(damping * _DAMPING_DECREASE, _LEAST_DAMPING)
                    break
            damping, refused = max(damping, _LEAST_DAMPING) * _DAMPING_INCREASE, patience
        state.restore()
        if not step_taken:
            break
        score = loss if validation is None else mean_square(network, *validation)
        losses.append(loss)
        scores.append(score)
        on_step(loss, score)
        if score < best:
            best, best_values = score, state.values.clone()
        refused -= 1
        has_settled = refused >= 0 or damping < _LITTLE_DAMPING
        if len(losses) > patience and has_settled and losses[-1 - patience] - loss < tolerance * losses[-1 - patience]:
            break
    state.accept(best_values)
    state.restore()
    return OptimiseResult(len(losses) - 1, tuple(losses), tuple(scores), best)


def _solve(normal: Tensor, gradient: Tensor, damping: float) -> Tensor | None:
    """Return the step of the damped normal equations; None where they cannot be solved."""
    damped = normal.clone()
    # Half the mean of the diagonal, half the diagonal: the former bounds parameters that the data do not determine.
    diagonal = normal.diagonal()
    damped.diagonal().add_(damping * (0.5 * diagonal.mean() + 0.5 * diagonal))
    factor, failed = torch.linalg.cholesky_ex(damped)
    if int(failed):
        return None
    step = torch.cholesky_solve(gradient.unsqueeze(1), factor).squeeze(1)
    return step if bool(torch.isfinite(step).all()) else None


def _gram(jacobian: Tensor) -> Tensor:
    """Return JᵀJ; on the CPU by NumPy, which computes one triangle only."""
    if jacobian.device.type != "cpu":
        return jacobian.T @ jacobian
    array = jacobian.numpy()
    return torch.from_numpy(array.T @ array)


def mean_square(network: SKAN, x: Tensor, y: Tensor) -> float:
    """Return the mean squared residual of a network on ``(N, inputs)`` and ``(N, outputs)``."""
    return float((network.predict(x) - y).square().mean())


class _State:
    """The parameters as one vector ``(P,)``, and the loss and the normal equations as functions of it."""

    def __init__(self, network: SKAN, x: Tensor, y: Tensor, penalty: Penalty) -> None:
        self.network, self.x, self.y, self.penalty = network, x, y, penalty
        self.layers = network.each_layer()
        self.first = self.layers[0].features(x).detach()
        self.kept = [layer.edges[layer.node].reshape(-1).nonzero().squeeze(1) for layer in self.layers]
        self.values = self._gather()
        self.forms: list[Tensor] = []
        if penalty.rough or penalty.slope:
            self.forms = [self._form(layer, kept) for layer, kept in zip(self.layers, self.kept, strict=True)]

    def _form(self, layer: SKANLayer, kept: Tensor) -> Tensor:
        """Return the quadratic form of the smoothness penalty of a layer's kept weights, ``(kept, kept)``."""
        rough, slope = roughness_forms(layer)
        form = self.penalty.rough * rough + self.penalty.slope * slope
        return torch.kron(form, torch.eye(layer.plan.outputs).to(form))[kept][:, kept]

    def accept(self, values: Tensor) -> None:
        self.values = values

    def restore(self) -> None:
        self._scatter(self.values)

    @torch.no_grad()
    def loss(self, values: Tensor) -> float:
        self._scatter(values)
        residual = self._forward() - self.y
        return float(residual.square().mean()) + self._penalty_value()

    @torch.no_grad()
    def normal_equations(self) -> tuple[Tensor, Tensor]:
        """Return JᵀJ / N and Jᵀr / N with the penalty's terms, ``(P, P)`` and ``(P,)``."""
        self._scatter(self.values)
        count = len(self.values)
        normal = self.values.new_zeros(count, count)
        gradient = self.values.new_zeros(count)
        rows = max(_CHUNK_NUMBERS // count, 1)
        numbers = self.y.numel()
        for start in range(0, len(self.x), rows):
            part = slice(start, start + rows)
            for jacobian, residual in self._jacobians(part):
                normal += _gram(jacobian)
                gradient.addmv_(jacobian.T, residual)
        normal /= numbers
        gradient /= numbers
        self._add_penalty(normal, gradient)
        return normal, gradient

    def _jacobians(self, part: slice) -> list[tuple[Tensor, Tensor]]:
        """Return the Jacobian ``(n, P)`` and the residual ``(n,)`` of each output on some rows."""
        inputs, features, slopes = [self.x[part]], [self.first[part]], []
        weights = [layer.effective_weight() for layer in self.layers]
        for number, layer in enumerate(self.layers):
            if number:
                features.append(layer.features(inputs[-1]))
                slopes.append(layer.feature_slopes(inputs[-1]))
            inputs.append(torch.addmm(layer.bias, features[-1], weights[number]))
        residual = inputs[-1] - self.y[part]
        found = []
        for output in range(self.y.shape[1]):
            gradients = torch.zeros_like(inputs[-1])
            gradients[:, output] = 1
            columns: list[Tensor] = []
            for number in reversed(range(len(self.layers))):
                layer = self.layers[number]
                columns = self._layer_columns(layer, self.kept[number], features[number], gradients) + columns
                if number:
                    per_function = (gradients @ weights[number].T) * slopes[number - 1]
                    gradients = per_function.new_zeros(len(gradients), layer.plan.inputs).index_add_(
                        1, layer.node, per_function
                    )
            found.append((torch.cat(columns, dim=1), residual[:, output]))
        return found

    @staticmethod
    def _layer_columns(layer: SKANLayer, kept: Tensor, features: Tensor, gradients: Tensor) -> list[Tensor]:
        """Return the columns of the Jacobian for a layer's weights, bias and gate logits.

        Parameters
        ----------
        layer
            The layer.
        kept
            Numbers of its weights on edges that are not removed.
        features
            Its basis functions, ``(n, F)``.
        gradients
            Of the network's output with respect to the layer's outputs, ``(n, outputs)``.
        """
        products = (features.unsqueeze(2) * gradients.unsqueeze(1)).flatten(1)
        if layer.logits is None:
            return [products if len(kept) == products.shape[1] else products[:, kept], gradients]
        gates = layer.gates()
        columns = [(products * layer.column_gates().reshape(-1))[:, kept], gradients]
        # The gradient with respect to the gates, then through the softmax.
        plan = layer.plan
        count = len(plan.pool)
        with_weight = (products * (layer.weight * layer.edges[layer.node]).reshape(-1)).unflatten(1, (-1, plan.outputs))
        has = layer.mode != BASE
        slot = layer.node[has] * count + layer.mode[has]
        by_gate = products.new_zeros(len(products), plan.inputs * count, plan.outputs)
        by_gate.index_add_(1, slot, with_weight[:, has])
        by_gate = by_gate.unflatten(1, (plan.inputs, count)).transpose(2, 3)
        mean = (by_gate * gates).sum(-1, keepdim=True)
        by_logit = gates * (by_gate - mean) / layer.tau
        if layer.logits.shape[0] == 1:
            by_logit = by_logit.sum(1, keepdim=True)
        if layer.logits.shape[1] == 1:
            by_logit = by_logit.sum(2, keepdim=True)
        return [*columns, by_logit.flatten(1)]

    def _forward(self) -> Tensor:
        x = torch.addmm(self.layers[0].bias, self.first, self.layers[0].effective_weight())
        for layer in self.layers[1:]:
            x = layer(x)
        return x

    def _gather(self) -> Tensor:
        parts = []
        for layer, kept in zip(self.layers, self.kept, strict=True):
            parts += [layer.weight.detach().reshape(-1)[kept], layer.bias.detach()]
            if layer.logits is not None:
                parts.append(layer.logits.detach().reshape(-1))
        return torch.cat(parts)

    @torch.no_grad()
    def _scatter(self, values: Tensor) -> None:
        start = 0
        for layer, kept in zip(self.layers, self.kept, strict=True):
            layer.weight.view(-1)[kept] = values[start : start + len(kept)]
            start += len(kept)
            layer.bias.copy_(values[start : start + len(layer.bias)])
            start += len(layer.bias)
            if layer.logits is not None:
                layer.logits.copy_(values[start : start + layer.logits.numel()].view_as(layer.logits))
                start += layer.logits.numel()

    def _penalty_value(self) -> float:
        total = 0.0
        for layer in self.layers:
            total += self.penalty.ridge * float(layer.weight.square().sum())
            if self.penalty.group and layer.logits is not None:
                total += self.penalty.group * float(_group_norms(layer).sum())
        for layer, kept, form in zip(self.layers, self.kept, self.forms, strict=False):
            weight = layer.weight.reshape(-1)[kept]
            total += float(weight @ (form @ weight))
        if self.penalty.entropy:
            total += self.penalty.entropy * float(self.network.gate_entropy())
        return total

    def _add_penalty(self, normal: Tensor, gradient: Tensor) -> None:
        """Add the penalty's gradient, and its curvature, that of norms from their quadratic majoriser."""
        entropies = self._entropy_slopes()
        start = 0
        for number, (layer, kept) in enumerate(zip(self.layers, self.kept, strict=True)):
            curvature = torch.full_like(layer.weight, self.penalty.ridge)
            if self.penalty.group and layer.logits is not None:
                norms = _group_norms(layer).clamp(min=1e-8)
                has = layer.mode != BASE
                curvature[has] += self.penalty.group / 2 / norms[layer.node[has], layer.mode[has]].unsqueeze(1)
            flat = curvature.reshape(-1)[kept]
            span = slice(start, start + len(kept))
            normal.diagonal()[span] += flat
            gradient[span] += flat * layer.weight.reshape(-1)[kept]
            if self.forms:
                normal[span, span] += self.forms[number]
                gradient[span] += self.forms[number] @ layer.weight.reshape(-1)[kept]
            start += len(kept) + len(layer.bias)
            if layer.logits is not None:
                gradient[start : start + layer.logits.numel()] += entropies[number] / 2
                start += layer.logits.numel()

    def _entropy_slopes(self) -> list[Tensor]:
        sizes = [0 if layer.logits is None else layer.logits.numel() for layer in self.layers]
        if not self.penalty.entropy:
            return [self.values.new_zeros(size) for size in sizes]
        with torch.enable_grad():
            total = self.network.gate_entropy()
            logits = [layer.logits for layer in self.layers if layer.logits is not None]
            found = iter(torch.autograd.grad(total, logits))
        return [self.penalty.entropy * next(found).reshape(-1) if size else self.values.new_zeros(0) for size in sizes]


def _group_norms(layer: SKANLayer) -> Tensor:
    """Return the norms of the weights of each mode of a node, ``(inputs, modes)``."""
    has = layer.mode != BASE
    slot = layer.node[has] * len(layer.plan.pool) + layer.mode[has]
    squares = layer.weight.new_zeros(layer.plan.inputs * len(layer.plan.pool))
    squares.index_add_(0, slot, layer.weight.detach()[has].square().sum(1))
    return squares.sqrt().view(layer.plan.inputs, -1)
