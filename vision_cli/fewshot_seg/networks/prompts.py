"""CDTAP: prompts for SAM's decoder that are made from the task's prototypes, in the place of clicks.

Eight learned queries, five for the class, two for the background and one for the domain, attend to the prototypes, to
one another and to the query's features; they become sparse prompts. The dense prompt is made of the similarity maps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.layers import ChannelNorm, two_layers, zeros_
from vision_cli.fewshot_seg.networks.similarity import MAPS


@dataclass(frozen=True)
class TaskTokens:
    """What the queries read of a task.

    Attributes
    ----------
    tokens
        ``(B, T, D)``: c, b, d where there is one, local prototypes of the class, of the background.
    kinds
        ``(T,)`` int64, 0 to 4 in this order.
    there
        ``(B, T)`` bool, which of them are there.
    """

    tokens: Tensor
    kinds: Tensor
    there: Tensor


class Attention(nn.Module):
    """Multi-head attention that adds to its queries, and a two-layer perceptron that adds to the result.

    Parameters
    ----------
    channels
        D.
    heads
        Divides D.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, heads, batch_first=True)
        self.norm = nn.LayerNorm(channels)
        self.mlp = two_layers(channels, 2 * channels, channels)
        self.last_norm = nn.LayerNorm(channels)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, absent: Tensor | None = None) -> Tensor:
        """Return queries ``(B, Q, D)`` that have read ``(B, T, D)``; ``absent`` ``(B, T)`` is not read."""
        read, _ = self.attend(queries, keys, values, key_padding_mask=absent, need_weights=False)
        queries = self.norm(queries + read)
        made: Tensor = self.last_norm(queries + self.mlp(queries))
        return made


class SparsePrompts(nn.Module):
    """The learned queries.

    Parameters
    ----------
    channels
        D.
    counts
        Queries for class, background and domain.
    heads
        Of each attention.
    is_fixed
        Whether the queries are prompts as they are, the same for every task (ablation).
    """

    KINDS = 5

    def __init__(
        self, channels: int, counts: Sequence[int] = (5, 2, 1), heads: int = 8, *, is_fixed: bool = False
    ) -> None:
        super().__init__()
        self.counts = tuple(counts)
        self.queries = nn.Parameter(torch.randn(sum(counts), channels) * 0.02)
        self.is_fixed = is_fixed
        if not is_fixed:
            self.kinds = nn.Embedding(self.KINDS, channels)
            self.read_task = Attention(channels, heads)
            self.read_one_another = Attention(channels, heads)
            self.read_query = Attention(channels, heads)

    def forward(self, task: TaskTokens, query: Tensor, positions: Tensor, gate: Tensor) -> Tensor:
        """Return sparse prompts ``(B, Q, D)``.

        Parameters
        ----------
        task
            Prototypes.
        query
            Fused features ``(B, D, h, w)``.
        positions
            SAM's encoding of positions ``(1, D, h, w)``.
        gate
            ``(B, 1)``: prompts of class and background are multiplied by it, that of the domain by what is left of 1.
        """
        prompts: Tensor = self.queries.expand(len(query), -1, -1)
        if self.is_fixed:
            return prompts
        memory = task.tokens + self.kinds(task.kinds)
        prompts = self.read_task(prompts, memory, memory, ~task.there)
        prompts = self.read_one_another(prompts, prompts, prompts)
        pixels = query.flatten(2).transpose(1, 2)
        prompts = self.read_query(prompts, pixels + positions.flatten(2).transpose(1, 2), pixels)
        of_class, of_domain = self.counts[0] + self.counts[1], self.counts[2]
        # Times 2: a gate in the middle leaves both as they are.
        factors = torch.cat([gate.expand(-1, of_class), (1 - gate).expand(-1, of_domain)], 1)
        return prompts * (2 * factors)[..., None]


class DensePrompt(nn.Module):
    """The dense prompt: convolutions on [F_q ⊙ c, similarity maps, prior maps]; nothing until it is trained.

    Parameters
    ----------
    channels
        D.
    width
        Channels between the convolutions.
    priors
        How many maps of another method are given with a query, such as the probability of a classifier of pixels.
    """

    def __init__(self, channels: int, width: int = 64, priors: int = 0) -> None:
        super().__init__()
        self.priors = priors
        self.reduce = nn.Conv2d(channels, width, 1)
        self.mix = nn.Sequential(
            nn.Conv2d(width + MAPS + priors, width, 3, padding=1),
            ChannelNorm(width),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            ChannelNorm(width),
            nn.GELU(),
        )
        self.last = nn.Conv2d(width, channels, 1)
        zeros_(self.last)

    def forward(self, query: Tensor, c: Tensor, maps: Tensor, priors: Tensor | None) -> Tensor:
        """Return the map ``(B, D, h, w)`` that is added to SAM's embedding for queries without a mask.

        Parameters
        ----------
        query
            Fused features ``(B, D, h, w)``.
        c
            Prototype ``(B, D)``.
        maps
            ``(B, 6, h, w)``.
        priors
            ``(B, P, h, w)``; None for zeros.
        """
        if priors is None:
            priors = maps.new_zeros(len(maps), self.priors, *maps.shape[-2:])
        seen = self.reduce(query * c[..., None, None])
        dense: Tensor = self.last(self.mix(torch.cat([seen, maps, priors], 1)))
        return dense
