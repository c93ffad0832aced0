"""Basis expansion of the nodes of a layer: SiLU and the functions of their spaces, with a gate for each space.

Dense layers and convolutions are linear maps of the same columns: first SiLU of every node, then, space by space, the
functions of the nodes that have the space.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.kan_fit.names import Continuation, SelectLevel
from vision_cli.kan_fit.networks.spaces import SPACES, evaluate, evaluate_traceable, slopes

BASE = -1
"""Mode number of the SiLU term, which every node has."""


@dataclass(frozen=True)
class LayerPlan:
    """Architecture of a layer.

    Attributes
    ----------
    modes
        Names of the spaces of each input node; one a node after the selection.
    outputs
        Number of nodes of the next layer.
    grid
        Number of intervals of a node's range, which sets the number of functions of each space.
    level
        What has its own gates: each node, each edge, or the layer.
    outside
        How the functions of a node go on outside [-1, 1], its observed range.
    """

    modes: tuple[tuple[str, ...], ...]
    outputs: int
    grid: int = 5
    level: SelectLevel = "node"
    outside: Continuation = "linear"

    @property
    def inputs(self) -> int:
        """Number of input nodes."""
        return len(self.modes)

    @property
    def pool(self) -> tuple[str, ...]:
        """Names of all spaces that occur, in the order of their first node."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(self.modes)))

    @property
    def is_selected(self) -> bool:
        """Whether each node has exactly one mode."""
        return all(len(modes) == 1 for modes in self.modes)


