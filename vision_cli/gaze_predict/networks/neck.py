"""The neck: the maps of a film and a sentence become one map.

GEM's module is not in its repository; its listed sizes and the recipe of CRIS (arXiv:2111.15174, section 3.2) are
followed. The constructor there lists input channels that the encoder does not return; those of the encoder are taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.encoders.embedded_image import Taps
from vision_cli.gaze_predict.networks.layers import ConvBlock, PointwiseBlock, with_coordinates


class Neck(nn.Module):
    """Merges maps of strides 4, 8 and 16 under a sentence, at stride 8.

    The coarsest map is multiplied by the sentence, brought to the size of the middle one and joined with it, and so is
    the finest; coordinates are added before the last convolution.

    Parameters
    ----------
    channels
        Of the maps, from fine to coarse.
    sentence_width
        Channels of a sentence.
    width
        Channels of the result.
    has_context
        Whether the sentence is multiplied in.
    """

    def __init__(
        self, channels: Sequence[int], sentence_width: int, width: int = 512, *, has_context: bool = True
    ) -> None:
        super().__init__()
        self.width, self.sentence_width = width, sentence_width
        self.project = nn.ModuleList(PointwiseBlock(inputs, width) for inputs in channels)
        self.sentence = nn.Sequential(nn.Linear(sentence_width, width), nn.LayerNorm(width)) if has_context else None
        self.join_middle = PointwiseBlock(2 * width, width)
        self.join_fine = PointwiseBlock(2 * width, width)
        self.last = ConvBlock(width + 2, width)

    def prepare(self, taps: Taps) -> Taps:
        """Return the projected maps ``(B, D, h, w)`` at strides 8, 8 and 16: what no sentence changes."""
        fine, middle, coarse = taps
        pooled = (F.avg_pool2d(fine, 2), middle, coarse)
        fine, middle, coarse = (project(maps) for project, maps in zip(self.project, pooled, strict=True))
        return fine, middle, coarse

    def forward(self, maps: Taps, sentences: Tensor) -> Tensor:
        """Return ``(B, D, h, w)`` of stride 8 of prepared maps and sentences ``(B, E)``."""
        fine, middle, coarse = maps
        if self.sentence is not None:
            coarse = coarse * self.sentence(sentences)[:, :, None, None]
        grown = F.interpolate(coarse, size=middle.shape[-2:], mode="bilinear", align_corners=False)
        joined = self.join_middle(torch.cat([grown, middle], 1))
        joined = self.join_fine(torch.cat([joined, fine], 1))
        merged: Tensor = self.last(with_coordinates(joined))
        return merged
