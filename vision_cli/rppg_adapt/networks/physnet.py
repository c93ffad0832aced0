"""PhysNet: a 3D convolutional encoder and decoder that predict a pulse wave from a clip.

Source: Z. Yu, X. Li and G. Zhao, "Remote photoplethysmograph signal measurement from facial videos using
spatio-temporal networks", BMVC 2019 (arXiv:1905.02419). Layers have the names of rPPG-Toolbox, so that its weight files
load.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from vision_cli.rppg_adapt.networks.inputs import pad_frames


class PhysNet(nn.Module):
    """PhysNet.

    Parameters
    ----------
    widths
        Channels after the first, the second and all other blocks.
    """

    def __init__(self, widths: tuple[int, int, int]) -> None:
        super().__init__()
        first, second, rest = widths
        self.ConvBlock1 = _convolution(3, first, (1, 5, 5), (0, 2, 2))
        self.ConvBlock2 = _convolution(first, second)
        self.ConvBlock3 = _convolution(second, rest)
        self.ConvBlock4 = _convolution(rest, rest)
        self.ConvBlock5 = _convolution(rest, rest)
        self.ConvBlock6 = _convolution(rest, rest)
        self.ConvBlock7 = _convolution(rest, rest)
        self.ConvBlock8 = _convolution(rest, rest)
        self.ConvBlock9 = _convolution(rest, rest)
        self.upsample = _temporal_upsampling(rest)
        self.upsample2 = _temporal_upsampling(rest)
        self.ConvBlock10 = nn.Conv3d(rest, 1, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Return waves ``(B, T)`` of normalised clips ``(B, 3, T, S, S)``; T of any length, S of 16 or more."""
        x, frames = pad_frames(clips)
        x = functional.max_pool3d(self.ConvBlock1(x), (1, 2, 2))
        x = functional.max_pool3d(self.ConvBlock3(self.ConvBlock2(x)), 2)
        x = functional.max_pool3d(self.ConvBlock5(self.ConvBlock4(x)), 2)
        x = functional.max_pool3d(self.ConvBlock7(self.ConvBlock6(x)), (1, 2, 2))
        x = self.upsample2(self.upsample(self.ConvBlock9(self.ConvBlock8(x))))
        wave: Tensor = self.ConvBlock10(x.mean((3, 4), keepdim=True))
        return wave[:, 0, :frames, 0, 0]


def _convolution(
    inputs: int, outputs: int, kernel: tuple[int, int, int] = (3, 3, 3), padding: tuple[int, int, int] = (1, 1, 1)
) -> nn.Sequential:
    return nn.Sequential(nn.Conv3d(inputs, outputs, kernel, padding=padding), nn.BatchNorm3d(outputs), nn.ReLU(True))


def _temporal_upsampling(width: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose3d(width, width, (4, 1, 1), stride=(2, 1, 1), padding=(1, 0, 0)),
        nn.BatchNorm3d(width),
        nn.ELU(),
    )
