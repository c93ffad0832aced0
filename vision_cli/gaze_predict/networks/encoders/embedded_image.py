"""The small encoder of films: convolutions on grey values and coordinates."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from vision_cli.gaze_predict.networks.layers import ConvBlock, with_coordinates

Taps = tuple[Tensor, Tensor, Tensor]
"""Maps of strides 4, 8 and 16."""


class EmbeddedImageEncoder(nn.Module):
    """Five stages of convolutions; maps of strides 4, 8 and 16.

    Two coordinate channels beside the grey values let the encoder tell the sides of the chest apart.

    Parameters
    ----------
    widths
        Channels of the stages, whose strides are 2, 4, 8, 16 and 16.
    """

    def __init__(self, widths: Sequence[int] = (16, 32, 64, 96, 128)) -> None:
        super().__init__()
        first, second, third, fourth, fifth = widths
        self.channels = (second, third, fifth)
        self.stem = ConvBlock(3, first, 2)
        self.stage4 = nn.Sequential(ConvBlock(first, second, 2), ConvBlock(second, second))
        self.stage8 = nn.Sequential(ConvBlock(second, third, 2), ConvBlock(third, third))
        self.stage16 = nn.Sequential(ConvBlock(third, fourth, 2), ConvBlock(fourth, fifth))

    def forward(self, films: Tensor) -> Taps:
        """Return ``(B, C, h, w)`` at three strides of films ``(B, 1, H, W)`` of any level and contrast."""
        mean = films.mean((1, 2, 3), keepdim=True)
        spread = films.std((1, 2, 3), keepdim=True)
        fine: Tensor = self.stage4(self.stem(with_coordinates((films - mean) / (spread + 1e-3))))
        middle: Tensor = self.stage8(fine)
        coarse: Tensor = self.stage16(middle)
        return fine, middle, coarse
