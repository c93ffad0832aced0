"""Where the query looks like the class: cosines with prototypes and with the pixels of the supports.

From them comes the coarse map, and with them CDTAP's dense prompt is made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

MAPS = 6
"""cos(F_q, c), cos(F_q, b), greatest cosine with pixels of the class, of the background, soft vote, position."""

_CHUNK = 512
_SHARPNESS = 20.0
_UNKNOWN, _NO_VOTE = 1e-6, -1e4
_STRIDE, _PERIOD = 40503, 65536


@dataclass(frozen=True)
class Pixels:
    """Pixels of the supports, those of all supports of an episode in a row.

    Attributes
    ----------
    directions
        ``(B, M, C)``, of length 1.
    foreground, background
        ``(B, M)``, share of the pixel that is class, or is known to be none.
    """

    directions: Tensor
    foreground: Tensor
    background: Tensor


def support_pixels(features: Tensor, foreground: Tensor, background: Tensor, most: int = 4096) -> Pixels:
    """Return the pixels of the supports, at most so many: half of them of the class, where it has as many.

    Parameters
    ----------
    features
        ``(B, K, C, h, w)``.
    foreground, background
        ``(B, K, h, w)``.
    most
        Upper limit; which pixels are left out does not depend on chance.
    """
    directions = F.normalize(features.transpose(1, 2).flatten(2), dim=1).transpose(1, 2)
    whole = Pixels(directions, foreground.flatten(1), background.flatten(1))
    count = directions.shape[1]
    if count <= most:
        return whole
    # Multiples of the golden ratio, here that of 65536, spread evenly over the pictures.
    spread = (torch.arange(count, device=features.device) * _STRIDE % _PERIOD).float() / _PERIOD
    first = (spread + (whole.foreground > 0.5)).topk(most // 2, 1).indices
    left = spread.expand_as(whole.foreground).scatter(1, first, -1.0)
    chosen = torch.cat([first, left.topk(most - most // 2, 1).indices], 1)
    return Pixels(
        directions.gather(1, chosen[..., None].expand(-1, -1, directions.shape[2])),
        whole.foreground.gather(1, chosen),
        whole.background.gather(1, chosen),
    )


class Matching(nn.Module):
    """Similarity maps and the coarse map, the part of the network that needs no decoder."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(math.log(_SHARPNESS)))
        self.coarse = nn.Conv2d(MAPS - 1, 1, 1)
        with torch.no_grad():
            self.coarse.weight.copy_(torch.tensor([4.0, -4.0, 2.0, -2.0, 4.0]).view(1, -1, 1, 1))
            self.coarse.bias.fill_(-2.0)  # type: ignore[union-attr]

    def forward(self, query: Tensor, c: Tensor, b: Tensor, pixels: Pixels, position: Tensor) -> tuple[Tensor, Tensor]:
        """Return the similarity maps ``(B, 6, h, w)`` and the logits of the coarse map ``(B, h, w)``.

        Parameters
        ----------
        query
            Fused features ``(B, D, h, w)``.
        c, b
            Prototypes ``(B, D)`` of class and background.
        pixels
            Of the supports.
        position
            ``(B, h, w)``, how often the class was at a place in the supports.
        """
        size = query.shape[-2:]
        directions = F.normalize(query, dim=1).flatten(2).transpose(1, 2)
        to_prototypes = directions @ F.normalize(torch.stack([c, b], 2), dim=1)
        # The matrix of all pairs of pixels would take (K·h·w)·(h·w) numbers.
        matched = torch.cat([self._match(part, pixels) for part in directions.split(_CHUNK, 1)], 1)
        maps = torch.cat([to_prototypes, matched], 2).transpose(1, 2).unflatten(2, size)
        logits: Tensor = self.coarse(maps)
        return torch.cat([maps, position[:, None]], 1), logits[:, 0]

    def _match(self, directions: Tensor, pixels: Pixels) -> Tensor:
        """Return greatest cosines and soft vote ``(B, n, 3)`` of pixels ``(B, n, C)`` of the query."""
        cosine = directions @ pixels.directions.transpose(1, 2)
        known = pixels.foreground + pixels.background
        nearest = [
            cosine.masked_fill(share[:, None] <= 0.5, -1.0).amax(2) for share in (pixels.foreground, pixels.background)
        ]
        # A pixel of which nothing is known has no vote.
        scores = (cosine * self.sharpness.exp()).masked_fill(known[:, None] <= _UNKNOWN, _NO_VOTE)
        attention = torch.softmax(scores, 2)
        vote = (attention @ (pixels.foreground / known.clamp_min(_UNKNOWN))[..., None])[..., 0]
        return torch.stack([*nearest, vote], 2)
