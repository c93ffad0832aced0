"""Two trunks from a face to a vector of features, of different make: separable residual blocks, and plain convolutions.

Both take faces of 32 px or more, grey or RGB in 0 to 1, and look at each face with its own mean and contrast taken out.
They keep where on the face something is, as an average over the face would lose which brow moved.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.io.pictures.luma import LUMA

_LEAST_CONTRAST = 1e-2
_GROUP = 8
_GROUP_EPS = 1e-3
"""Of a variance: with the usual 1e-5 the gradient through fourteen norms of a blank face overflows."""

_CELLS = 4
"""Rows and columns of the grid that a face is summed up on."""


def standardise(images: Tensor, channels: int) -> Tensor:
    """Return faces with mean 0 and standard deviation 1 each, in 1 or 3 channels.

    Parameters
    ----------
    images
        ``(B, 1, H, W)`` or ``(B, 3, H, W)``.
    channels
        1 makes grey of RGB by its luma; 3 repeats grey.

    Returns
    -------
    Tensor
        ``(B, channels, H, W)``.
    """
    if channels == 1 and images.shape[1] == 3:
        weights = images.new_tensor(LUMA).view(1, 3, 1, 1)
        images = (images * weights).sum(dim=1, keepdim=True)
    elif channels == 3 and images.shape[1] == 1:
        images = images.expand(-1, 3, -1, -1)
    centred = images - images.mean(dim=(1, 2, 3), keepdim=True)
    variance = centred.square().mean(dim=(1, 2, 3), keepdim=True)
    # A blank face has no contrast: neither its values nor its gradient may become infinite.
    return centred * torch.rsqrt(variance + _LEAST_CONTRAST**2)


class SeparableResidual(nn.Module):
    """Two depthwise-separable convolutions beside a shortcut (Chollet 2017; He et al. 2016), with group norm.

    Parameters
    ----------
    inputs, outputs
        Channels.
    stride
        Of the first convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
            nn.Conv2d(inputs, outputs, 1, bias=False),
            _group_norm(outputs),
            nn.SiLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, groups=outputs, bias=False),
            nn.Conv2d(outputs, outputs, 1, bias=False),
            _group_norm(outputs),
        )
        is_same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if is_same else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return ``(B, outputs, H / stride, W / stride)`` of ``(B, inputs, H, W)``."""
        return F.silu(self.shortcut(maps) + self.body(maps))


class SeparableTrunk(nn.Module):
    """The guide's trunk: a stem and three stages of `SeparableResidual`, each at half the size of the one before.

    Parameters
    ----------
    channels
        Of the faces: 1 or 3.
    widths
        Channels of the three stages.
    depths
        Blocks of the three stages.

    Attributes
    ----------
    width
        Features that it returns.
    """

    def __init__(self, channels: int, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.channels = channels
        self.width = widths[-1]
        self.stem = nn.Sequential(
            nn.Conv2d(channels, widths[0], 5, 2, 2, bias=False), _group_norm(widths[0]), nn.SiLU()
        )
        blocks: list[nn.Module] = []
        before = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for place in range(depth):
                blocks.append(SeparableResidual(before, width, 2 if place == 0 and stage > 0 else 1))
                before = width
        self.blocks = nn.Sequential(*blocks)
        # One weight a cell and channel: where a feature counts is learned.
        self.gather = nn.Conv2d(before, before, _CELLS, groups=before)

    def forward(self, images: Tensor) -> Tensor:
        """Return features ``(B, width)`` of faces ``(B, 1 or 3, H, W)`` in 0 to 1."""
        maps = self.blocks(self.stem(standardise(images, self.channels)))
        return F.silu(self.gather(F.adaptive_avg_pool2d(maps, _CELLS)).flatten(1))


class PlainTrunk(nn.Module):
    """The judge's trunk: plain 3 x 3 convolutions with batch norm and max pooling (Simonyan and Zisserman 2015).

    Parameters
    ----------
    channels
        Of the faces: 1 or 3.
    widths
        Channels of the five convolutions.
    width
        Features that it returns.
    """

    def __init__(self, channels: int, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.channels = channels
        self.width = width
        layers: list[nn.Module] = []
        before = channels
        for place, after in enumerate(widths):
            layers += [nn.Conv2d(before, after, 3, 2 if place == 0 else 1, 1, bias=False), nn.BatchNorm2d(after)]
            layers.append(nn.ReLU(inplace=True))
            if place in {1, 3}:
                layers.append(nn.MaxPool2d(2))
            before = after
        self.layers = nn.Sequential(*layers)
        self.gather = nn.Linear(before * _CELLS * _CELLS, width)

    def forward(self, images: Tensor) -> Tensor:
        """Return features ``(B, width)`` of faces ``(B, 1 or 3, H, W)`` in 0 to 1."""
        maps = self.layers(standardise(images, self.channels))
        return F.relu(self.gather(F.adaptive_avg_pool2d(maps, _CELLS).flatten(1)))


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // _GROUP, channels, eps=_GROUP_EPS)
