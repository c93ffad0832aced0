"""S-KAN: a Kolmogorov-Arnold network whose nodes select their activation space (arXiv:2408.08338).

A layer computes, for output j and inputs i,

    x_j = b_j + sum_i [ w_ij SiLU(u_i) + sum_m g_im sum_k c_imkj B_mk(u_i) ],   u_i = (x_i - centre_i) scale_i,

with the gates g_i = softmax(a_i / tau) over the modes m of the node. The affine map to u scales the observed range of a
node onto [-1, 1], where the spaces are defined. A selected layer has one mode a node and no gates.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vision_cli.kan_fit.names import Continuation, SelectLevel
from vision_cli.kan_fit.networks.expansion import Expansion, LayerPlan

CURVE_POINTS = 200
"""Points at which the function of an edge is sampled."""

_START_SPREAD = 0.1
_LEAST_GATE = 1e-3
_LEAST_RANGE = 1e-12
"""Least range of a node that is scaled onto [-1, 1], as a fraction of its largest value."""

_INPUT_MARGIN_ROWS, _HIDDEN_MARGIN = 4, 0.01
_POINTS_OF_A_RANGE, _WEIGHT_OF_A_POINT = 200, 1e-2
_INPUTS_WITH_CORNERS = 2
_NUMBERS_AT_ONCE = 1 << 22


class SKANLayer(Expansion):
    """One layer of S-KAN.

    ``weight`` ``(F, outputs)`` holds w and c in the order of the columns of
    :class:`vision_cli.kan_fit.networks.expansion.Expansion`.

    Parameters
    ----------
    plan
        Nodes, spaces and grid.
    generator
        Of the initial weights; without one they are zero.
    """

    center: Tensor
    scale: Tensor
    edges: Tensor

    def __init__(self, plan: LayerPlan, generator: torch.Generator | None = None) -> None:
        super().__init__(plan)
        self.register_buffer("center", torch.zeros(plan.inputs))
        self.register_buffer("scale", torch.ones(plan.inputs))
        self.register_buffer("edges", torch.ones(plan.inputs, plan.outputs))
        weight = torch.zeros(len(self.node), plan.outputs)
        if generator is not None:
            weight = torch.randn(weight.shape, generator=generator) * _START_SPREAD / len(self.node) ** 0.5
            weight[: plan.inputs] = torch.randn(plan.inputs, plan.outputs, generator=generator) / plan.inputs**0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(plan.outputs))

    def effective_weight(self) -> Tensor:
        """Return the weights multiplied by the gates, and by 0 for removed edges, ``(F, outputs)``."""
        weight = self.weight if self._has_all_edges() else self.weight * self.edges[self.node]
        return weight if self.logits is None else weight * self.column_gates()

    def _has_all_edges(self) -> bool:
        return not torch.compiler.is_exporting() and bool(self.edges.all())

    def features(self, x: Tensor) -> Tensor:
        """Return the basis functions of the inputs, ``(N, inputs)`` to ``(N, F)``."""
        return self.functions((x - self.center) * self.scale)

    def feature_slopes(self, x: Tensor) -> Tensor:
        """Return the derivatives of `features` with respect to the input of each, ``(N, F)``."""
        return self.function_slopes((x - self.center) * self.scale) * self.scale[self.node]

    def forward(self, x: Tensor) -> Tensor:
        """Return the nodes of the next layer, ``(N, inputs)`` to ``(N, outputs)``."""
        return torch.addmm(self.bias, self.features(x), self.effective_weight())

    def contributions(self, x: Tensor) -> Tensor:
        """Return the variance that each mode of a node contributes, summed over outputs, ``(inputs, modes)``."""
        return self.mode_variances(self.features(x), self.effective_weight())

    def edge_outputs(self, x: Tensor) -> Tensor:
        """Return the value of the function of each edge, ``(N, inputs, outputs)``."""
        features, weight = self.features(x), self.effective_weight()
        given = [features[:, self.node == i] @ weight[self.node == i] for i in range(self.plan.inputs)]
        return torch.stack(given, dim=1)

    @torch.no_grad()
    def edge_curve(self, x: Tensor, node: int, output: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the function of one edge, sampled over the observed range of its node, with mean 0.

        Parameters
        ----------
        x
            Inputs of the layer, ``(N, inputs)``.
        node, output
            The edge.

        Returns
        -------
        tuple of numpy.ndarray
            Values of the node and of the function, ``(CURVE_POINTS,)`` each.
        """
        points = torch.linspace(float(x[:, node].min()), float(x[:, node].max()), CURVE_POINTS, dtype=x.dtype)
        inputs = x.mean(0).repeat(CURVE_POINTS, 1)
        inputs[:, node] = points
        values = self.edge_outputs(inputs)[:, node, output]
        return points.numpy(), (values - values.mean()).numpy()

    def parameters_in_use(self) -> int:
        """Return the number of parameters without those of removed edges."""
        gates = 0 if self.logits is None else self.logits.numel()
        return int(self.edges[self.node].sum()) + self.plan.outputs + gates


