"""MFCLIP's text encoder (FLE): the prompts of four levels, one after another, to one feature."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.mfclip.prompts import END, LEVELS, PAD, VOCABULARY
from vision_cli.forgery_detect.networks.transformers import Transformer

Pool = Literal["last", "first"]
"""End of which level the feature is taken at."""


class TextEncoder(nn.Module):
    """Text encoder.

    Each token sees those before it. The published code takes the feature at the end of the first level, the place of
    the first end-of-text of all four, from which the other three levels are not seen: they have no effect. Here it is
    taken at the end of the last level.

    Parameters
    ----------
    width, depth, heads
        Of the transformer.
    outputs
        Length of a feature.
    length
        Most tokens of a level.
    pool
        ``last``, or ``first`` as published.
    is_clip
        Whether the activations are those of CLIP.
    """

    def __init__(
        self, *, width: int, depth: int, heads: int, outputs: int, length: int, pool: Pool, is_clip: bool
    ) -> None:
        super().__init__()
        self.length, self.pool = length, pool
        self.token_embedding = nn.Embedding(VOCABULARY, width)
        self.positional_embedding = nn.Parameter(torch.randn(LEVELS * length, width) * 0.01)
        self.transformer = Transformer(width, depth, heads, is_clip=is_clip)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, outputs) * width**-0.5)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the features ``(K, W)`` of tokens ``(K, 4, L)``, of any length."""
        level = 0 if self.pool == "first" else LEVELS - 1
        wanted = level * self.length + (tokens[:, level] == END).int().argmax(dim=-1)
        joined = tokens.flatten(1)
        # Padding is seen by no token, so that places with nothing else need not be computed.
        places = (joined != PAD).any(dim=0).nonzero().squeeze(-1)
        kept = joined[:, places]
        words = self.token_embedding(kept) + self.positional_embedding[places]
        is_hidden = (kept == PAD)[:, None, None, :] | (places[None, :] > places[:, None])
        # A place sees itself always: a row of minus infinity has no softmax.
        is_hidden = is_hidden & (places[None, :] != places[:, None])
        mask = torch.zeros_like(is_hidden, dtype=words.dtype).masked_fill(is_hidden, float("-inf"))
        words = self.ln_final(self.transformer(words, mask))
        column = torch.searchsorted(places, wanted)
        features: Tensor = words[torch.arange(len(words), device=words.device), column] @ self.text_projection
        return features
