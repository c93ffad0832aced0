"""The variants of MFCLIP: ``paper``; ``vcli``, with tokens of places; ``nano``, which is trained on a CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from vision_cli.forgery_detect.networks.mfclip.detector import MfClip
from vision_cli.forgery_detect.networks.mfclip.guide import LanguageGuide
from vision_cli.forgery_detect.networks.mfclip.prompts import Prompt
from vision_cli.forgery_detect.networks.mfclip.text import Pool, TextEncoder
from vision_cli.forgery_detect.networks.mfclip.tokens import Branch, ConvStages
from vision_cli.forgery_detect.networks.mfclip.vision import VisionEncoder
from vision_cli.forgery_detect.networks.random_weights import drawing_from

MfClipVariant = Literal["paper", "vcli", "nano"]


@dataclass(frozen=True)
class _Shape:
    """Sizes of a variant.

    ``widths`` and ``noise_widths`` are channels of the stages, ``pooled`` the stages of the picture that halve it,
    ``grid`` rows and columns of tokens, ``depths`` of the transformers of picture and noise, ``text`` width, depth,
    heads and most tokens of a level.
    """

    side: int
    widths: tuple[int, ...]
    pooled: int
    noise_widths: tuple[int, ...]
    grid: int
    width: int
    heads: int
    depths: tuple[int, int]
    text: tuple[int, int, int, int]
    is_published: bool


PATCH = 112
"""Side of the richest patch in pixels, of all variants."""

_CONVOLUTIONS = (3, 3, 3, 4, 4)
_WIDE = (32, 64, 128, 256, 512)
_SHAPES: Mapping[MfClipVariant, _Shape] = {
    "paper": _Shape(224, _WIDE, 5, (32, 64), 1, 512, 8, (6, 3), (512, 12, 8, 77), is_published=True),
    "vcli": _Shape(224, _WIDE, 5, (32, 64), 7, 512, 8, (6, 3), (512, 12, 8, 40), is_published=False),
    "nano": _Shape(112, (8, 16, 32, 64, 128), 4, (16, 32), 7, 128, 4, (2, 2), (128, 2, 4, 40), is_published=False),
}


def sides(variant: MfClipVariant) -> tuple[int, int]:
    """Return the sides of picture and patch that a variant takes, in pixels."""
    return _SHAPES[variant].side, PATCH


def build_mfclip(
    variant: MfClipVariant, *, features: int, has_noise: bool = True, generator: torch.Generator | None = None
) -> MfClip:
    """Return a detector with random weights.

    Parameters
    ----------
    variant
        ``paper``: one token a branch, pictures not standardised; ``vcli``: the same convolutions with 49 tokens a
        branch; ``nano``: likewise, 1.5 million parameters.
    features
        Number of coherence features; 0 for none, as published.
    has_noise
        Whether the noise of the patch is seen; False is an ablation.
    generator
        Of the weights, on the CPU; None for torch's own.
    """
    shape = _SHAPES[variant]
    # The published scores are divided by the root of the width of all heads, not of one.
    scale = shape.width**-0.5 if shape.is_published else None
    with drawing_from(generator):
        image, noise = (
            Branch(stages, side=side, grid=shape.grid, width=shape.width, depth=depth, heads=shape.heads, scale=scale)
            for stages, side, depth in (
                (ConvStages(shape.widths, _CONVOLUTIONS, shape.pooled), shape.side, shape.depths[0]),
                (ConvStages(shape.noise_widths, (3, 3), 2), PATCH, shape.depths[1]),
            )
        )
        encoder = VisionEncoder(image, noise if has_noise else None, is_standardised=not shape.is_published)
        return MfClip(encoder, shape.width, features=features, starts_silent=not shape.is_published)


def build_guide(
    variant: MfClipVariant,
    prompts: Sequence[Prompt],
    *,
    pool: Pool = "last",
    has_attention: bool = True,
    generator: torch.Generator | None = None,
) -> LanguageGuide:
    """Return the language side of a training with random weights.

    Parameters
    ----------
    variant
        That of the detector.
    prompts
        Different prompts of the training faces, see `distinct_prompts`.
    pool
        See `TextEncoder`.
    has_attention
        Whether pairs are weighted (SPA); False is an ablation.
    generator
        Of the weights, on the CPU; None for torch's own.
    """
    shape = _SHAPES[variant]
    width, depth, heads, length = shape.text
    with drawing_from(generator):
        text = TextEncoder(
            width=width,
            depth=depth,
            heads=heads,
            outputs=shape.width,
            length=length,
            pool=pool,
            is_clip=variant != "nano",
        )
        return LanguageGuide(text, prompts, shape.width, has_attention=has_attention)
