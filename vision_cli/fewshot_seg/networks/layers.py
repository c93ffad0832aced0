"""Small layers that several parts use."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of each pixel: ``(N, C, h, w)`` -> ``(N, C, h, w)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, features: Tensor) -> Tensor:
        """Return the normalised features."""
        normed: Tensor = self.norm(features.permute(0, 2, 3, 1))
        return normed.permute(0, 3, 1, 2)


class ConvBlock(nn.Sequential):
    """A 3×3 convolution, group normalisation, GELU: ``(N, inputs, h, w)`` -> ``(N, outputs, h/stride, w/stride)``."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(_groups(outputs), outputs), nn.GELU()
        )


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return a perceptron with one hidden layer: ``(..., inputs)`` -> ``(..., outputs)``."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def zeros_(layer: nn.Conv2d | nn.Linear) -> None:
    """Set weight and bias of a layer to zero: what it adds is nothing until it is trained."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def to_size(maps: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """Return maps ``(N, C, h, w)`` at another size: means where it shrinks, bilinear where it grows."""
    size = size[0], size[1]
    if maps.shape[-2:] == size:
        return maps
    if maps.shape[-1] >= size[1]:
        return F.adaptive_avg_pool2d(maps, size)
    return F.interpolate(maps, size=size, mode="bilinear", align_corners=False)


def _groups(channels: int) -> int:
    return next(groups for groups in (8, 4, 2, 1) if channels % groups == 0)
