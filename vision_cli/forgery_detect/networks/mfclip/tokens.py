"""The two branches of MFCLIP's vision encoder (MVE): convolutions, tokens of a grid of places, a transformer."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vision_cli.forgery_detect.networks.transformers import Transformer


class ConvStages(nn.Sequential):
    """Stages of 3 x 3 convolutions with batch normalisation and ReLU, some of them with a 2 x 2 maximum at the end.

    Parameters
    ----------
    widths
        Channels of each stage.
    convolutions
        Their number in each stage.
    pooled
        Stages, from the first, that end with a maximum.
    """

    def __init__(self, widths: Sequence[int], convolutions: Sequence[int], pooled: int) -> None:
        layers: list[nn.Module] = []
        channels = 3
        for stage, (width, count) in enumerate(zip(widths, convolutions, strict=True)):
            for _ in range(count):
                # The normalisation has an offset of its own.
                layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
            if stage < pooled:
                layers.append(nn.MaxPool2d(2))
        super().__init__(*layers)
        self.channels, self.reduction = channels, 2**pooled


class Branch(nn.Module):
    """Pictures to a class token and tokens of their places.

    Parameters
    ----------
    stages
        The convolutions.
    side
        Side of the pictures in pixels.
    grid
        Tokens are those of a grid of so many rows and columns; 1 as published: one token of the whole picture.
    width, depth, heads
        Of the transformer.
    scale
        See `Attention`.
    """

    def __init__(
        self, stages: ConvStages, *, side: int, grid: int, width: int, depth: int, heads: int, scale: float | None
    ) -> None:
        super().__init__()
        if side % (stages.reduction * grid):
            raise ValueError(f"side {side} after a reduction by {stages.reduction} makes no {grid} x {grid} tokens.")
        self.stages, self.grid = stages, grid
        # On a grid of 1 this is a linear layer of all that the convolutions give.
        reach = side // stages.reduction // grid
        self.embedding = nn.Conv2d(stages.channels, width, reach, reach)
        self.class_token = nn.Parameter(torch.randn(width) * 0.02)
        # A position a token. The published code has one a place in the batch, so that a score depends on its company.
        self.positions = nn.Parameter(torch.randn(1 + grid**2, width) * 0.02)
        self.transformer = Transformer(width, depth, heads, is_clip=False, scale=scale)
        self.norm = nn.LayerNorm(width)

    def forward(self, picture: Tensor) -> Tensor:
        """Return tokens ``(B, 1 + G G, W)`` of pictures ``(B, 3, S, S)``: class token first, then row by row."""
        places = self.embedding(self.stages(picture)).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(places), 1, -1), places], dim=1) + self.positions
        normed: Tensor = self.norm(self.transformer(tokens))
        return normed
