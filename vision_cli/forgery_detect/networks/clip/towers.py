"""CLIP's two transformers (arXiv:2103.00020). Parameters have the names of OpenAI's files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.transformers import Transformer

MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the channels of CLIP's training data, in 0 to 1 (OpenAI's preprocessing)."""

Activation = Literal["quick_gelu", "gelu"]


@dataclass(frozen=True)
class VisionSizes:
    """Numbers of a vision tower.

    Attributes
    ----------
    side, patch
        Of the pictures and of a patch, px.
    width, depth, heads, hidden
        Of the transformer.
    outputs
        Length of a feature.
    activation
        Of the perceptrons: ``quick_gelu`` in OpenAI's weights.
    """

    side: int
    patch: int
    width: int
    depth: int
    heads: int
    hidden: int
    outputs: int
    activation: Activation = "quick_gelu"


@dataclass(frozen=True)
class TextSizes:
    """Numbers of a text tower; see `VisionSizes`.

    Attributes
    ----------
    rows, length
        Of the vocabulary, and of a sentence.
    width, depth, heads, hidden, outputs, activation
        Of the transformer.
    """

    rows: int
    length: int
    width: int
    depth: int
    heads: int
    hidden: int
    outputs: int
    activation: Activation = "quick_gelu"


def _transformer(sizes: VisionSizes | TextSizes) -> Transformer:
    is_quick = sizes.activation == "quick_gelu"
    return Transformer(sizes.width, sizes.depth, sizes.heads, is_clip=is_quick, hidden=sizes.hidden)


class ClipVision(nn.Module):
    """CLIP's vision transformer.

    Parameters
    ----------
    sizes
        Its numbers.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, sizes: VisionSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.grid, self.width = sizes.side // sizes.patch, sizes.outputs
        scale = sizes.width**-0.5
        self.conv1 = nn.Conv2d(3, sizes.width, sizes.patch, sizes.patch, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(sizes.width) * scale)
        self.positional_embedding = nn.Parameter(torch.randn(1 + self.grid**2, sizes.width) * scale)
        self.ln_pre, self.ln_post = nn.LayerNorm(sizes.width), nn.LayerNorm(sizes.width)
        self.transformer = _transformer(sizes)
        self.proj = nn.Parameter(torch.randn(sizes.width, sizes.outputs) * scale)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def tokens(self, images: Tensor) -> Tensor:
        """Return projected tokens ``(B, 1 + N, D)``, the class token first, of normalised pictures ``(B, 3, S, S)``."""
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(images), 1, -1)
        whole = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        found: Tensor = self.ln_post(self.transformer(whole)) @ self.proj
        return found

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``(B, D)`` and tokens ``(B, N, D)`` of pictures ``(B, 3, S, S)`` in 0 to 1."""
        found = self.tokens((images - self.mean) / self.deviation)
        return found[:, 0], found[:, 1:]


class ClipText(nn.Module):
    """CLIP's text transformer.

    Parameters
    ----------
    sizes
        Its numbers.
    """

    mask: Tensor

    def __init__(self, sizes: TextSizes) -> None:
        super().__init__()
        self.sizes = sizes
        self.token_embedding = nn.Embedding(sizes.rows, sizes.width)
        self.positional_embedding = nn.Parameter(torch.randn(sizes.length, sizes.width) * 0.01)
        self.transformer = _transformer(sizes)
        mask = torch.full((sizes.length, sizes.length), -torch.inf).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        self.ln_final = nn.LayerNorm(sizes.width)
        self.text_projection = nn.Parameter(torch.randn(sizes.width, sizes.outputs) / math.sqrt(sizes.width))

    def forward(self, rows: Tensor, ends: Tensor) -> Tensor:
        """Return features ``(B, D)`` of sentences.

        Parameters
        ----------
        rows
            ``(B, L)`` tokens, L at most the length of a sentence.
        ends
            ``(B,)`` places of the tokens that end the sentences.
        """
        tokens = self.token_embedding(rows) + self.positional_embedding[: rows.shape[1]]
        length = rows.shape[1]
        tokens = self.ln_final(self.transformer(tokens, self.mask[:length, :length]))
        features: Tensor = tokens[torch.arange(len(rows), device=rows.device), ends] @ self.text_projection
        return features
