"""The shallow branch: edges that a transformer's patches lose, taken at strides 2 and 4.

They join the decoder's upscaled features through a 1×1 convolution that starts at zero, so that an untrained network
decodes as SAM does. The small network has its patches made by the same convolutions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_cli.fewshot_seg.networks.layers import ConvBlock, to_size, zeros_

Maps = tuple[Tensor, Tensor]
"""``(N, S, H/2, W/2)`` and ``(N, S, H/4, W/4)``."""


class ShallowBranch(nn.Module):
    """Two convolutions on the normalised picture.

    Parameters
    ----------
    width
        Channels S of each map.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.width = width
        self.first = ConvBlock(3, width, 2)
        self.second = ConvBlock(width, width, 2)

    def forward(self, images: Tensor) -> Maps:
        """Return the maps of strides 2 and 4 of normalised pictures ``(N, 3, H, W)``."""
        half = self.first(images)
        return half, self.second(half)


class ConvStem(nn.Module):
    """Patches of 8 px made by four convolutions, in the place of SAM's `PatchEmbed`.

    Parameters
    ----------
    channels
        Of a patch.
    width
        Channels of the shallow maps.
    """

    def __init__(self, channels: int, width: int = 32) -> None:
        super().__init__()
        self.shallow = ShallowBranch(width)
        self.eighth = ConvBlock(width, max(width, channels // 2), 2)
        self.last = nn.Conv2d(max(width, channels // 2), channels, 1)

    def forward(self, images: Tensor) -> tuple[Maps, Tensor]:
        """Return the shallow maps and the patches ``(N, H/8, W/8, channels)`` of normalised pictures."""
        maps = self.shallow(images)
        patches: Tensor = self.last(self.eighth(maps[1]))
        return maps, patches.permute(0, 2, 3, 1)


class ShallowJoin(nn.Module):
    """What the shallow maps add to the decoder's upscaled features: nothing until it is trained.

    Parameters
    ----------
    width
        Channels S of each map.
    channels
        Of the upscaled features.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(2 * width, channels, 1)
        zeros_(self.mix)

    def forward(self, maps: Maps, size: torch.Size) -> Tensor:
        """Return ``(N, channels, *size)``."""
        joined: Tensor = self.mix(torch.cat([to_size(level, size) for level in maps], 1))
        return joined
