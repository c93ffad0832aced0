"""Recognisers of expressions and of action units, as guides and as judges.

A judge that shares the guide's weights rewards what fooled the guide; so the two have different trunks, and are trained
from different seeds on different faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

import torch
from torch import Tensor, nn

from vision_cli.synth_faces.networks.trunks import PlainTrunk, SeparableTrunk
from vision_cli.synth_faces.values import EXPRESSIONS, MOST_INTENSE

Trunk: TypeAlias = SeparableTrunk | PlainTrunk

RECOGNISED_AUS = (
    *("1", "2", "4", "5", "6", "7", "9", "10", "12", "14", "15"),
    *("16", "17", "18", "20", "22", "23", "24", "25", "26", "27"),
)
"""AUs of both sides that still pictures show; jaw sideways, lip bite and the like are left to larger networks."""

_GUIDE_WIDTHS, _GUIDE_DEPTHS = (32, 64, 128), (2, 2, 3)
_JUDGE_WIDTHS, _JUDGE_WIDTH = (24, 32, 64, 64, 96), 64
_DROPPED = 0.2
_HEAD_STD = 0.01


class ExpressionNet(nn.Module):
    """Logits of expressions from a face.

    Parameters
    ----------
    trunk
        From faces to features.
    classes
        Names of the outputs.
    """

    def __init__(self, trunk: Trunk, classes: Sequence[str] = EXPRESSIONS) -> None:
        super().__init__()
        self.classes = tuple(classes)
        self.trunk = trunk
        self.drop = nn.Dropout(_DROPPED)
        self.head = nn.Linear(trunk.width, len(self.classes))

    def features(self, images: Tensor) -> Tensor:
        """Return the features before the last layer, ``(B, F)``, of faces ``(B, 1 or 3, H, W)`` in 0 to 1."""
        features: Tensor = self.trunk(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return logits ``(B, K)`` of faces ``(B, 1 or 3, H, W)`` in 0 to 1."""
        logits: Tensor = self.head(self.drop(self.features(images)))
        return logits


class ActionUnitNet(nn.Module):
    """Intensities of action units from a face.

    Parameters
    ----------
    trunk
        From faces to features.
    aus
        Names of the outputs.
    """

    def __init__(self, trunk: Trunk, aus: Sequence[str] = RECOGNISED_AUS) -> None:
        super().__init__()
        self.aus = tuple(aus)
        self.trunk = trunk
        self.drop = nn.Dropout(_DROPPED)
        self.head = nn.Linear(trunk.width, len(self.aus))

    def features(self, images: Tensor) -> Tensor:
        """Return the features before the last layer, ``(B, F)``, of faces ``(B, 1 or 3, H, W)`` in 0 to 1."""
        features: Tensor = self.trunk(images)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Return intensities ``(B, K)``, not limited, so that a loss has a gradient at both ends."""
        values: Tensor = self.head(self.drop(self.features(images)))
        return values

    def intensities(self, images: Tensor) -> Tensor:
        """Return intensities ``(B, K)``, limited to 0 to 5."""
        return self.forward(images).clamp(0, MOST_INTENSE)


Network = TypeVar("Network", ExpressionNet, ActionUnitNet)


def build_guide(
    classes: Sequence[str] = EXPRESSIONS, *, channels: int = 1, generator: torch.Generator | None = None
) -> ExpressionNet:
    """Return the guide of expressions: separable residual blocks, 128 features.

    Parameters
    ----------
    classes
        Names of the outputs.
    channels
        1 looks at grey, which differs least between renders and photographs; 3 at RGB.
    generator
        Of the first weights; by default they are those of PyTorch's own.
    """
    return _begun(ExpressionNet(SeparableTrunk(channels, _GUIDE_WIDTHS, _GUIDE_DEPTHS), classes), generator)


def build_judge(
    classes: Sequence[str] = EXPRESSIONS, *, channels: int = 1, generator: torch.Generator | None = None
) -> ExpressionNet:
    """Return the judge of expressions: plain convolutions, 64 features; parameters as `build_guide`."""
    return _begun(ExpressionNet(PlainTrunk(channels, _JUDGE_WIDTHS, _JUDGE_WIDTH), classes), generator)


def build_au_guide(
    aus: Sequence[str] = RECOGNISED_AUS, *, channels: int = 1, generator: torch.Generator | None = None
) -> ActionUnitNet:
    """Return the guide of action units: the trunk of `build_guide`, an output an AU."""
    return _begun(ActionUnitNet(SeparableTrunk(channels, _GUIDE_WIDTHS, _GUIDE_DEPTHS), aus), generator)


def build_au_judge(
    aus: Sequence[str] = RECOGNISED_AUS, *, channels: int = 1, generator: torch.Generator | None = None
) -> ActionUnitNet:
    """Return the judge of action units: the trunk of `build_judge`, an output an AU."""
    return _begun(ActionUnitNet(PlainTrunk(channels, _JUDGE_WIDTHS, _JUDGE_WIDTH), aus), generator)


def _begun(network: Network, generator: torch.Generator | None) -> Network:
    """Return a network with weights drawn from a generator (He et al. 2015), the last layer small."""
    if generator is None:
        return network
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu", generator=generator)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    nn.init.normal_(network.head.weight, std=_HEAD_STD, generator=generator)
    return network
