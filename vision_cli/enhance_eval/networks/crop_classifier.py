"""A small residual classifier of pictures of one object (He et al., CVPR 2016)."""

from __future__ import annotations

from torch import Tensor, nn

from vision_cli.enhance_eval.networks.blocks import ConvBlock, ResidualBlock, centred

SIDE = 64
"""Rows and columns of the pictures it is trained on."""


class CropClassifier(nn.Module):
    """The network.

    Parameters
    ----------
    classes
        How many there are.
    widths
        Channels at strides 2, 4 and 8; those of stride 16 are the last ones again.
    """

    def __init__(self, classes: int, widths: tuple[int, int, int] = (16, 32, 64)) -> None:
        super().__init__()
        stem, fine, coarse = widths
        self.classes = classes
        self.features = nn.Sequential(
            ConvBlock(3, stem, 2),
            ConvBlock(stem, fine, 2),
            ResidualBlock(fine),
            ConvBlock(fine, coarse, 2),
            ResidualBlock(coarse),
            ConvBlock(coarse, coarse, 2),
        )
        self.score = nn.Linear(coarse, classes)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return logits ``(B, C)`` of pictures ``(B, 3, H, W)``, sRGB within [0, 1]."""
        scored: Tensor = self.score(self.features(centred(pictures)).mean((2, 3)))
        return scored


def build_crop_classifier(classes: int = 10) -> CropClassifier:
    """Return the classifier of the shipped weights, about 153 000 parameters."""
    return CropClassifier(classes)
