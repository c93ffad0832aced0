"""What a node is expanded into: SiLU and the functions of its spaces, with a gate for each space.

Dense layers and convolutions are linear maps of the same columns: first SiLU of every node, then space by space the
functions of the nodes that have it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.kan_fit.names import SelectLevel
from vision_cli.kan_fit.networks.spaces import SPACES, evaluate, evaluate_plainly, slopes

BASE = -1
"""The mode number of the SiLU term, which every node has."""


@dataclass(frozen=True)
class LayerPlan:
    """What a layer is made of.

    Attributes
    ----------
    modes
        Spaces of each input node, by name; one name a node once the layer is selected.
    outputs
        Nodes of the next layer.
    grid
        Intervals of the range; each space makes its number of functions of it.
    level
        What has a gate of its own.
    """

    modes: tuple[tuple[str, ...], ...]
    outputs: int
    grid: int = 5
    level: SelectLevel = "node"

    @property
    def inputs(self) -> int:
        """Input nodes."""
        return len(self.modes)

    @property
    def pool(self) -> tuple[str, ...]:
        """All spaces that occur, in the order of their first node."""
        return tuple(dict.fromkeys(itertools.chain.from_iterable(self.modes)))

    @property
    def is_selected(self) -> bool:
        """Whether each node has one mode."""
        return all(len(modes) == 1 for modes in self.modes)


class Expansion(nn.Module):
    """Columns of functions of the nodes of a layer, and the gates of their spaces.

    Parameters
    ----------
    plan
        Nodes, spaces and grid.

    Attributes
    ----------
    node, mode
        Node of every column, and the number of its space within the pool, ``(F,)``; `BASE` for SiLU.
    lacking
        Where a node has no gate for a space of the pool, ``(inputs, 1, modes)``; one row with gates of the whole layer.
    logits
        Of the gates; None where every node has one space.
    tau, is_hard
        Temperature of the gates; whether their forward value is 1 for the largest and 0 for the others.
    """

    node: Tensor
    mode: Tensor
    lacking: Tensor

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
        self.register_buffer("lacking", _lacking(plan), persistent=False)
        self.logits: nn.Parameter | None = None
        if not plan.is_selected:
            rows = 1 if plan.level == "layer" else plan.inputs
            columns = plan.outputs if plan.level == "edge" else 1
            self.logits = nn.Parameter(torch.zeros(rows, columns, len(plan.pool)))

    def gates(self) -> Tensor:
        """Gates ``(inputs, outputs, modes)``: a node's add up to 1, in the number of modes that it has.

        With ``is_hard`` the forward value is 1 for the largest and 0 for the others, with the slopes of the soft gates.
        """
        if self.logits is None:
            return torch.ones(self.plan.inputs, self.plan.outputs, len(self.plan.pool), device=self.node.device)
        soft = self.soft_gates(self.logits)
        if self.is_hard:
            hard = functional.one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
            soft = hard + (soft - soft.detach())
        return soft.expand(self.plan.inputs, self.plan.outputs, -1)

    def soft_gates(self, logits: Tensor) -> Tensor:
        """Softmax of logits at the layer's temperature over the modes that each node has, in the logits' shape."""
        return torch.softmax((logits / self.tau).masked_fill(self.lacking, -torch.inf), dim=-1)

    def column_gates(self) -> Tensor:
        """Gate of every function, ``(F, outputs)``: 1 for SiLU, which has none."""
        gates = self.gates()
        if self.plan.level != "edge":
            # All outputs share a gate: it is looked up once, and shown to each.
            gates = gates[:, :1]
        columns = gates[self.node, :, self.mode.clamp(min=0)]
        columns = torch.where((self.mode == BASE).unsqueeze(-1), torch.ones_like(columns), columns)
        return columns.expand(-1, self.plan.outputs)

    def functions(self, u: Tensor) -> Tensor:
        """Functions of the nodes, ``(..., inputs)`` to ``(..., F)``."""
        call = evaluate_plainly if torch.compiler.is_exporting() else evaluate
        parts = [functional.silu(u)]
        parts += [call(SPACES[name], self._pick(u, i), count).flatten(-2) for i, name, count in self._each_block()]
        return torch.cat(parts, dim=-1)

    def function_slopes(self, u: Tensor) -> Tensor:
        """Differentiate `functions` by the node that each belongs to, ``(..., F)``."""
        gate = torch.sigmoid(u)
        parts = [gate * (1 + u * (1 - gate))]
        parts += [slopes(SPACES[name], self._pick(u, i), count).flatten(-2) for i, name, count in self._each_block()]
        return torch.cat(parts, dim=-1)

    def mode_variances(self, columns: Tensor, weight: Tensor) -> Tensor:
        """Variance that each mode of a node contributes, summed over outputs, ``(inputs, modes)``.

        Parameters
        ----------
        columns
            What `functions` gave, ``(N, F)``.
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
        """Columns that are left when each node keeps one space, in the order of a layer that has no other."""
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

    def _pick(self, u: Tensor, number: int) -> Tensor:
        members: Tensor = getattr(self, f"_members_{number}")
        # A copy is made of what all nodes share only where some are left out.
        return u if len(members) == self.plan.inputs else u[..., members]


def _lacking(plan: LayerPlan) -> Tensor:
    """Whether a node, or with gates for the whole layer every node, lacks a space, ``(rows of gates, 1, modes)``."""
    pool = plan.pool
    table = torch.tensor([[name not in modes for name in pool] for modes in plan.modes]).unsqueeze(1)
    return table.all(0, keepdim=True) if plan.level == "layer" else table