class Expansion(nn.Module):
    """Basis functions of the nodes of a layer, and the gates of their spaces.

    F is the number of columns: SiLU and the functions of all spaces of all nodes.

    Parameters
    ----------
    plan
        Nodes, spaces and grid.

    Attributes
    ----------
    node, mode
        Node of each column, and number of its space in the pool, ``(F,)``; `BASE` for SiLU.
    absent
        Whether a node lacks a space of the pool, ``(inputs, 1, modes)``; ``(1, 1, modes)`` with gates of the layer.
    logits
        Of the gates, ``(inputs, outputs, modes)``, the first two 1 where gates are shared; None after the selection.
    tau, is_hard
        Temperature of the gates; whether their forward value is rounded to 1 for the largest and 0 for the others.
    """

    node: Tensor
    mode: Tensor
    absent: Tensor

    def __init__(self, plan: LayerPlan) -> None:
        super().__init__()
        self.plan = plan
        self.tau, self.is_hard = 1.0, False
        self._blocks: list[tuple[str, int]] = []
        node, mode = [torch.arange(plan.inputs)], [torch.full((plan.inputs,), BASE)]
        for number, name in enumerate(plan.pool):
            members = torch.tensor([i for i, modes in enumerate(plan.modes) if name in modes])
            count = SPACES[name].count(plan.grid)
            self.register_buffer(f"_members_{number}", members, persistent=False)
            self._blocks.append((name, count))
            node.append(members.repeat_interleave(count))
            mode.append(torch.full((len(members) * count,), number))
        self.register_buffer("node", torch.cat(node), persistent=False)
        self.register_buffer("mode", torch.cat(mode), persistent=False)
        self.register_buffer("absent", _absent_modes(plan), persistent=False)
        self.logits: nn.Parameter | None = None
        if not plan.is_selected:
            rows = 1 if plan.level == "layer" else plan.inputs
            columns = plan.outputs if plan.level == "edge" else 1
            self.logits = nn.Parameter(torch.zeros(rows, columns, len(plan.pool)))

    def gates(self) -> Tensor:
        """Return the gates ``(inputs, outputs, modes)``; those of a node sum to 1 over its modes.

        With ``is_hard`` the forward value is 1 for the largest and 0 for the others, with the gradient of the soft
        gates (straight-through estimator).
        """
        if self.logits is None:
            return torch.ones(self.plan.inputs, self.plan.outputs, len(self.plan.pool), device=self.node.device)
        soft = self.soft_gates(self.logits)
        if self.is_hard:
            hard = functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
            soft = hard + (soft - soft.detach())
        return soft.expand(self.plan.inputs, self.plan.outputs, -1)

    def soft_gates(self, logits: Tensor) -> Tensor:
        """Return the softmax of logits at the layer's temperature over the modes of each node, in the logits' shape."""
        return torch.softmax((logits / self.tau).masked_fill(self.absent, -torch.inf), dim=-1)

    def column_gates(self) -> Tensor:
        """Return the gate of each column, ``(F, outputs)``; 1 for SiLU."""
        gates = self.gates()
        if self.plan.level != "edge":
            # All outputs share a gate: it is looked up once and expanded.
            gates = gates[:, :1]
        columns = gates[self.node, :, self.mode.clamp(min=0)]
        columns = torch.where((self.mode == BASE).unsqueeze(-1), torch.ones_like(columns), columns)
        return columns.expand(-1, self.plan.outputs)

    def functions(self, u: Tensor) -> Tensor:
        """Return the basis functions of the nodes, ``(..., inputs)`` to ``(..., F)``."""
        call = evaluate_traceable if torch.compiler.is_exporting() else evaluate
        if self.plan.outside == "hold":
            u = u.clamp(-1, 1)
        parts = [functional.silu(u)]
        parts += [call(SPACES[name], self._having(u, i), count).flatten(-2) for i, name, count in self._each_block()]
        return torch.cat(parts, dim=-1)

    def function_slopes(self, u: Tensor) -> Tensor:
        """Return the derivatives of `functions` with respect to the node of each, ``(..., F)``."""
        if self.plan.outside == "hold":
            # At the ends themselves the functions still have their slope.
            inside = (u.abs() <= 1).to(u.dtype)
            return self._slopes(u.clamp(-1, 1)) * inside[..., self.node]
        return self._slopes(u)

    def _slopes(self, u: Tensor) -> Tensor:
        gate = torch.sigmoid(u)
        parts = [gate * (1 + u * (1 - gate))]
        parts += [slopes(SPACES[name], self._having(u, i), count).flatten(-2) for i, name, count in self._each_block()]
        return torch.cat(parts, dim=-1)

    def mode_variances(self, columns: Tensor, weight: Tensor) -> Tensor:
        """Return the variance that each mode of a node contributes, summed over outputs, ``(inputs, modes)``.

        Parameters
        ----------
        columns
            Values of `functions`, ``(N, F)``.
        weight
            Of the columns, ``(F, outputs)``.
        """
        found = weight.new_zeros(self.plan.inputs, len(self.plan.pool))
        start = self.plan.inputs
        for number, _, count in self._each_block():
            members: Tensor = getattr(self, f"_members_{number}")
            end = start + len(members) * count
            block = columns[:, start:end].unflatten(1, (-1, count))
            block = block - block.mean(0)
            covariance = torch.einsum("nic,nid->icd", block, block) / len(block)
            own = weight[start:end].unflatten(0, (-1, count))
            found[members, number] = torch.einsum("ico,icd,ido->i", own, covariance, own)
            start = end
        return found

    def columns_of(self, modes: Sequence[str]) -> Tensor:
        """Return the column numbers left when each node keeps one space, in the order of the layer so selected."""
        first: dict[tuple[int, str], int] = {}
        start = self.plan.inputs
        for number, name, count in self._each_block():
            members: Tensor = getattr(self, f"_members_{number}")
            for place, node in enumerate(members.tolist()):
                first[node, name] = start + place * count
            start += len(members) * count
        kept = list(range(self.plan.inputs))
        for name in dict.fromkeys(modes):
            count = SPACES[name].count(self.plan.grid)
            for node in (i for i, mode in enumerate(modes) if mode == name):
                kept.extend(range(first[node, name], first[node, name] + count))
        return torch.tensor(kept, device=self.node.device)

    def _each_block(self) -> list[tuple[int, str, int]]:
        return [(number, name, count) for number, (name, count) in enumerate(self._blocks)]

    def _having(self, u: Tensor, number: int) -> Tensor:
        members: Tensor = getattr(self, f"_members_{number}")
        # Indexing copies: only where some nodes lack the space.
        return u if len(members) == self.plan.inputs else u[..., members]


def _absent_modes(plan: LayerPlan) -> Tensor:
    """Return which spaces of the pool a node lacks, ``(inputs, 1, modes)``; with gates of the layer, every node."""
    pool = plan.pool
    table = torch.tensor([[name not in modes for name in pool] for modes in plan.modes]).unsqueeze(1)
    return table.all(0, keepdim=True) if plan.level == "layer" else table
