"""FERAnno: the expression of a face from what a text-to-image UNet sees in it (SynFER, section 3.4).

Two kinds of things that one pass of the UNet yields, its feature maps at several scales and the maps of its attention
to the words of the classes, are encoded by a branch each, exchanged by cross-attention in both directions, and summed
up to a class. The paper gives no sizes; these are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from vision_cli.synth_faces.values import EXPRESSIONS

_FEED_FORWARD = 2
"""Width of the hidden layer, as a multiple of that of the block."""

_DROPPED = 0.1
_SD_WIDTH, _SD_SIDE = 256, 16
_MINI_WIDTH, _MINI_SIDE = 128, 8
_HEADS = 8


@dataclass(frozen=True)
class AnnotatorShape:
    """Sizes of an annotator.

    Attributes
    ----------
    classes
        Names of the outputs, K; also the words whose attention is read, in their order.
    features
        Channels of the feature maps, one number a map.
    scales
        Scales of the attention maps, each with a map a class.
    width
        Channels of both branches.
    side
        Rows and columns that all maps are brought to.
    heads
        Of the cross-attention.
    """

    classes: tuple[str, ...]
    features: tuple[int, ...]
    scales: int
    width: int
    side: int
    heads: int = _HEADS


class FeatureBranch(nn.Module):
    """Feature maps of several scales as one: each normalised and projected, their sum weighted by learned numbers.

    Parameters
    ----------
    features
        Channels of the maps.
    width
        Channels of the result.
    """

    def __init__(self, features: Sequence[int], width: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.GroupNorm(1, channels) for channels in features)
        self.projections = nn.ModuleList(nn.Conv2d(channels, width, 1) for channels in features)
        self.weights = nn.Parameter(torch.full((len(features),), 1 / len(features)))

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Return ``(B, width, S, S)`` of maps ``(B, C_i, S, S)``."""
        total = torch.zeros((), device=self.weights.device)
        for weight, norm, project, one in zip(self.weights, self.norms, self.projections, maps, strict=True):
            total = total + weight * project(norm(one))
        return total


class CrossBlock(nn.Module):
    """Places of one branch that attend to places of the other, and a feed-forward layer; normalised before each.

    Parameters
    ----------
    width
        Channels.
    heads
        Of the attention.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm, self.norm_other, self.norm_hidden = (nn.LayerNorm(width) for _ in range(3))
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.hidden = nn.Sequential(
            nn.Linear(width, _FEED_FORWARD * width), nn.GELU(), nn.Linear(_FEED_FORWARD * width, width)
        )

    def forward(self, own: Tensor, other: Tensor) -> Tensor:
        """Return places ``(B, P, width)`` after they have read ``(B, Q, width)``."""
        read = self.norm_other(other)
        own = own + self.attention(self.norm(own), read, read, need_weights=False)[0]
        changed: Tensor = own + self.hidden(self.norm_hidden(own))
        return changed


class Annotator(nn.Module):
    """Logits of classes from feature maps and attention maps.

    Parameters
    ----------
    shape
        Sizes.
    """

    def __init__(self, shape: AnnotatorShape) -> None:
        super().__init__()
        self.shape = shape
        self.features = FeatureBranch(shape.features, shape.width)
        self.words = nn.Conv2d(shape.scales * len(shape.classes), shape.width, 3, padding=1)
        self.features_read_words = CrossBlock(shape.width, shape.heads)
        self.words_read_features = CrossBlock(shape.width, shape.heads)
        self.drop = nn.Dropout(_DROPPED)
        self.head = nn.Linear(2 * shape.width, len(shape.classes))

    def forward(self, features: Sequence[Tensor], attention: Tensor) -> Tensor:
        """Return logits ``(B, K)``.

        Parameters
        ----------
        features
            One a feature map, ``(B, C_i, S, S)``.
        attention
            Attention to the words of the classes over what uniform attention would be, scale after scale,
            ``(B, scales * K, S, S)``.
        """
        seen = self.features(features).flatten(2).transpose(1, 2)
        read = self.words(attention).flatten(2).transpose(1, 2)
        fused = self.features_read_words(seen, read), self.words_read_features(read, seen)
        pooled = torch.cat([places.mean(dim=1) for places in fused], dim=1)
        logits: Tensor = self.head(self.drop(pooled))
        return logits


def at_side(maps: Tensor, side: int) -> Tensor:
    """Return maps ``(B, C, H, W)`` at ``(B, C, side, side)``: averaged where they shrink, interpolated where not."""
    if maps.shape[-1] == side:
        return maps
    if maps.shape[-1] > side:
        return functional.adaptive_avg_pool2d(maps, side)
    return functional.interpolate(maps, (side, side), mode="bilinear", align_corners=False)


def sd_shape(features: Sequence[int], scales: int, classes: Sequence[str] = EXPRESSIONS) -> AnnotatorShape:
    """Return the sizes for UNets of the size of Stable Diffusion 1.5.

    Parameters
    ----------
    features
        Channels of the feature maps.
    scales
        Scales of the attention maps.
    classes
        Names of the outputs.
    """
    return AnnotatorShape(tuple(classes), tuple(features), scales, _SD_WIDTH, _SD_SIDE)


def mini_shape(features: Sequence[int], scales: int, classes: Sequence[str] = EXPRESSIONS) -> AnnotatorShape:
    """Return the sizes for small UNets, with fewer than half a million parameters; parameters as `sd_shape`."""
    return AnnotatorShape(tuple(classes), tuple(features), scales, _MINI_WIDTH, _MINI_SIDE)


def build_annotator(shape: AnnotatorShape, generator: torch.Generator | None = None) -> Annotator:
    """Return an annotator.

    Parameters
    ----------
    shape
        Sizes.
    generator
        Of the first weights; by default they are those of PyTorch's own.
    """
    annotator = Annotator(shape)
    if generator is None:
        return annotator
    for name, weights in annotator.named_parameters():
        if weights.ndim > 1:
            nn.init.xavier_uniform_(weights.flatten(1) if weights.ndim > 2 else weights, generator=generator)
        elif name.endswith("bias"):
            nn.init.zeros_(weights)
    return annotator
