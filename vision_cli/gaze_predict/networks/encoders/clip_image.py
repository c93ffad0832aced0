"""CLIP's modified ResNet-50 (Radford et al., arXiv:2103.00020, section 2.4), under the names of OpenAI's files.

It differs from ResNet-50 in a stem of three convolutions, in average pooling before each 1×1 convolution that would
have a stride, and in attention in the place of the last pooling. GEM reads the maps of the first three stages; the
fourth and the attention are not built.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from vision_cli.gaze_predict.networks.encoders.embedded_image import Taps

_EXPANSION = 4
# Means and standard deviations of the channels that CLIP was trained with.
_MEAN, _SPREAD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class ClipResNet(nn.Module):
    """CLIP's RN50 up to its third stage: maps of strides 4, 8 and 16.

    Parameters
    ----------
    blocks
        Of the three stages.
    width
        Channels of the stem; a stage has 4, 8 and 16 times as many.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, blocks: Sequence[int] = (3, 4, 6), width: int = 64) -> None:
        super().__init__()
        self.channels = (width * _EXPANSION, 2 * width * _EXPANSION, 4 * width * _EXPANSION)
        self.conv1 = nn.Conv2d(3, width // 2, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, 1, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(2)
        self.layer1 = _stage(width, width, blocks[0], 1)
        self.layer2 = _stage(self.channels[0], 2 * width, blocks[1], 2)
        self.layer3 = _stage(self.channels[1], 4 * width, blocks[2], 2)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(_SPREAD).view(1, 3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> ClipResNet:
        """Set the mode; the normalisations keep the statistics of CLIP's batches, which small batches would spoil."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, films: Tensor) -> Taps:
        """Return ``(B, C, h, w)`` at three strides of films ``(B, 1, H, W)``, 0 to 1."""
        x = (films.expand(-1, 3, -1, -1) - self.mean) / self.spread
        for convolution, norm in ((self.conv1, self.bn1), (self.conv2, self.bn2), (self.conv3, self.bn3)):
            x = norm(convolution(x)).relu()
        fine: Tensor = self.layer1(self.pool(x))
        middle: Tensor = self.layer2(fine)
        coarse: Tensor = self.layer3(middle)
        return fine, middle, coarse


class _Bottleneck(nn.Module):
    """Convolutions 1×1, 3×3 and 1×1, with pooling before the last where there is a stride."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.pool = nn.AvgPool2d(stride) if stride > 1 else nn.Identity()
        self.downsample = None
        if stride > 1 or inputs != outputs:
            # OpenAI's files number the pooling, which has no weights, -1.
            layers: list[tuple[str, nn.Module]] = [
                ("-1", nn.AvgPool2d(stride)),
                ("0", nn.Conv2d(inputs, outputs, 1, bias=False)),
                ("1", nn.BatchNorm2d(outputs)),
            ]
            self.downsample = nn.Sequential(OrderedDict(layers))

    def forward(self, maps: Tensor) -> Tensor:
        x = self.bn1(self.conv1(maps)).relu()
        x = self.bn2(self.conv2(x)).relu()
        x = self.bn3(self.conv3(self.pool(x)))
        added: Tensor = x + (maps if self.downsample is None else self.downsample(maps))
        return added.relu()


def _stage(inputs: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (_Bottleneck(width * _EXPANSION, width, 1) for _ in range(blocks - 1))
    return nn.Sequential(_Bottleneck(inputs, width, stride), *rest)
