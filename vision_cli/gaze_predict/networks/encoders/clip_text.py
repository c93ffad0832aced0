"""CLIP's text transformer (Radford et al., arXiv:2103.00020, section 2.4), under the names of OpenAI's files."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class ClipTextEncoder(nn.Module):
    """CLIP's transformer over byte pairs, in which a word reads only those before it.

    Parameters
    ----------
    rows
        Of the vocabulary.
    width
        Channels of a word.
    sentence_width
        Channels of the sentence, 1024 beside RN50.
    length
        Tokens of a sentence at most.
    depth, heads
        Layers, and heads of their attention.
    """

    def __init__(
        self,
        rows: int = 49408,
        width: int = 512,
        sentence_width: int = 1024,
        *,
        length: int = 77,
        depth: int = 12,
        heads: int = 8,
    ) -> None:
        super().__init__()
        self.word_width, self.sentence_width, self.length = width, sentence_width, length
        self.token_embedding = nn.Embedding(rows, width)
        self.positional_embedding = nn.Parameter(torch.empty(length, width))
        self.transformer = nn.ModuleDict({"resblocks": nn.ModuleList(_Block(width, heads) for _ in range(depth))})
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, sentence_width))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        nn.init.normal_(self.positional_embedding, std=0.01)
        nn.init.normal_(self.text_projection, std=width**-0.5)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return words and sentences.

        Parameters
        ----------
        tokens
            ``(B, L)`` int64; the last token of a sentence is its end, whose features stand for it.
        mask
            ``(B, L)`` bool, True at a token, False at padding, which is at the end.

        Returns
        -------
        tuple of Tensor
            Words ``(B, L, D)``, sentences ``(B, E)``.
        """
        length = tokens.shape[1]
        words = self.token_embedding(tokens) + self.positional_embedding[:length]
        # Padding comes last, so that the causal mask hides it from every word.
        later = torch.ones(length, length, dtype=torch.bool, device=tokens.device).triu(1)
        blocks = self.transformer["resblocks"]
        assert isinstance(blocks, nn.ModuleList)
        for block in blocks:
            words = block(words, later)
        words = self.ln_final(words)
        ends = mask.sum(1) - 1
        return words, words[torch.arange(len(words), device=words.device), ends] @ self.text_projection


class _QuickGelu(nn.Module):
    """CLIP's approximation of GELU."""

    def forward(self, values: Tensor) -> Tensor:
        return values * torch.sigmoid(1.702 * values)


class _Block(nn.Module):
    """Self-attention and a perceptron, each after a normalisation and added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        layers: list[tuple[str, nn.Module]] = [
            ("c_fc", nn.Linear(width, 4 * width)),
            ("gelu", _QuickGelu()),
            ("c_proj", nn.Linear(4 * width, width)),
        ]
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, words: Tensor, later: Tensor) -> Tensor:
        normed = self.ln_1(words)
        words = words + self.attn(normed, normed, normed, attn_mask=later, need_weights=False)[0]
        changed: Tensor = words + self.mlp(self.ln_2(words))
        return changed
