"""RUAS: unrolled Retinex with searched cells (Liu et al., CVPR 2021).

Three illumination modules (IEM) estimate the illumination one after the other, each with its own cell of operations
that were found by search; a noise-removal module (NRM) may follow. The two searched cells are written down here as
the published checkpoints have them.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Operation = Literal["skip", "conv1", "conv3", "residual1", "residual3-dilated"]

ILLUMINATION_CELL: tuple[Operation, ...] = (
    "skip",
    "residual1",
    "residual3-dilated",
    "conv3",
    "conv3",
    "skip",
    "conv3",
)
NOISE_CELL: tuple[Operation, ...] = (
    "residual1",
    "residual1",
    "residual3-dilated",
    "skip",
    "residual1",
    "residual1",
    "skip",
)


class _Convolution(nn.Module):
    """A convolution that keeps the size, with the input added if it is residual."""

    def __init__(self, channels: int, kernel: int, dilation: int, *, residual: bool) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, kernel, padding=(kernel - 1) // 2 * dilation, dilation=dilation)
        self.residual = residual

    def forward(self, features: Tensor) -> Tensor:
        filtered: Tensor = self.op(features)
        return filtered + features if self.residual else filtered


def _operation(kind: Operation, channels: int) -> nn.Module:
    if kind == "skip":
        return nn.Identity()
    return _Convolution(
        channels,
        kernel=1 if kind.endswith("1") else 3,
        dilation=2 if kind.endswith("dilated") else 1,
        residual=kind.startswith("residual"),
    )


class Cell(nn.Module):
    """A searched cell: a chain of three residual steps, each of which also gives a distilled branch (Fig. 3).

    Parameters
    ----------
    channels
        Of its input and output.
    operations
        Of the branches and steps: distilled and remaining of the first three, then the last.
    """

    def __init__(self, channels: int, operations: tuple[Operation, ...]) -> None:
        super().__init__()
        self.c1_d, self.c1_r, self.c2_d, self.c2_r, self.c3_d, self.c3_r, self.c4 = (
            _operation(kind, channels) for kind in operations
        )
        self.c5 = nn.Conv2d(4 * channels, channels, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Return ``(B, channels, H, W)``."""
        branches = []
        for distil, remain in ((self.c1_d, self.c1_r), (self.c2_d, self.c2_r), (self.c3_d, self.c3_r)):
            branches.append(_leaky(distil(features)))
            features = _leaky(remain(features) + features)
        branches.append(_leaky(self.c4(features)))
        fused: Tensor = self.c5(torch.cat(branches, dim=1))
        return fused


class IlluminationModule(nn.Module):
    """One unrolled step: a warm start, a cell, and a division by the illumination (eqs. 3 and 4)."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell(3, ILLUMINATION_CELL)

    def forward(self, picture: Tensor, enhanced: Tensor | None) -> Tensor:
        """Return the next enhanced picture, ``(B, 3, H, W)`` within [0, 1]; ``enhanced`` is None in the first step."""
        start = _local_maximum(picture if enhanced is None else enhanced)
        if enhanced is not None:
            start = start - 0.5 * (enhanced - picture)
        illumination = self.cell(start).sigmoid().clamp(0.001, 1)
        return torch.clamp(picture / illumination, 0, 1)


class _Illumination(nn.Module):
    def __init__(self, steps: int) -> None:
        super().__init__()
        self.iems = nn.ModuleList(IlluminationModule() for _ in range(steps))

    def forward(self, picture: Tensor) -> Tensor:
        enhanced: Tensor | None = None
        for module in self.iems:
            enhanced = module(picture, enhanced)
        assert enhanced is not None
        return enhanced


class NoiseRemoval(nn.Module):
    """Cells that estimate the noise, which is subtracted.

    Parameters
    ----------
    steps
        Cells in a row.
    width
        Channels.
    """

    def __init__(self, steps: int = 3, width: int = 6) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        self.nrms = nn.ModuleList(Cell(width, NOISE_CELL) for _ in range(steps))
        self.activate = nn.Sequential(nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, picture: Tensor) -> Tensor:
        """Return the picture without its noise, ``(B, 3, H, W)``; not clamped."""
        features = self.stem(picture)
        for cell in self.nrms:
            features = cell(features)
        noise: Tensor = self.activate(features)
        return picture - noise


class RUAS(nn.Module):
    """Illumination and noise removal, under the names of the official checkpoints.

    Parameters
    ----------
    steps
        Illumination modules in a row.
    denoise
        Whether the noise removal is used: the authors do so for LOL alone.
    """

    def __init__(self, steps: int = 3, *, denoise: bool = False) -> None:
        super().__init__()
        self.denoise = denoise
        self.enhance_net = _Illumination(steps)
        self.denoise_net = NoiseRemoval()

    def forward(self, picture: Tensor) -> Tensor:
        """Return the enhanced picture, ``(B, 3, H, W)``; within [0, 1] without noise removal."""
        enhanced: Tensor = self.enhance_net(picture)
        if self.denoise:
            enhanced = self.denoise_net(enhanced)
        return enhanced


def ruas(*, denoise: bool = False) -> RUAS:
    """Return the published network, 3,438 parameters."""
    return RUAS(denoise=denoise)


def _leaky(features: Tensor) -> Tensor:
    return F.leaky_relu(features, 0.05)


def _local_maximum(picture: Tensor) -> Tensor:
    """Maximum of a pixel, its neighbours to the right and below, and the one between; 0 beyond the border."""
    padded = F.pad(picture, (0, 1, 0, 1))
    rows = torch.maximum(padded[:, :, :-1], padded[:, :, 1:])
    return torch.maximum(rows[..., :-1], rows[..., 1:])
