"""The decoder: places of the film read each other and the words of the sentence (arXiv:2111.15174, section 3.3)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.layers import sine_positions, two_layers


class ContextDecoder(nn.Module):
    """Layers of self-attention among places and of attention to words.

    Parameters
    ----------
    width
        Channels of a place, a multiple of 4 and of ``heads``.
    word_width
        Channels of a word.
    depth, heads, hidden
        Layers, heads of their attention, and hidden units of their perceptrons.
    dropout
        Of what a layer adds.
    pooling
        Cells of a side of the map that are one place; 1 in the paper. With more, what the layers change is enlarged
        and added to the map.
    """

    def __init__(
        self,
        width: int = 512,
        word_width: int = 512,
        *,
        depth: int = 3,
        heads: int = 8,
        hidden: int = 2048,
        dropout: float = 0.1,
        pooling: int = 1,
    ) -> None:
        super().__init__()
        self.pooling = pooling
        self.words = nn.Linear(word_width, width)
        self.layers = nn.ModuleList(DecoderLayer(width, heads, hidden, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)

    def forward(self, maps: Tensor, words: Tensor, mask: Tensor) -> Tensor:
        """Return maps ``(B, D, h, w)`` that have read the words.

        Parameters
        ----------
        maps
            ``(B, D, h, w)``.
        words
            ``(B, L, E)``.
        mask
            ``(B, L)`` bool, False at padding, which is not read.
        """
        pooled = F.avg_pool2d(maps, self.pooling) if self.pooling > 1 else maps
        width, height, columns = pooled.shape[1:]
        places = pooled.flatten(2).transpose(1, 2)
        positions = sine_positions(height, columns, width, maps)
        read, padding = self.words(words), ~mask
        for layer in self.layers:
            places = layer(places, positions, read, padding)
        decoded: Tensor = self.norm(places).transpose(1, 2).unflatten(2, (height, columns))
        if self.pooling > 1:
            return maps + F.interpolate(decoded, size=maps.shape[-2:], mode="bilinear", align_corners=False)
        return decoded


class DecoderLayer(nn.Module):
    """Self-attention, attention to others and a perceptron, each after a normalisation and added to its input."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
        self.own = nn.MultiheadAttention(width, heads, batch_first=True)
        self.others = nn.MultiheadAttention(width, heads, batch_first=True)
        self.perceptron = two_layers(width, hidden, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, places: Tensor, positions: Tensor, read: Tensor, padding: Tensor | None = None) -> Tensor:
        """Return ``(B, N, D)``.

        Parameters
        ----------
        places, positions
            ``(B, N, D)``, and what tells them apart, ``(N, D)``.
        read, padding
            What they read, ``(B, L, D)``, and where that is padding, ``(B, L)`` bool.
        """
        normed = self.norms[0](places)
        asked = normed + positions
        places = places + self.dropout(self.own(asked, asked, normed, need_weights=False)[0])
        asked = self.norms[1](places) + positions
        found, _ = self.others(asked, read, read, key_padding_mask=padding, need_weights=False)
        places = places + self.dropout(found)
        changed: Tensor = places + self.dropout(self.perceptron(self.norms[2](places)))
        return changed
