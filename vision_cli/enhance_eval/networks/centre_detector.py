"""A small detector of the centre-point kind: objects as peaks of a heat map (Zhou et al., arXiv:1904.07850, section 3).

A box is read at its peak as four distances to the sides (Tian et al., FCOS, ICCV 2019, section 3.1); features of three
scales are added to the finest (Lin et al., FPN, CVPR 2017, section 3).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.enhance_eval.networks.blocks import ConvBlock, ResidualBlock, centred

STRIDE = 4
"""Pixels from one place of the heat map to the next."""

_UNIT_PX = 16.0
_RARE = -3.5


@dataclass(frozen=True)
class Peaks:
    """The highest peaks of each picture's heat map, ``K`` of them, highest first.

    Attributes
    ----------
    corners
        ``(B, K, 4)`` ``x1 y1 x2 y2`` in pixels, cut off at the borders of the picture.
    scores
        ``(B, K)`` within [0, 1].
    labels
        ``(B, K)`` int64.
    """

    corners: Tensor
    scores: Tensor
    labels: Tensor


class CentreDetector(nn.Module):
    """The network.

    Parameters
    ----------
    classes
        How many there are.
    widths
        Channels at strides 2, 4, 8 and 16.
    """

    def __init__(self, classes: int, widths: tuple[int, int, int, int] = (16, 24, 40, 48)) -> None:
        super().__init__()
        stem, fine, middle, coarse = widths
        self.classes = classes
        self.stem = ConvBlock(3, stem, 2)
        self.fine = nn.Sequential(ConvBlock(stem, fine, 2), ResidualBlock(fine))
        self.middle = nn.Sequential(ConvBlock(fine, middle, 2), ResidualBlock(middle))
        self.coarse = nn.Sequential(ConvBlock(middle, coarse, 2), ResidualBlock(coarse))
        self.from_middle = nn.Conv2d(middle, fine, 1)
        self.from_coarse = nn.Conv2d(coarse, fine, 1)
        self.head = ConvBlock(fine, fine)
        self.heat = nn.Conv2d(fine, classes, 1)
        self.sides = nn.Conv2d(fine, 4, 1)
        # Nearly all places are no centres: the first steps would be spent on learning that alone.
        nn.init.constant_(self.heat.bias, _RARE)  # type: ignore[arg-type]

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return where objects are, and how far their sides.

        Parameters
        ----------
        pictures
            ``(B, 3, H, W)``, sRGB within [0, 1].

        Returns
        -------
        Tensor, Tensor
            Logits of the heat map ``(B, C, H/4, W/4)``, rounded up, and the distances from a place's middle to the
            left, upper, right and lower side of the box around it in pixels, ``(B, 4, H/4, W/4)``, above 0.
        """
        fine = self.fine(self.stem(centred(pictures)))
        middle = self.middle(fine)
        coarse = self.from_coarse(self.coarse(middle))
        merged = self.from_middle(middle) + F.interpolate(coarse, size=middle.shape[-2:])
        features = self.head(fine + F.interpolate(merged, size=fine.shape[-2:]))
        return self.heat(features), F.softplus(self.sides(features)) * _UNIT_PX


def read_peaks(heat: Tensor, sides: Tensor, shape: tuple[int, int], *, most: int = 30) -> Peaks:
    """Return the boxes at the peaks of a heat map.

    Parameters
    ----------
    heat, sides
        What `CentreDetector` gives.
    shape
        Rows and columns of the pictures.
    most
        Peaks to read of each picture; fewer where there are fewer places.
    """
    chances = heat.sigmoid()
    is_peak = F.max_pool2d(chances, 3, 1, 1) == chances
    height, width = heat.shape[-2:]
    flat = (chances * is_peak).flatten(1)
    scores, places = flat.topk(min(most, flat.shape[1]))
    labels, cells = places // (height * width), places % (height * width)
    left, top, right, bottom = sides.flatten(2).gather(2, cells[:, None].expand(-1, 4, -1)).unbind(1)
    x, y = (cells % width + 0.5) * STRIDE, (cells // width + 0.5) * STRIDE
    corners = torch.stack([x - left, y - top, x + right, y + bottom], dim=-1)
    limit = corners.new_tensor([shape[1], shape[0], shape[1], shape[0]])
    return Peaks(torch.minimum(corners.clamp(min=0), limit), scores, labels)


def build_centre_detector(classes: int = 10) -> CentreDetector:
    """Return the detector of the shipped weights, about 118 000 parameters."""
    return CentreDetector(classes)
