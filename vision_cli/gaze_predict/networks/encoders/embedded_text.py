"""The small encoder of sentences: a transformer over word pieces."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_cli.gaze_predict.networks.layers import two_layers


class EmbeddedTextEncoder(nn.Module):
    """Two layers of self-attention over word pieces.

    Parameters
    ----------
    rows
        Pieces of the vocabulary, with the rows of hashed n-grams.
    width
        Channels of a word and of the sentence.
    length
        Pieces of a sentence at most.
    depth, heads
        Layers, and heads of their attention.
    dropout
        Of the attention's and the perceptron's outputs.
    """

    def __init__(
        self, rows: int, width: int = 128, *, length: int = 48, depth: int = 2, heads: int = 4, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.word_width, self.sentence_width, self.length = width, width, length
        self.pieces = nn.Embedding(rows, width)
        self.places = nn.Parameter(torch.empty(length, width))
        nn.init.normal_(self.pieces.weight, std=width**-0.5)
        nn.init.normal_(self.places, std=0.02)
        self.layers = nn.ModuleList(_Layer(width, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return words and sentences.

        Parameters
        ----------
        tokens
            ``(B, L)`` int64, rows of the vocabulary.
        mask
            ``(B, L)`` bool, True at a piece, False at padding; each sentence has a piece or more.

        Returns
        -------
        tuple of Tensor
            Words ``(B, L, D)``, and the mean of the words of each sentence, ``(B, D)``.
        """
        words = self.pieces(tokens) + self.places[: tokens.shape[1]]
        for layer in self.layers:
            words = layer(words, ~mask)
        words = self.norm(words)
        share = mask.to(words.dtype)[..., None]
        return words, (words * share).sum(1) / share.sum(1)


class _Layer(nn.Module):
    """Self-attention and a perceptron, each after a normalisation and added to its input."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention_norm, self.perceptron_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.perceptron = two_layers(width, 2 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, words: Tensor, padding: Tensor) -> Tensor:
        """Return words ``(B, L, D)``; ``padding`` ``(B, L)`` is True where there is no word."""
        normed = self.attention_norm(words)
        attended, _ = self.attention(normed, normed, normed, key_padding_mask=padding, need_weights=False)
        words = words + self.dropout(attended)
        changed: Tensor = words + self.dropout(self.perceptron(self.perceptron_norm(words)))
        return changed
