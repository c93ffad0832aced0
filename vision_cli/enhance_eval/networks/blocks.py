"""Convolutions that the built-in recognition networks share."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F


class ConvBlock(nn.Sequential):
    """A 3×3 convolution, batch normalisation, ReLU: ``(B, inputs, H, W)`` -> ``(B, outputs, ceil(H/stride), ...)``."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
        )


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions beside an identity (He et al., CVPR 2016, fig. 2): ``(B, C, H, W)`` -> the same shape."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvBlock(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, features: Tensor) -> Tensor:
        """Return the features plus what the two convolutions make of them."""
        return F.relu(features + self.second(self.first(features)))


def centred(pictures: Tensor) -> Tensor:
    """Return sRGB values within [0, 1] moved and scaled to about zero mean and unit spread."""
    return (pictures - 0.45) / 0.25
