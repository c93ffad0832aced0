"""Weighted means of networks, as one network (stacked regressions, Breiman 1996).

Networks of different widths that predict rows left out about equally well err in different ways, and their mean errs
less than any of them. A mean of networks is itself a network: their nodes side by side, without edges from one to
another. Shallower networks are continued by nodes that pass their output on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.kan_fit.networks.dense import SKAN, SKANLayer, project_network
from vision_cli.kan_fit.networks.expansion import LayerPlan
from vision_cli.kan_fit.tables.candidates import Candidate, Problem

_LEAST_WEIGHT = 0.05
_CLEARLY_BETTER = 0.998
_ONE = 1e3
"""Weight of the condition that the weights add up to 1."""


def stacked(problem: Problem, label: str, candidates: Sequence[Candidate]) -> Candidate | None:
    """Return the weighted mean of cross-validated networks that predicts rows left out best.

    None where it is not better by 0.2 % in squared residuals than the best of them.

    Parameters
    ----------
    problem
        The data.
    label
        Name of the mean.
    candidates
        Networks of one space and grid for all rows, with their residuals of rows left out.
    """
    residuals = np.array([one.left_out for one in candidates]).T
    weights = stacking_weights(residuals)
    found = residuals @ weights
    score = float(np.mean(found**2))
    best = min(candidates, key=lambda one: one.score)
    if np.count_nonzero(weights) < 2 or score > _CLEARLY_BETTER * best.score:
        return None
    x, _ = problem.everything
    members = [(float(w), one.network) for w, one in zip(weights, candidates, strict=True) if w]
    return Candidate(label, mean_network(members, x), score, best.steps, best.penalty, tuple(found.tolist()))


def stacking_weights(residuals: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights, not negative and of sum 1, of the least mean square of residuals ``(N, networks)``."""
    from scipy.optimize import nnls

    def solved(columns: NDArray[np.float64]) -> NDArray[np.float64]:
        scale = _ONE * float(np.sqrt(np.mean(columns**2)) or 1.0) * len(columns) ** 0.5
        found, _ = nnls(np.vstack([columns, np.full(columns.shape[1], scale)]), np.r_[np.zeros(len(columns)), scale])
        return np.asarray(found / found.sum())

    weights = solved(residuals)
    kept = weights >= _LEAST_WEIGHT
    weights = np.zeros(len(weights))
    weights[kept] = solved(residuals[:, kept])
    return weights


@torch.no_grad()
def mean_network(members: Sequence[tuple[float, SKAN]], x: Tensor) -> SKAN:
    """Return the network that computes a weighted sum of networks with one output.

    Parameters
    ----------
    members
        Weights and networks of one input layer: the same spaces, grid and ranges.
    x
        Inputs that define the ranges of the nodes that pass an output on, ``(N, inputs)``.
    """
    depth = max(len(network.plans) for _, network in members)
    stacks = [_deepened(network, depth, x) for _, network in members]
    made = SKAN([_plan_of([stack[n] for stack in stacks], n, depth) for n in range(depth)]).to(x)
    for number, layer in enumerate(made.each_layer()):
        parts = [stack[number] for stack in stacks]
        if number == depth - 1:
            for part, (weight, _) in zip(parts, members, strict=True):
                part.weight.mul_(weight)
                part.bias.mul_(weight)
        _join(layer, parts, is_first=number == 0, is_last=number == depth - 1)
    return made


def _plan_of(parts: Sequence[SKANLayer], number: int, depth: int) -> LayerPlan:
    first = parts[0].plan
    modes = first.modes if number == 0 else tuple(mode for part in parts for mode in part.plan.modes)
    outputs = 1 if number == depth - 1 else sum(part.plan.outputs for part in parts)
    return replace(first, modes=modes, outputs=outputs)


def _join(layer: SKANLayer, parts: Sequence[SKANLayer], *, is_first: bool, is_last: bool) -> None:
    """Copy layers into one, their outputs side by side or, in the last layer, added."""
    layer.edges.zero_()
    layer.weight.zero_()
    layer.bias.zero_()
    node = output = 0
    for part in parts:
        nodes = slice(node, node + part.plan.inputs)
        outputs = slice(output, output + part.plan.outputs)
        layer.center[nodes], layer.scale[nodes] = part.center, part.scale
        layer.edges[nodes, outputs] = part.edges
        for own in range(part.plan.inputs):
            layer.weight[layer.node == node + own, outputs] += part.weight[part.node == own]
        layer.bias[outputs] += part.bias
        node += 0 if is_first else part.plan.inputs
        output += 0 if is_last else part.plan.outputs


def _deepened(network: SKAN, depth: int, x: Tensor) -> list[SKANLayer]:
    """Return copies of the layers of a network, followed by nodes that pass its output on."""
    copy = SKAN(network.plans).to(x)
    copy.load_state_dict(network.state_dict())
    layers = copy.each_layer()
    output = copy.predict(x)
    while len(layers) < depth:
        layers.append(_identity(layers[-1].plan, output))
    return layers


def _identity(plan: LayerPlan, values: Tensor) -> SKANLayer:
    """Return a layer of one node whose function is the identity on the range of values ``(N, 1)``."""
    narrow = SKAN([replace(plan, modes=plan.modes[:1], outputs=1)]).to(values)
    layer = project_network(narrow, values).each_layer()[0]
    low, high = values.min(), values.max()
    points = torch.lerp(low, high, torch.linspace(-0.02, 1.02, 400).to(values)).unsqueeze(1)
    design = torch.cat([layer.features(points), torch.ones_like(points)], dim=1)
    solved = torch.linalg.lstsq(design, points, driver="gelsd").solution
    layer.weight.copy_(solved[:-1])
    layer.bias.copy_(solved[-1])
    return layer
