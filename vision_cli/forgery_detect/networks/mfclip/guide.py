"""What teaches MFCLIP by language: text features of prompts, similarities weighted by a table (SPA), a predictor.

Only a training needs it; a detector judges faces without it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.mfclip.prompts import Prompt, tokens_of
from vision_cli.forgery_detect.networks.mfclip.text import TextEncoder

_TEMPERATURE = 0.07
# As in CLIP: above it single pairs decide.
_LARGEST_SCALE = 100.0


class PairAttention(nn.Module):
    """Sample pair attention (SPA): how much a pair of a picture and a text counts, learned for each pair of prompts.

    The published table is one of places in the batch, whose samples change at every step, and it fits one batch size.
    This one is of prompts: any batch in any order has the weights that its prompts have.

    Parameters
    ----------
    prompts
        Number of different prompts.
    """

    def __init__(self, prompts: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(prompts, prompts))

    def forward(self, similarities: Tensor, of_pictures: Tensor, of_texts: Tensor) -> Tensor:
        """Return similarities ``(B, C)`` weighted by the prompts of the pictures ``(B,)`` and of the texts ``(C,)``."""
        return similarities * self.table.sigmoid()[of_pictures[:, None], of_texts[None]]


@dataclass(frozen=True)
class Guidance:
    """What language says of B faces.

    Attributes
    ----------
    scores
        ``(B, B)`` weighted similarities of pictures (rows) and the texts of the same faces, over the temperature.
    texts
        ``(B, W)`` features of the texts of the faces, of any length.
    predicted
        ``(B, W)`` the same as predicted from the pictures.
    """

    scores: Tensor
    texts: Tensor
    predicted: Tensor


class LanguageGuide(nn.Module):
    """Text encoder, pair attention and predictor.

    Parameters
    ----------
    text
        The text encoder.
    prompts
        Different prompts of the training faces.
    width
        Length of a feature.
    has_attention
        Whether pairs are weighted (SPA).
    """

    def __init__(self, text: TextEncoder, prompts: Sequence[Prompt], width: int, *, has_attention: bool = True) -> None:
        super().__init__()
        self.text = text
        self.attention = PairAttention(len(prompts)) if has_attention else None
        self.predictor = nn.Linear(width, width)
        self.log_scale = nn.Parameter(torch.tensor(-math.log(_TEMPERATURE)))
        self.register_buffer("tokens", torch.from_numpy(tokens_of(prompts, text.length)), persistent=False)
        self.tokens: Tensor

    def forward(self, features: Tensor, prompts: Tensor) -> Guidance:
        """Return what language says of faces.

        Parameters
        ----------
        features
            ``(B, W)`` of the pictures, of any length.
        prompts
            ``(B,)`` places of the faces' prompts.
        """
        pictures = F.normalize(features, dim=-1)
        # Every prompt once, not every face.
        present, places = prompts.unique(return_inverse=True)
        texts = self.text(self.tokens[present])
        scale = self.log_scale.exp().clamp(max=_LARGEST_SCALE)
        similarities = scale * pictures @ F.normalize(texts, dim=-1)[places].T
        if self.attention is not None:
            similarities = self.attention(similarities, prompts, prompts)
        return Guidance(similarities, texts[places], self.predictor(pictures))
