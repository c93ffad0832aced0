"""Zero-DCE: a network that estimates light-enhancement curves (Guo et al., CVPR 2020).

The curve is ``LE(x) = x + A * (x**2 - x)``, applied eight times with a map ``A`` a pixel, channel and iteration (eqs. 2
to 4); the published checkpoints were trained with the sign as written here, which brightens where ``A`` is negative.
Pictures are ``(B, 3, H, W)`` in [0, 1] and stay there, because ``A`` is within [-1, 1].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def apply_curves(picture: Tensor, maps: Tensor) -> Tensor:
    """Apply one curve after the other.

    Parameters
    ----------
    picture
        ``(B, 3, H, W)``.
    maps
        ``(B, 3 * iterations, H, W)``, three channels an iteration.
    """
    for curve in maps.split(3, dim=1):
        picture = picture + curve * (picture**2 - picture)
    return picture


class ZeroDCE(nn.Module):
    """Seven convolutions with symmetric skip connections (Fig. 2; names of the official checkpoint).

    Parameters
    ----------
    width
        Channels of the hidden layers.
    iterations
        Curves applied one after the other.
    """

    def __init__(self, width: int = 32, iterations: int = 8) -> None:
        super().__init__()
        self.e_conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.e_conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv4 = nn.Conv2d(width, width, 3, padding=1)
        self.e_conv5 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.e_conv6 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.e_conv7 = nn.Conv2d(2 * width, 3 * iterations, 3, padding=1)

    def curve_maps(self, picture: Tensor) -> Tensor:
        """Return ``(B, 3 * iterations, H, W)`` in [-1, 1]."""
        first = self.e_conv1(picture).relu()
        second = self.e_conv2(first).relu()
        third = self.e_conv3(second).relu()
        fourth = self.e_conv4(third).relu()
        fifth = self.e_conv5(torch.cat([third, fourth], dim=1)).relu()
        sixth = self.e_conv6(torch.cat([second, fifth], dim=1)).relu()
        maps: Tensor = self.e_conv7(torch.cat([first, sixth], dim=1)).tanh()
        return maps

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)``."""
        return apply_curves(picture, self.curve_maps(picture))


def zero_dce() -> ZeroDCE:
    """Return the published network, 79,416 parameters."""
    return ZeroDCE()
