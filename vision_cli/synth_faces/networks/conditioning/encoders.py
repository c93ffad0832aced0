"""From intensities of action units to tokens that cross-attention reads.

The paper's encoder makes one token of all of them. The softmax over one token is 1, so that its branch adds the same
vector at every pixel. `PerAuEncoder` makes a token of each, and leaves room for none of them: see `AuTokens`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn

from vision_cli.synth_faces.options.training import EncoderKind
from vision_cli.synth_faces.values import MOST_INTENSE

ENCODER_KINDS: tuple[EncoderKind, ...] = ("per-au", "paper", "linear4")

_FOUR = 4
"""Tokens of the original IP-Adapter, a number that stock diffusers has fixed."""


@dataclass(frozen=True)
class AuTokens:
    """Action units as cross-attention reads them.

    Attributes
    ----------
    tokens
        ``(B, T, C)``.
    log_weights
        Added to the logits of the attention, ``(B, T)``: minus infinity leaves a token out. With them there is one more
        token, of key and value 0, that attention may rest on, so that a pixel can take nothing of the action units.
        None for neither.
    """

    tokens: Tensor = field(repr=False)
    log_weights: Tensor | None = field(default=None, repr=False)


class PerAuEncoder(nn.Module):
    """A token an action unit: what it is, and a change with its intensity.

    Its attention is weighted by the intensity, so that intensities that fall to 0 fade out without a step; an empty
    vector adds nothing.

    Parameters
    ----------
    count
        Action units, A.
    width
        Of a token, C.
    generator
        Of the first weights.
    """

    kind: EncoderKind = "per-au"

    def __init__(self, count: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.count = count
        self.base = nn.Parameter(torch.randn(count, width, generator=generator))
        self.change = nn.Parameter(torch.randn(count, width, generator=generator))
        self.norm = nn.LayerNorm(width)

    def forward(self, intensities: Tensor) -> AuTokens:
        """Return tokens ``(B, A, C)`` of intensities ``(B, A)`` from 0 to 5."""
        share = (intensities / MOST_INTENSE).to(self.base.dtype)
        tokens = self.norm(self.base + share.unsqueeze(-1) * self.change)
        return AuTokens(tokens, share.clamp(min=0).log())


class PaperEncoder(nn.Module):
    """One token of all action units by a multilayer perceptron (SynFER, section 3.2), of the layers of IP-Adapter full.

    Parameters as those of `PerAuEncoder`.
    """

    kind: EncoderKind = "paper"

    def __init__(self, count: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.count = count
        # Names and places of the layers are those of the file format.
        self.proj = nn.Sequential(nn.Linear(count, count), nn.GELU(), nn.Linear(count, width), nn.LayerNorm(width))
        _begin(self, generator)

    def forward(self, intensities: Tensor) -> AuTokens:
        """Return tokens ``(B, 1, C)`` of intensities ``(B, A)`` from 0 to 5."""
        share = (intensities / MOST_INTENSE).to(next(self.parameters()).dtype)
        return AuTokens(self.proj(share).unsqueeze(1))


class LinearEncoder(nn.Module):
    """Four tokens of all action units by a linear layer, of the layers of the first IP-Adapter.

    Parameters as those of `PerAuEncoder`.
    """

    kind: EncoderKind = "linear4"

    def __init__(self, count: int, width: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.count, self.width = count, width
        self.proj = nn.Linear(count, _FOUR * width)
        self.norm = nn.LayerNorm(width)
        _begin(self, generator)

    def forward(self, intensities: Tensor) -> AuTokens:
        """Return tokens ``(B, 4, C)`` of intensities ``(B, A)`` from 0 to 5."""
        share = (intensities / MOST_INTENSE).to(self.proj.weight.dtype)
        return AuTokens(self.norm(self.proj(share).view(-1, _FOUR, self.width)))


Encoder: TypeAlias = PerAuEncoder | PaperEncoder | LinearEncoder


def build_encoder(kind: EncoderKind, count: int, width: int, generator: torch.Generator | None = None) -> Encoder:
    """Return the encoder of a kind; parameters as those of `PerAuEncoder`."""
    match kind:
        case "per-au":
            return PerAuEncoder(count, width, generator)
        case "paper":
            return PaperEncoder(count, width, generator)
    return LinearEncoder(count, width, generator)


def _begin(module: nn.Module, generator: torch.Generator | None) -> None:
    """Draw the weights of linear layers from a generator, so that tokens differ from vector to vector."""
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=1 / math.sqrt(layer.in_features), generator=generator)
            # Without a bias the tokens of a vector of zeros are zeros, which a layer norm cannot scale.
            nn.init.normal_(layer.bias, std=0.02, generator=generator)
