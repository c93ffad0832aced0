"""Zero-DCE++: Zero-DCE with separable convolutions, one shared map and a reduced input (Li et al., TPAMI 2022).

The network sees the picture reduced by ``scale``; its one map of three channels is enlarged and used in all eight
iterations (Sec. 3.4). The authors' test program crops pictures to multiples of the scale; here they are padded by
repeating the border, and the padding is cut off again.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vision_cli.enhance_eval.networks.zero_dce import apply_curves

_ROWS = 64


class SeparableConv(nn.Module):
    """A convolution a channel, then one over channels; ``(B, ins, H, W)`` to ``(B, outs, H, W)``."""

    def __init__(self, ins: int, outs: int) -> None:
        super().__init__()
        self.depth_conv = nn.Conv2d(ins, ins, 3, padding=1, groups=ins)
        self.point_conv = nn.Conv2d(ins, outs, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(B, outs, H, W)``."""
        filtered: Tensor = self.point_conv(self.depth_conv(features))
        return filtered


class ZeroDCEPlusPlus(nn.Module):
    """Seven separable convolutions with skip connections (names of the official checkpoint).

    Parameters
    ----------
    width
        Channels of the hidden layers.
    iterations
        How often the one curve is applied.
    scale
        How much smaller than the picture the network's input is.
    """

    def __init__(self, width: int = 32, iterations: int = 8, scale: int = 12) -> None:
        super().__init__()
        self.iterations, self.scale = iterations, scale
        self.e_conv1 = SeparableConv(3, width)
        self.e_conv2 = SeparableConv(width, width)
        self.e_conv3 = SeparableConv(width, width)
        self.e_conv4 = SeparableConv(width, width)
        self.e_conv5 = SeparableConv(2 * width, width)
        self.e_conv6 = SeparableConv(2 * width, width)
        self.e_conv7 = SeparableConv(2 * width, 3)

    def curve_map(self, picture: Tensor) -> Tensor:
        """Return ``(B, 3, H, W)`` in [-1, 1] for ``H`` and ``W`` that are multiples of the scale."""
        reduced = picture
        if self.scale > 1:
            reduced = F.interpolate(picture, scale_factor=1 / self.scale, mode="bilinear", align_corners=False)
        first = self.e_conv1(reduced).relu()
        second = self.e_conv2(first).relu()
        third = self.e_conv3(second).relu()
        fourth = self.e_conv4(third).relu()
        fifth = self.e_conv5(torch.cat([third, fourth], dim=1)).relu()
        sixth = self.e_conv6(torch.cat([second, fifth], dim=1)).relu()
        maps: Tensor = self.e_conv7(torch.cat([first, sixth], dim=1)).tanh()
        if self.scale == 1:
            return maps
        # Corners on corners, unlike the reduction: so the published program has it.
        return F.interpolate(maps, size=picture.shape[-2:], mode="bilinear", align_corners=True)

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)`` of any size."""
        height, width = picture.shape[-2:]
        below, right = -height % self.scale, -width % self.scale
        maps = self.curve_map(F.pad(picture, (0, right, 0, below), mode="replicate"))[..., :height, :width]
        if torch.is_grad_enabled():
            return self._curved(picture, maps)
        # Some rows at a time: what lies between the iterations would take more memory than all the rest.
        enhanced = torch.empty_like(picture)
        for start in range(0, height, _ROWS):
            rows = slice(start, start + _ROWS)
            enhanced[:, :, rows] = self._curved(picture[:, :, rows], maps[:, :, rows])
        return enhanced

    def _curved(self, picture: Tensor, curve: Tensor) -> Tensor:
        for _ in range(self.iterations):
            picture = apply_curves(picture, curve)
        return picture


def zero_dce_pp(scale: int = 12) -> ZeroDCEPlusPlus:
    """Return the published network, 10,561 parameters."""
    return ZeroDCEPlusPlus(scale=scale)
