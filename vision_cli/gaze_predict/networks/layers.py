"""Small layers that several parts use.

Positions are in the unit frame of the film, at the centres of the cells: a network that is trained on small films works
on larger ones.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """A 3×3 convolution, group normalisation, GELU: ``(B, inputs, h, w)`` -> ``(B, outputs, h/stride, w/stride)``."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.GroupNorm(groups(outputs), outputs), nn.GELU()
        )


class PointwiseBlock(nn.Sequential):
    """A 1×1 convolution, group normalisation, GELU: ``(B, inputs, h, w)`` -> ``(B, outputs, h, w)``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.Conv2d(inputs, outputs, 1, bias=False), nn.GroupNorm(groups(outputs), outputs), nn.GELU())


def groups(channels: int) -> int:
    """Return the number of groups of a group normalisation, the greatest of 8, 4, 2 and 1 that divides."""
    return next(count for count in (8, 4, 2, 1) if channels % count == 0)


def two_layers(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """Return a perceptron with one hidden layer: ``(..., inputs)`` -> ``(..., outputs)``."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.GELU(), nn.Linear(hidden, outputs))


def cell_centres(height: int, width: int, like: Tensor) -> Tensor:
    """Return x and y of the cells of a grid in the unit frame, ``(height, width, 2)``, dtype and device as another."""
    rows = (torch.arange(height, dtype=like.dtype, device=like.device) + 0.5) / height
    columns = (torch.arange(width, dtype=like.dtype, device=like.device) + 0.5) / width
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack([x, y], -1)


def with_coordinates(maps: Tensor) -> Tensor:
    """Return maps ``(B, C, h, w)`` with two more channels: x and y from -1 to 1 (CoordConv, arXiv:1807.03247)."""
    count, _, height, width = maps.shape
    centres = 2 * cell_centres(height, width, maps) - 1
    return torch.cat([maps, centres.permute(2, 0, 1).expand(count, -1, -1, -1)], 1)


def sine_positions(height: int, width: int, channels: int, like: Tensor) -> Tensor:
    """Return sines and cosines of the places of a grid, ``(height * width, channels)`` (DETR, arXiv:2005.12872).

    Half of the channels are of y and half of x, with wavelengths from 2 down to 2/64 of the film in equal ratios: a
    wavelength shorter than two cells of the grids in use would tell nothing.

    Parameters
    ----------
    height, width
        Of the grid.
    channels
        A multiple of 4.
    like
        Gives dtype and device.
    """
    quarter = channels // 4
    octaves = torch.linspace(0, 6, quarter, dtype=like.dtype, device=like.device)
    angles = cell_centres(height, width, like)[..., None] * (math.pi * 2**octaves)
    waves = torch.cat([angles.sin(), angles.cos()], -1)
    return torch.cat([waves[..., 1, :], waves[..., 0, :]], -1).flatten(0, 1)
