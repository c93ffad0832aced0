"""A zero-reference curve network after Zero-DCE++ (Li, Guo and Loy, TPAMI 2022, section 3).

The curves are estimated on a small copy of the picture whose short side is the same for every picture, a quarter of 256
pixels, so that the network sees as much of a large picture as of a small one; they are then enlarged. All paddings
repeat the border: zeros would darken what is near it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

GUIDE = 64
"""Short side in pixels of the copy that the curves are estimated on; smaller pictures are taken as they are."""

ROUNDS = 8
"""How often the curve is applied (Zero-DCE, section 3.1)."""


class SeparableConv(nn.Module):
    """A depthwise 3×3 and a pointwise convolution: ``(B, inputs, H, W)`` -> ``(B, outputs, H, W)``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, padding_mode="replicate", groups=inputs)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)
        # PyTorch's own start divides the spread by about 1.7 a convolution: after fourteen of them nothing is left of
        # the picture, and hundreds of steps pass before curves depend on it.
        nn.init.normal_(self.depthwise.weight, std=1 / 3)
        nn.init.kaiming_normal_(self.pointwise.weight, nonlinearity="relu")
        for convolution in (self.depthwise, self.pointwise):
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor) -> Tensor:
        """Return the filtered features."""
        filtered: Tensor = self.pointwise(self.depthwise(features))
        return filtered


class CurveNet(nn.Module):
    """The network: seven separable convolutions with symmetric skip connections, one curve map a colour.

    Parameters
    ----------
    width
        Channels of the hidden layers.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.first = SeparableConv(3, width)
        self.second = SeparableConv(width, width)
        self.third = SeparableConv(width, width)
        self.fourth = SeparableConv(width, width)
        self.fifth = SeparableConv(2 * width, width)
        self.sixth = SeparableConv(2 * width, width)
        self.last = SeparableConv(2 * width, 3)
        # The first curves are nearly straight.
        with torch.no_grad():
            self.last.pointwise.weight.mul_(0.1)

    def curves(self, guide: Tensor) -> Tensor:
        """Return the curve map ``(B, 3, h, w)`` within [-1, 1] of a small copy ``(B, 3, h, w)``."""
        first = F.relu(self.first(guide))
        second = F.relu(self.second(first))
        third = F.relu(self.third(second))
        fourth = F.relu(self.fourth(third))
        fifth = F.relu(self.fifth(torch.cat([third, fourth], 1)))
        sixth = F.relu(self.sixth(torch.cat([second, fifth], 1)))
        return torch.tanh(self.last(torch.cat([first, sixth], 1)))

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return enhanced pictures ``(B, 3, H, W)`` of pictures like them, within [0, 1], and the curve maps."""
        maps = self.curves(shrink(pictures))
        return apply_curves(pictures, maps), maps


def shrink(pictures: Tensor) -> Tensor:
    """Return the small copies that curves are estimated on, their short side `GUIDE`."""
    height, width = pictures.shape[-2:]
    scale = max(min(height, width) / GUIDE, 1)
    size = [round(height / scale), round(width / scale)]
    return F.interpolate(pictures, size=size, mode="area")


def apply_curves(pictures: Tensor, maps: Tensor) -> Tensor:
    """Return pictures under the quadratic curves of maps ``(B, 3, h, w)``, enlarged to them (Zero-DCE, eq. 3)."""
    strength = F.interpolate(maps, size=pictures.shape[-2:], mode="bilinear", align_corners=False)
    for _ in range(ROUNDS):
        pictures = pictures + strength * (pictures**2 - pictures)
    return pictures


def build_curve_net() -> CurveNet:
    """Return the curve network of the shipped weights, 10 561 parameters."""
    return CurveNet()
