"""Prototypes of a task: of the class and its background, global and local, and of the domain.

Weights of pixels are masks averaged down to the size of the features, 0 to 1, and 0 where nothing is known. With K
supports the local prototypes of all are pooled; masks are never averaged.

Disentangling puts class, background and domain into spaces of their own: c = g_c(p_f), b = g_b(p_b), d = g_d(p_d). The
heads of class and background add to their prototype and start at nothing, so that from the first step they can be
compared with the features that the prototypes were averaged from.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.fewshot_seg.networks.layers import two_layers, zeros_

_SMALLEST = 1e-6


def masked_average(features: Tensor, weights: Tensor) -> Tensor:
    """Return the mean feature ``(B, C)`` under a mask: of each support that has any of it, then over these supports.

    Parameters
    ----------
    features
        ``(B, K, C, h, w)``.
    weights
        ``(B, K, h, w)``.
    """
    sums = torch.einsum("bkchw,bkhw->bkc", features, weights)
    areas = weights.sum((2, 3))
    means = sums / areas.clamp_min(_SMALLEST)[..., None]
    has_any = (areas > _SMALLEST).to(features.dtype)
    total = (means * has_any[..., None]).sum(1)
    return total / has_any.sum(1).clamp_min(1)[:, None]


def local_prototypes(
    features: Tensor, weights: Tensor, count: int = 5, steps: int = 3, sharpness: float = 20.0
) -> tuple[Tensor, Tensor]:
    """Return prototypes of the parts of a region: farthest-point seeds, then soft k-means by cosine, inside the mask.

    Parameters
    ----------
    features
        ``(M, C, h, w)``.
    weights
        ``(M, h, w)``.
    count
        How many; a region of fewer pixels gives as many as it has pixels.
    steps
        Of k-means.
    sharpness
        Factor on the cosine in the soft assignment.

    Returns
    -------
    Tensor
        ``(M, count, C)``.
    Tensor
        ``(M, count)`` bool, which of them are there.
    """
    pixels, shares = features.flatten(2).transpose(1, 2), weights.flatten(1)
    directions = F.normalize(pixels, dim=2)
    # A part smaller than a pixel of the features is its fullest pixel.
    fullest = shares.amax(1, keepdim=True)
    inside = (shares >= fullest.clamp_max(0.5)) & (fullest > _SMALLEST)
    prototypes = _gather(pixels, _farthest_points(directions.detach(), inside, count))
    there = torch.arange(count, device=features.device) < inside.sum(1, keepdim=True)
    for _ in range(steps):
        cosine = directions @ F.normalize(prototypes, dim=2).transpose(1, 2)
        cosine = cosine.masked_fill(~there[:, None], -torch.inf) * sharpness
        # A region without a pixel has no prototype to assign to.
        assigned = torch.nan_to_num(torch.softmax(cosine, 2)) * (shares * inside)[..., None]
        total = assigned.sum(1)
        means = assigned.transpose(1, 2) @ pixels / total.clamp_min(_SMALLEST)[..., None]
        prototypes = torch.where((total > _SMALLEST)[..., None], means, prototypes)
    return prototypes * there[..., None], there


def _farthest_points(directions: Tensor, inside: Tensor, count: int) -> Tensor:
    """Return the positions ``(M, count)`` of pixels inside a region that lie far from one another, by cosine."""
    mean = F.normalize((directions * inside[..., None]).sum(1), dim=1)
    first = (directions @ mean[..., None])[..., 0].masked_fill(~inside, -torch.inf).argmax(1)
    chosen = [first]
    nearest = torch.full(inside.shape, -torch.inf, device=directions.device, dtype=directions.dtype)
    taken = torch.zeros_like(inside)
    for _ in range(count - 1):
        taken = taken.scatter(1, chosen[-1][:, None], True)
        last = _gather(directions, chosen[-1][:, None])[:, 0]
        nearest = torch.maximum(nearest, (directions @ last[..., None])[..., 0])
        chosen.append(nearest.masked_fill(~inside | taken, torch.inf).argmin(1))
    return torch.stack(chosen, 1)


def _gather(pixels: Tensor, positions: Tensor) -> Tensor:
    return pixels.gather(1, positions[..., None].expand(-1, -1, pixels.shape[2]))


class DomainPrototype(nn.Module):
    """p_d: what pictures of a domain share, from mean and standard deviation of the two lowest levels.

    Parameters
    ----------
    width
        Channels of a level.
    channels
        D, of the prototype.
    """

    LEVELS = 2

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.mlp = two_layers(2 * self.LEVELS * width, channels, channels)

    def forward(self, levels: Tensor, known: Tensor) -> Tensor:
        """Return the prototype ``(B, D)`` of the pictures of each episode.

        Parameters
        ----------
        levels
            ``(B, M, L, width, h, w)``, of supports and query.
        known
            ``(B, M, h, w)``, 0 on padding.
        """
        low = levels[:, :, : self.LEVELS]
        shares = known / known.sum((1, 2, 3), keepdim=True).clamp_min(_SMALLEST)
        mean = torch.einsum("bmlchw,bmhw->blc", low, shares)
        square = torch.einsum("bmlchw,bmhw->blc", (low - mean[:, None, :, :, None, None]).square(), shares)
        # The root has no derivative at 0, where a picture is of one colour.
        deviation = (square + 1e-5).sqrt()
        prototype: Tensor = self.mlp(torch.cat([mean, deviation], 2).flatten(1))
        return prototype


class Residual(nn.Module):
    """A two-layer head that adds to its input: ``(B, D)`` -> ``(B, D)``."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mlp = two_layers(channels, channels, channels)
        zeros_(self.mlp[-1])  # type: ignore[arg-type]

    def forward(self, prototype: Tensor) -> Tensor:
        """Return the prototype in its own space."""
        added: Tensor = self.mlp(prototype)
        return prototype + added


class Disentangling(nn.Module):
    """The three heads.

    Parameters
    ----------
    channels
        D, of a prototype.
    has_domain
        Whether there is a domain prototype.
    """

    def __init__(self, channels: int, *, has_domain: bool = True) -> None:
        super().__init__()
        self.of_class, self.of_background = Residual(channels), Residual(channels)
        self.of_domain = two_layers(channels, channels, channels) if has_domain else None
