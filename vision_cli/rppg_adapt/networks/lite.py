"""LiteNet: a small network of this project with PhysNet's inputs and outputs; no part of a paper."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.rppg_adapt.networks.inputs import pad_frames

_EPSILON = 1e-3
_OPPONENT = ((0.577, 0.577, 0.577), (0.0, 0.707, -0.707), (-0.816, 0.408, 0.408))
"""Rows: brightness, and two orthogonal directions of the plane orthogonal to it."""


class LiteNet(nn.Module):
    """A small network with spatial attention and dilated convolutions over time.

    Brightness and chrominance are separated first (`opponent_colours`). The encoder works at a quarter of PhysNet's
    rows and columns and half its frames. Learned attention weights average the places of the face, several times with
    different weights, because some places show the pulse and others the disturbances. Dilated convolutions over time
    have a receptive field of eight seconds, which is several beats.

    Parameters
    ----------
    widths
        Channels of the three stages of the encoder.
    width_in_time
        Channels of the convolutions over time.
    dilations
        Dilations of the residual blocks over time.
    heads
        Number of attention maps.
    """

    def __init__(self, widths: tuple[int, int, int], width_in_time: int, dilations: Sequence[int], heads: int) -> None:
        super().__init__()
        first, second, third = widths
        self.encoder = nn.Sequential(
            _convolution(3, first, (1, 3, 3)),
            _convolution(first, second, (3, 3, 3)),
            nn.AvgPool3d((2, 2, 2)),
            _convolution(second, third, (3, 3, 3)),
            _convolution(third, third, (1, 3, 3)),
        )
        self.attention = nn.Conv3d(third, heads, 1)
        self.mixer = nn.Sequential(
            nn.Conv1d(heads * third, width_in_time, 1),
            *(_ResidualBlock(width_in_time, dilation) for dilation in dilations),
        )
        self.decoder = nn.Sequential(
            nn.Conv1d(width_in_time, third, 3, padding=1, bias=False),
            nn.BatchNorm1d(third),
            nn.ELU(),
            nn.Conv1d(third, 1, 1),
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Return waves ``(B, T)`` of normalised clips ``(B, 3, T, S, S)``; T of any length, S of 8 or more."""
        x, frames = pad_frames(functional.avg_pool3d(clips, (1, 2, 2)))
        x = self.encoder(opponent_colours(x))
        # Attention is constant in time: weights that change would add a signal of their own.
        attention = self.attention(x).mean(2).flatten(2).softmax(-1)
        x = torch.einsum("bcts,bhs->bhct", x.flatten(3), attention).flatten(1, 2)
        x = self.mixer(_unit_variance(x - x.mean(-1, keepdim=True), (1, 2)))
        x = functional.interpolate(x, scale_factor=2.0, mode="linear", align_corners=False)
        wave: Tensor = self.decoder(x)
        return wave[:, 0, :frames]


class _ResidualBlock(nn.Module):
    """Two convolutions over time and a skip connection."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ELU(),
            nn.Conv1d(width, width, 1, bias=False),
            nn.BatchNorm1d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features ``(B, C, T)`` of features ``(B, C, T)``."""
        out: Tensor = x + self.path(x)
        return out


def opponent_colours(clips: Tensor) -> Tensor:
    """Return brightness and two chrominance channels ``(B, 3, T, S, S)`` of normalised clips ``(B, 3, T, S, S)``.

    The chrominance channels span the plane orthogonal to white, as in POS (W. Wang et al., IEEE TBME 2017, eq. 24-25).
    Each channel is divided by its own standard deviation over the clip: a moving shadow changes the brightness a
    hundred times as much as the pulse, but hardly changes the chrominance.
    """
    channels = torch.einsum("oc,bcthw->bothw", torch.tensor(_OPPONENT, device=clips.device, dtype=clips.dtype), clips)
    return _unit_variance(channels, (2, 3, 4))


def _unit_variance(x: Tensor, axes: tuple[int, ...]) -> Tensor:
    return x / x.std(axes, keepdim=True).clamp_min(_EPSILON)


def _convolution(inputs: int, outputs: int, kernel: tuple[int, int, int]) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(
        nn.Conv3d(inputs, outputs, kernel, padding=padding, bias=False), nn.BatchNorm3d(outputs), nn.ELU()
    )
