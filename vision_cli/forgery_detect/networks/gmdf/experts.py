"""What GM-DF adds to a frozen block: parallel experts, attention over them, and a normalisation of the domain.

GM-DF (arXiv:2406.20078), equations 2 to 5. Only these parts learn what is particular to a domain; the encoder around
them stays as it was pretrained.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DomainNorm(nn.Module):
    """Normalisation whose scale and shift follow the embedding of a domain (DNorm, equation 2).

    It returns zeros until it is trained, so that a pretrained block starts as it was.

    Parameters
    ----------
    width
        Features of a token.
    condition
        Length of the embedding of a domain.
    """

    def __init__(self, width: int, condition: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.scale, self.shift = nn.Linear(condition, width), nn.Linear(condition, width)
        for layer in (self.scale, self.shift):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """Return tokens ``(B, T, W)``, normalised over W, with scale and shift of the conditions ``(B, C)``."""
        normed: Tensor = self.norm(tokens)
        moved: Tensor = normed * self.scale(condition)[:, None] + self.shift(condition)[:, None]
        return moved


class Experts(nn.Module):
    """Parallel perceptrons whose outputs attend to one another at each token (equations 3 to 5).

    Parameters
    ----------
    width
        Features of a token.
    hidden
        Width of the hidden layer of an expert: four times `width` as published, less as a bottleneck.
    count
        Number of experts.
    condition
        Length of the embedding of a domain.
    """

    def __init__(self, width: int, hidden: int, count: int, condition: int) -> None:
        super().__init__()
        self.width, self.hidden, self.count = width, hidden, count
        # The first layers of all experts are one matrix.
        self.enter = nn.Linear(width, count * hidden)
        self.act = nn.GELU()
        self.leave = nn.Parameter(torch.randn(count, hidden, width) * hidden**-0.5)
        self.bias = nn.Parameter(torch.zeros(count, width))
        self.domain_norm = DomainNorm(width, condition)

    def forward(self, tokens: Tensor, condition: Tensor) -> Tensor:
        """Return what the experts add to tokens ``(B, T, W)`` under conditions ``(B, C)``."""
        hidden = self.act(self.enter(tokens)).unflatten(-1, (self.count, self.hidden))
        outputs = torch.einsum("btnh,nhw->btnw", hidden, self.leave) + self.bias
        added: Tensor = self.domain_norm(attend_over_experts(outputs), condition)
        return added


def attend_over_experts(outputs: Tensor) -> Tensor:
    """Return ``(..., W)``: the outputs ``(..., N, W)`` of N experts after self-attention, averaged (equations 3 to 5).

    Queries, keys and values are the outputs themselves.
    """
    scores = outputs @ outputs.transpose(-1, -2) * outputs.shape[-1] ** -0.5
    # The mean over the queries is taken first: what is left is one weight an expert.
    weights = scores.softmax(dim=-1).mean(dim=-2, keepdim=True)
    mixed: Tensor = (weights @ outputs).squeeze(-2)
    return mixed
