"""The losses of an episode. Logits, targets and weights of pixels are ``(B, H, W)`` unless said."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_TEMPERATURE = 0.1


def cross_entropy(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return the binary cross-entropy over the pixels of which something is known."""
    values = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    return (values * known).sum() / known.sum().clamp_min(1e-6)


def dice_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return 1 - Dice of the probabilities, the mean over the pictures.

    A pixel is added to overlap and sum: it gives an empty target a gradient, and its empty answer the loss 0.
    """
    chances, target = torch.sigmoid(logits) * known, target * known
    overlap = (chances * target).sum((1, 2))
    total = (chances + target).sum((1, 2))
    return (1 - (2 * overlap + 1) / (total + 1)).mean()


def mask_loss(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return BCE + Dice."""
    return cross_entropy(logits, target, known) + dice_loss(logits, target, known)


def contrast(anchors: Tensor, positives: Tensor, negatives: Tensor, allowed: Tensor) -> Tensor:
    """Return InfoNCE by cosine, temperature 0.1: an anchor is to be nearer to its positive than to its negatives.

    Parameters
    ----------
    anchors, positives
        ``(B, D)``.
    negatives
        ``(M, D)``.
    allowed
        ``(B, M)`` bool, which of them are negatives of an anchor.
    """
    anchors, positives, negatives = (F.normalize(one, dim=1) for one in (anchors, positives, negatives))
    near = (anchors * positives).sum(1, keepdim=True)
    far = (anchors @ negatives.T).masked_fill(~allowed, -torch.inf)
    logits = torch.cat([near, far], 1) / _TEMPERATURE
    return F.cross_entropy(logits, torch.zeros(len(anchors), dtype=torch.long, device=anchors.device))


def orthogonality(c: Tensor, d: Tensor) -> Tensor:
    """Return the mean of cos²(c, d) of prototypes ``(B, D)``."""
    return F.cosine_similarity(c, d, dim=1).square().mean()


def overlap(logits: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return the intersection over union ``(B,)`` of the masks that logits give; 1 where both are empty."""
    found, wanted, seen = logits > 0, target > 0.5, known > 0.5
    both, either = (found & wanted & seen).sum((1, 2)), ((found | wanted) & seen).sum((1, 2))
    return torch.where(either > 0, both / either.clamp_min(1), 1.0)
