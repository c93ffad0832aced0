"""SCI: self-calibrated illumination (Ma et al., CVPR 2022).

Training cascades an enhancing block with a calibrating one; at test time the enhancing block alone estimates the
illumination, by which the picture is divided (Sec. 3.1). The calibrating block is here because the checkpoints hold it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def _conv(ins: int, outs: int) -> nn.Conv2d:
    return nn.Conv2d(ins, outs, 3, padding=1)


class Enhance(nn.Module):
    """The enhancing block: a residual on top of the picture is its illumination.

    Parameters
    ----------
    layers
        How often the one inner convolution is applied.
    width
        Channels.
    """

    def __init__(self, layers: int = 1, width: int = 3) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(_conv(3, width), nn.ReLU())
        self.conv = nn.Sequential(_conv(width, width), nn.BatchNorm2d(width), nn.ReLU())
        # The same block each time: the checkpoints list its weights under both names.
        self.blocks = nn.ModuleList([self.conv] * layers)
        self.out_conv = nn.Sequential(_conv(width, 3), nn.Sigmoid())

    def forward(self, picture: Tensor) -> Tensor:
        """Return the illumination, ``(B, 3, H, W)`` within [0.0001, 1]."""
        features = self.in_conv(picture)
        for block in self.blocks:
            features = features + block(features)
        illumination: Tensor = self.out_conv(features) + picture
        return illumination.clamp(0.0001, 1)


class Calibrate(nn.Module):
    """The calibrating block, which brings the stages of the training together.

    Parameters
    ----------
    layers
        How often its one inner pair of convolutions is applied.
    width
        Channels.
    """

    def __init__(self, layers: int = 3, width: int = 16) -> None:
        super().__init__()
        self.in_conv = nn.Sequential(_conv(3, width), nn.BatchNorm2d(width), nn.ReLU())
        self.convs = nn.Sequential(
            _conv(width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            _conv(width, width),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.blocks = nn.ModuleList([self.convs] * layers)
        self.out_conv = nn.Sequential(_conv(width, 3), nn.Sigmoid())

    def forward(self, picture: Tensor) -> Tensor:
        """Return what is added to the picture before the next stage, ``(B, 3, H, W)``."""
        features = self.in_conv(picture)
        for block in self.blocks:
            features = features + block(features)
        calibration: Tensor = self.out_conv(features)
        return picture - calibration


class SCI(nn.Module):
    """Both blocks, under the names of the official checkpoints; only the enhancing one is used."""

    def __init__(self) -> None:
        super().__init__()
        self.enhance = Enhance()
        self.calibrate = Calibrate()

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)`` within [0, 1]."""
        return torch.clamp(picture / self.enhance(picture), 0, 1)


def sci() -> SCI:
    """Return the published network, whose enhancing block has 258 parameters."""
    return SCI()