class SKAN(nn.Module):
    """S-KAN: a stack of layers.

    Parameters
    ----------
    plans
        Architecture of each layer; the outputs of each are the inputs of the next.
    generator
        Of the initial weights; without one they are zero.
    """

    def __init__(self, plans: Sequence[LayerPlan], generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.layers = nn.ModuleList([SKANLayer(plan, generator) for plan in plans])

    @property
    def plans(self) -> tuple[LayerPlan, ...]:
        """Architecture of each layer."""
        return tuple(layer.plan for layer in self.each_layer())

    @property
    def widths(self) -> tuple[int, ...]:
        """Numbers of nodes from the input to the output."""
        return (self.plans[0].inputs, *(plan.outputs for plan in self.plans))

    def each_layer(self) -> list[SKANLayer]:
        """Return the layers."""
        return [layer for layer in self.layers if isinstance(layer, SKANLayer)]

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, ``(N, inputs)`` to ``(N, outputs)``."""
        for layer in self.layers:
            x = layer(x)
        return x

    @torch.no_grad()
    def predict(self, x: Tensor) -> Tensor:
        """Return `forward` without gradients, computed in chunks of rows to bound the memory."""
        most = max(len(layer.node) for layer in self.each_layer())
        return torch.cat([self(rows) for rows in x.split(max(_NUMBERS_AT_ONCE // most, 1))])

    def layer_inputs(self, x: Tensor) -> list[Tensor]:
        """Return the inputs of each layer, and last the output of the network."""
        found = [x]
        for layer in self.each_layer():
            found.append(layer(found[-1]))
        return found

    def set_gates(self, *, tau: float = 1.0, is_hard: bool = False) -> None:
        """Set the temperature of all gates, and whether they are hard in the forward pass."""
        for layer in self.each_layer():
            layer.tau, layer.is_hard = tau, is_hard

    @torch.no_grad()
    def edge_spreads(self, x: Tensor) -> list[Tensor]:
        """Return the standard deviation of each edge's value, ``(inputs, outputs)`` a layer."""
        inputs = self.layer_inputs(x)
        return [layer.edge_outputs(u).std(0) for layer, u in zip(self.each_layer(), inputs, strict=False)]

    def gate_entropy(self) -> Tensor:
        """Return the sum over nodes of the entropies of their gates, in nats."""
        total = self.each_layer()[0].weight.new_zeros(())
        for layer in self.each_layer():
            if layer.logits is not None:
                soft = layer.soft_gates(layer.logits)
                total = total - torch.special.xlogy(soft, soft).sum()
        return total

    def parameters_in_use(self) -> int:
        """Return the number of parameters without those of removed edges."""
        return sum(layer.parameters_in_use() for layer in self.each_layer())


def plan_network(
    widths: Sequence[int], pool: Sequence[str], *, grid: int = 5, level: SelectLevel = "node"
) -> tuple[LayerPlan, ...]:
    """Return the architecture of a network in which every node has every space of a pool.

    Parameters
    ----------
    widths
        Numbers of nodes from the input to the output.
    pool
        Names of spaces.
    grid
        Number of intervals of a node's range.
    level
        What has its own gates: each node, each edge, or the layer.
    """
    return tuple(
        LayerPlan((tuple(pool),) * inputs, outputs, grid, level) for inputs, outputs in itertools.pairwise(widths)
    )


def continued(network: SKAN, outside: Continuation) -> SKAN:
    """Return the network with its functions continued in another way outside the observed ranges."""
    made = SKAN([replace(plan, outside=outside) for plan in network.plans]).to(network.each_layer()[0].weight)
    made.load_state_dict(network.state_dict())
    return made


@torch.no_grad()
def project_network(
    network: SKAN,
    x: Tensor,
    *,
    grid: int | None = None,
    modes: Sequence[Sequence[str]] | None = None,
    bounds: Tensor | None = None,
) -> SKAN:
    """Return a network of the same function on another grid, with the observed ranges, or with selected modes.

    The functions of each node are projected onto the new basis by least squares on ``x``.

    Parameters
    ----------
    network
        The network, which is not changed.
    x
        Inputs ``(N, inputs)`` that define the ranges.
    grid
        Number of intervals of the new grid; None to keep the old one.
    modes
        Space of each node, layer by layer; None to keep all.
    bounds
        Lowest and highest possible inputs of the network, ``(2, inputs)``, where they are known.
    """
    plans = []
    for number, plan in enumerate(network.plans):
        chosen = plan.modes if modes is None else tuple((name,) for name in modes[number])
        plans.append(replace(plan, modes=chosen, grid=plan.grid if grid is None else grid))
    made = SKAN(plans).to(x)
    bounds = None if bounds is None else bounds.to(x)
    inputs, corners = x, _corners(bounds)
    for old, new in zip(network.each_layer(), made.each_layer(), strict=True):
        observed = inputs if corners is None else torch.cat([inputs, corners])
        lowest, highest = observed.amin(0), observed.amax(0)
        # New data exceed the range of x slightly: inputs by about the range over the number of rows, hidden nodes,
        # whose extremes lie in the corners, by more. In a wide margin polynomials would be unconstrained.
        margin = 1 + (_INPUT_MARGIN_ROWS / len(x) if inputs is x else _HIDDEN_MARGIN)
        if bounds is not None and inputs is x:
            lowest, highest, margin = *bounds, 1.0
        new.center.copy_((lowest + highest) / 2)
        new.scale.copy_(2 / margin / _ranges(lowest, highest))
        new.edges.copy_(old.edges)
        _project_layer(old, new, inputs, torch.stack([lowest, highest]))
        inputs, corners = old(inputs), None if corners is None else old(corners)
    return made


def _ranges(lowest: Tensor, highest: Tensor) -> Tensor:
    """Return the ranges of nodes; 1 for a node that does not vary, up to rounding."""
    found = highest - lowest
    varies = found > _LEAST_RANGE * torch.maximum(lowest.abs(), highest.abs())
    return torch.where(varies, found, torch.ones_like(found))


def _corners(bounds: Tensor | None) -> Tensor | None:
    """Return the corners of the box of inputs, ``(2**inputs, inputs)``; None where they are too many."""
    if bounds is None or bounds.shape[1] > _INPUTS_WITH_CORNERS:
        return None
    return torch.cartesian_prod(*bounds.unbind(1)).reshape(-1, bounds.shape[1])


def _project_layer(old: SKANLayer, new: SKANLayer, inputs: Tensor, ends: Tensor) -> None:
    """Fit the functions of ``new`` to the edges of ``old`` by least squares, node by node.

    Points all over the range, with a small weight, keep the functions where there are no data.
    """
    share = torch.linspace(0, 1, _POINTS_OF_A_RANGE, dtype=ends.dtype, device=ends.device).unsqueeze(1)
    points = torch.lerp(ends[0], ends[1], share)
    inputs_and_points = torch.cat([inputs, points])
    counts = torch.cat([torch.ones_like(inputs[:, :1]), torch.full_like(points[:, :1], _WEIGHT_OF_A_POINT)])
    features, given = (
        new.features(inputs_and_points) * counts,
        old.edge_outputs(inputs_and_points) * counts.unsqueeze(2),
    )
    gates = None
    if new.logits is not None and old.logits is not None:
        new.logits.copy_(old.logits)
        new.tau, new.is_hard = old.tau, old.is_hard
        gates = new.column_gates().clamp(min=_LEAST_GATE)
    new.bias.copy_(old.bias)
    for i in range(new.plan.inputs):
        columns = new.node == i
        design = torch.cat([features[:, columns], counts], dim=1)
        normal = design.T @ design
        ridge = 1e-12 * normal.diagonal().mean().clamp(min=1e-300)
        normal.diagonal().add_(ridge)
        solved = torch.linalg.solve(normal, design.T @ given[:, i])
        new.weight[columns] = solved[:-1] if gates is None else solved[:-1] / gates[columns]
        new.bias.add_(solved[-1] * new.edges[i])
