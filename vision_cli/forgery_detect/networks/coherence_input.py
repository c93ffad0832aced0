"""The colour coherence of a face, beside a network that sees its picture."""

from __future__ import annotations

import torch
from torch import Tensor, nn

_CLIP_AT = 4.0
_NO_PART = 1e12
"""Deviation of a feature without a part: weight files hold finite numbers only."""


class CoherenceInput(nn.Module):
    """A linear model of standardised, clipped features of the colour coherence.

    Parameters
    ----------
    features
        Number of features; 0 for none.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(features))
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.mean: Tensor
        self.deviation: Tensor

    def forward(self, values: Tensor) -> Tensor:
        """Return the part ``(B,)`` of the logit that features ``(B, F)`` speak for.

        There is no intercept: that of the network is enough.
        """
        return self.standardised(values) @ self.weight

    def standardised(self, values: Tensor) -> Tensor:
        """Return features ``(B, F)`` in standard deviations from the mean, at most 4."""
        standard = ((values - self.mean) / self.deviation).clamp(-_CLIP_AT, _CLIP_AT)
        return torch.where(self.deviation < _NO_PART, standard, torch.zeros_like(standard))

    @torch.no_grad()
    def set_statistics(self, mean: Tensor, deviation: Tensor, weight: Tensor | None = None) -> None:
        """Set the standardisation, each ``(F,)``, and the weights if they are known. Constant features count as 0."""
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > 0, deviation, torch.full_like(deviation, _NO_PART)))
        if weight is not None:
            self.weight.copy_(weight)
