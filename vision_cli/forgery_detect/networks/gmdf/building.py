"""The variants of GM-DF: ``nano``, which is trained here, and ``base``, which takes the weights of CLIP ViT-B/16."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from vision_cli.forgery_detect.networks.gmdf.detector import GmDf
from vision_cli.forgery_detect.networks.gmdf.encoder import VisionEncoder, load_named
from vision_cli.forgery_detect.networks.gmdf.masked import MaskedDecoder
from vision_cli.forgery_detect.networks.gmdf.prompts import PromptEncoder
from vision_cli.forgery_detect.networks.random_weights import drawing_from

GmDfVariant = Literal["nano", "base"]
CONDITION = 64
"""Length of the embedding of a domain."""


@dataclass(frozen=True)
class _Shape:
    """Sizes of a variant; see the classes that take them."""

    side: int
    width: int
    depth: int
    heads: int
    expert_dim: int
    outputs: int
    levels: tuple[int, ...]
    reduced: int
    text: tuple[int, int, int]
    text_length: int | None
    decoder: tuple[int, int, int]
    is_clip: bool
    patch: int = 16


# The published expert has four times the width, 170 M parameters in all; a bottleneck needs few pictures.
_SHAPES: Mapping[GmDfVariant, _Shape] = {
    "nano": _Shape(112, 192, 6, 6, 48, 192, (3, 4, 5), 48, (128, 2, 4), None, (96, 2, 4), is_clip=False),
    "base": _Shape(224, 768, 12, 12, 96, 512, (8, 9, 10), 64, (512, 12, 8), 77, (384, 4, 6), is_clip=True),
}


def side_of(variant: GmDfVariant) -> int:
    """Return the side of the pictures that a variant takes, px."""
    return _SHAPES[variant].side


def build_gmdf(
    variant: GmDfVariant,
    *,
    domains: Sequence[str],
    features: int,
    expert_dim: int | None = None,
    experts: int = 3,
    generator: torch.Generator | None = None,
) -> GmDf:
    """Return a detector with random weights.

    Parameters
    ----------
    variant
        ``nano`` or ``base``.
    domains
        Names of the domains of the training.
    features
        Number of coherence features; 0 for none.
    expert_dim
        Width of the hidden layer of an expert; 3072 as published for ``base``; None for the variant's bottleneck.
    experts
        Number of experts of a block; 0 for none.
    generator
        Of the weights, on the CPU; None for torch's own.
    """
    shape = _SHAPES[variant]
    width, depth, heads = shape.text
    with drawing_from(generator):
        encoder = VisionEncoder(
            side=shape.side,
            patch=shape.patch,
            width=shape.width,
            depth=shape.depth,
            heads=shape.heads,
            expert_dim=expert_dim or shape.expert_dim,
            experts=experts,
            condition=CONDITION,
            is_clip=shape.is_clip,
        )
        prompts = PromptEncoder(
            len(domains),
            shape.outputs,
            width=width,
            depth=depth,
            heads=heads,
            length=shape.text_length,
            is_clip=shape.is_clip,
        )
        return GmDf(
            encoder,
            prompts,
            domains=domains,
            features=features,
            condition=CONDITION,
            outputs=shape.outputs,
            levels=shape.levels,
            reduced=shape.reduced,
        )


def build_masked_decoder(variant: GmDfVariant, generator: torch.Generator | None = None) -> MaskedDecoder:
    """Return the decoder of a variant's masked image modelling, which only a training needs."""
    shape = _SHAPES[variant]
    width, depth, heads = shape.decoder
    with drawing_from(generator):
        return MaskedDecoder(
            shape.width,
            patches=(shape.side // shape.patch) ** 2,
            patch=shape.patch,
            width=width,
            depth=depth,
            heads=heads,
        )


def load_clip(network: GmDf, state: Mapping[str, Tensor], fixed: Sequence[int]) -> None:
    """Put the weights of a CLIP ViT-B/16 into a detector of the variant ``base``.

    Parameters
    ----------
    network
        The detector.
    state
        CLIP's state dict with OpenAI's names.
    fixed
        Tokens of the start, of each word of `prompts.SUFFIX` (one a word) and of the end.

    Raises
    ------
    InputError
        If a tensor is missing or has another shape.
    """
    network.encoder.load_clip(state)
    network.prompts.load_clip(state, fixed)
    projection = {"visual.proj": state["visual.proj"].T} if "visual.proj" in state else {}
    load_named(network.aggregation, {"project.weight": "visual.proj"}, projection)
