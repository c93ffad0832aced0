"""Prompts of a class in a domain, and their features (GM-DF, equations 9 and 10).

A prompt is ``[start] [4 learned words] [domain] [class] face showing forgery clues [end]``; domain 0 is the wildcard
of domains that no training has seen. All words are vectors here: no vocabulary is needed. The parameters that CLIP has
too bear its names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.gmdf.encoder import load_named
from vision_cli.forgery_detect.networks.transformers import Transformer

SUFFIX = "face showing forgery clues"
"""Last words of every prompt."""

CLASSES = ("real", "fake")
WILDCARD = "wildcard"
"""Name of domain 0, which stands for domains that no training has seen."""

_CONTEXT_WORDS = 4
_LEAST_TEMPERATURE, _TEMPERATURE_RATE = 0.07, 0.01


@dataclass(frozen=True)
class Prompts:
    """Features of the prompts of all domains.

    Attributes
    ----------
    features
        ``(D + 1, 2, W)`` by domain (wildcard first) and class, of length 1.
    temperatures
        ``(D + 1,)``.
    """

    features: Tensor
    temperatures: Tensor

    def mixed(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Return features ``(B, 2, W)`` and temperatures ``(B,)`` of mixtures of domains ``(B, D + 1)``."""
        features = torch.einsum("bd,dcw->bcw", weights, self.features)
        return F.normalize(features, dim=-1), weights @ self.temperatures


class PromptEncoder(nn.Module):
    """Embeddings of domains and classes, and the transformer that turns prompts into features.

    Parameters
    ----------
    domains
        Number of named domains; the wildcard is one more.
    outputs
        Length of a feature.
    width, depth, heads
        Of the transformer.
    length
        Positions that it has, as many as the prompt has words or more.
    is_clip
        Whether a word sees only those before it, with the activations of CLIP's published weights.
    """

    def __init__(
        self,
        domains: int,
        outputs: int,
        *,
        width: int,
        depth: int,
        heads: int,
        length: int | None = None,
        is_clip: bool = False,
    ) -> None:
        super().__init__()
        suffix = len(SUFFIX.split())
        self.words = 1 + _CONTEXT_WORDS + 2 + suffix + 1
        self.context = nn.Parameter(torch.randn(_CONTEXT_WORDS, width) * 0.02)
        self.domain_words = nn.Parameter(torch.randn(1 + domains, width) * 0.02)
        self.class_words = nn.Parameter(torch.randn(len(CLASSES), width) * 0.02)
        self.fixed_words = nn.Parameter(torch.randn(1 + suffix + 1, width) * 0.02)
        self.positional_embedding = nn.Parameter(torch.randn(length or self.words, width) * 0.01)
        self.transformer = Transformer(width, depth, heads, is_clip=is_clip)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.randn(width, outputs) * width**-0.5)
        mask = torch.full((self.words, self.words), float("-inf")).triu(1) if is_clip else None
        self.register_buffer("mask", mask, persistent=False)
        self.mask: Tensor | None

    def forward(self) -> Prompts:
        """Return the features of all prompts."""
        domains, width = self.domain_words.shape
        start, suffix = self.fixed_words[:1], self.fixed_words[1:]
        words = torch.cat(
            [
                torch.cat([start, self.context]).expand(domains, len(CLASSES), -1, -1),
                self.domain_words[:, None, None].expand(-1, len(CLASSES), -1, -1),
                self.class_words[None, :, None].expand(domains, -1, -1, -1),
                suffix.expand(domains, len(CLASSES), -1, -1),
            ],
            dim=2,
        )
        words = words.reshape(-1, self.words, width) + self.positional_embedding[: self.words]
        words = self.transformer(words, self.mask)
        features = self.ln_final(words[:, -1]) @ self.text_projection
        temperatures = _LEAST_TEMPERATURE + _TEMPERATURE_RATE * self.domain_words.norm(dim=-1)
        return Prompts(F.normalize(features, dim=-1).unflatten(0, (domains, len(CLASSES))), temperatures)

    def load_clip(self, state: Mapping[str, Tensor], fixed: Sequence[int]) -> None:
        """Take over the text tower of a CLIP state dict with OpenAI's names.

        Parameters
        ----------
        state
            The tensors.
        fixed
            Tokens of the start, of each word of `SUFFIX` (one a word) and of the end.

        Raises
        ------
        InputError
            If a tensor is missing or has another shape.
        """
        own = ("context", "domain_words", "class_words", "fixed_words")
        names = {name: name for name in self.state_dict() if name not in own}
        rows = (
            {"fixed_words": state["token_embedding.weight"][list(fixed)]} if "token_embedding.weight" in state else {}
        )
        load_named(self, {**names, "fixed_words": "fixed_words"}, {**state, **rows})
