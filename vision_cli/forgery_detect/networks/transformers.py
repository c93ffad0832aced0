"""Transformers with the normalisation first, under the parameter names of CLIP."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class QuickGELU(nn.Module):
    """The approximation ``x sigmoid(1.702 x)`` of GELU that CLIP was trained with."""

    def forward(self, values: Tensor) -> Tensor:
        """Return the activations."""
        return values * torch.sigmoid(1.702 * values)


class Attention(nn.Module):
    """Self-attention with the parameters of `torch.nn.MultiheadAttention`, and derivatives of every order.

    torch's fused attention has no second derivative, which second-order meta-learning takes.

    Parameters
    ----------
    width, heads
        Of the tokens.
    scale
        Factor of the scores; None for the usual one, the root of the width of a head, inverted.
    """

    def __init__(self, width: int, heads: int, scale: float | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.scale = (width // heads) ** -0.5 if scale is None else scale
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return tokens ``(B, T, W)`` after attention; `mask` ``(T, T)`` or ``(B, 1, T, T)`` is added to the scores."""
        joined = nn.functional.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        query, key, value = joined.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        scores = query @ key.transpose(-1, -2) * self.scale
        if mask is not None:
            scores = scores + mask
        mixed = scores.softmax(dim=-1) @ value
        attended: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return attended


class Block(nn.Module):
    """A transformer block with the normalisation first: attention, then a perceptron, by default of four widths."""

    def __init__(
        self, width: int, heads: int, *, is_clip: bool, scale: float | None = None, hidden: int | None = None
    ) -> None:
        super().__init__()
        hidden = hidden or 4 * width
        act: nn.Module = QuickGELU() if is_clip else nn.GELU()
        self.ln_1, self.attn = nn.LayerNorm(width), Attention(width, heads, scale)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(OrderedDict(c_fc=nn.Linear(width, hidden), gelu=act, c_proj=nn.Linear(hidden, width)))

    def forward(
        self,
        tokens: Tensor,
        *,
        mask: Tensor | None = None,
        experts: nn.Module | None = None,
        condition: Tensor | None = None,
    ) -> Tensor:
        """Return tokens ``(B, T, W)``; experts work beside the perceptron, on the same normalised tokens (eq. 1)."""
        tokens = tokens + self.attn(self.ln_1(tokens), mask)
        normed = self.ln_2(tokens)
        output: Tensor = tokens + self.mlp(normed)
        if experts is not None and condition is not None:
            output = output + experts(normed, condition)
        return output


class Transformer(nn.Module):
    """A stack of blocks, under the names of CLIP."""

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        *,
        is_clip: bool,
        scale: float | None = None,
        hidden: int | None = None,
    ) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(
            Block(width, heads, is_clip=is_clip, scale=scale, hidden=hidden) for _ in range(depth)
        )

    def forward(self, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return tokens ``(B, T, W)`` after all blocks, not normalised."""
        for block in self.resblocks:
            tokens = block(tokens, mask=mask)
        return tokens
