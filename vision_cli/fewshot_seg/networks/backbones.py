"""Encoders of pictures behind one interface: SAM's vision transformer, and a convolutional one without it.

The levels that fusion reads are the outputs of some blocks. The blocks are called one by one here instead of hooked, so
that an encoder keeps no state between pictures.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.fewshot_seg.networks.layers import ChannelNorm, ConvBlock, to_size
from vision_cli.fewshot_seg.networks.shallow import ConvStem, Maps, ShallowBranch

MEAN = (123.675, 116.28, 103.53)
"""Mean colour of ImageNet that SAM subtracts, red, green, blue within 0 to 255."""
SPREAD = (58.395, 57.12, 57.375)
"""Standard deviation that it divides by."""


def normalise(images: Tensor) -> Tensor:
    """Return pictures ``(..., 3, H, W)`` of 0 to 255 as an encoder takes them; pad with zeros after, as SAM does."""
    mean, spread = (images.new_tensor(values).view(3, 1, 1) for values in (MEAN, SPREAD))
    return (images - mean) / spread


@dataclass(frozen=True)
class Features:
    """What a backbone makes of N pictures.

    Attributes
    ----------
    embedding
        ``(N, D, h, w)``, what SAM's decoder reads.
    taps
        Levels for the fusion, from the lowest, each ``(N, C, h, w)``.
    shallow
        Maps of strides 2 and 4, where the backbone makes them.
    """

    embedding: Tensor
    taps: tuple[Tensor, ...]
    shallow: Maps | None


class Backbone(nn.Module, ABC):
    """An encoder.

    Attributes
    ----------
    channels
        D, of the embedding.
    tap_channels
        Of each level.
    shallow_width
        Channels of each shallow map; None for an encoder that makes none.
    image_size
        Side of the pictures that it was made for, px; others are taken, with its position tables resized.
    stride
        Pixels of a picture to one of the embedding.
    """

    channels: int
    tap_channels: tuple[int, ...]
    shallow_width: int | None
    image_size: int
    stride: int

    @abstractmethod
    def forward(self, images: Tensor) -> Features:
        """Return the features of normalised pictures ``(N, 3, H, W)``; the sides are multiples of the stride."""


class VitBackbone(Backbone):
    """SAM's `ImageEncoderViT`, its blocks tapped.

    Parameters
    ----------
    vit
        The encoder; its ``patch_embed`` may be a `ConvStem`, whose maps become the lowest level.
    taps
        Blocks whose outputs are levels.
    channels
        Of its neck.
    """

    def __init__(self, vit: nn.Module, taps: Sequence[int], channels: int) -> None:
        super().__init__()
        self.vit = vit
        self.taps = tuple(taps)
        self.channels = channels
        self.image_size = int(vit.img_size)  # type: ignore[arg-type]
        positions: Tensor = vit.pos_embed  # type: ignore[assignment]
        width, self.stride = positions.shape[-1], self.image_size // positions.shape[1]
        stem = vit.patch_embed
        self.shallow_width = stem.shallow.width if isinstance(stem, ConvStem) else None
        lowest = () if self.shallow_width is None else (2 * self.shallow_width,)
        self.tap_channels = lowest + (width,) * len(self.taps)

    def forward(self, images: Tensor) -> Features:
        """Return the features of normalised pictures ``(N, 3, H, W)``."""
        shallow: Maps | None = None
        if isinstance(self.vit.patch_embed, ConvStem):
            shallow, tokens = self.vit.patch_embed(images)
        else:
            tokens = self.vit.patch_embed(images)  # type: ignore[operator]
        size = tokens.shape[1:3]
        tokens = tokens + self._positions(size)
        taps = [] if shallow is None else [torch.cat([to_size(level, size) for level in shallow], 1)]
        for number, block in enumerate(self.vit.blocks):  # type: ignore[arg-type]
            tokens = block(tokens)
            if number in self.taps:
                taps.append(tokens.permute(0, 3, 1, 2))
        embedding = self.vit.neck(tokens.permute(0, 3, 1, 2))  # type: ignore[operator]
        return Features(embedding, tuple(taps), shallow)

    def _positions(self, size: torch.Size) -> Tensor:
        """Return the position table ``(1, h, w, C)`` at a size."""
        table: Tensor = self.vit.pos_embed  # type: ignore[assignment]
        if table.shape[1:3] == size:
            return table
        resized = F.interpolate(table.permute(0, 3, 1, 2), size=tuple(size), mode="bicubic", align_corners=False)
        return resized.permute(0, 2, 3, 1)


class ConvBackbone(Backbone):
    """Convolutions alone: the same interface at a fraction of the time.

    Parameters
    ----------
    channels
        Of the embedding.
    widths
        Of the shallow maps, of stride 8 and of stride 16.
    image_size
        Side of the pictures in training, px.
    """

    def __init__(self, channels: int, widths: tuple[int, int, int] = (32, 96, 128), image_size: int = 256) -> None:
        super().__init__()
        shallow, eighth, sixteenth = widths
        self.channels, self.image_size, self.stride, self.shallow_width = channels, image_size, 8, shallow
        self.tap_channels = (2 * shallow, eighth, sixteenth)
        self.stem = ShallowBranch(shallow)
        self.eighth = nn.Sequential(ConvBlock(shallow, eighth, 2), ConvBlock(eighth, eighth))
        self.sixteenth = nn.Sequential(ConvBlock(eighth, sixteenth, 2), ConvBlock(sixteenth, sixteenth))
        self.neck = nn.Sequential(
            nn.Conv2d(eighth + sixteenth, channels, 1, bias=False),
            ChannelNorm(channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            ChannelNorm(channels),
        )

    def forward(self, images: Tensor) -> Features:
        """Return the features of normalised pictures ``(N, 3, H, W)``, H and W multiples of 8."""
        shallow = self.stem(images)
        eighth = self.eighth(shallow[1])
        size = eighth.shape[-2:]
        sixteenth = to_size(self.sixteenth(eighth), size)
        lowest = torch.cat([to_size(level, size) for level in shallow], 1)
        embedding = self.neck(torch.cat([eighth, sixteenth], 1))
        return Features(embedding, (lowest, eighth, sixteenth), shallow)
