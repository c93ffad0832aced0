"""The loss of pairs, which reaches unseen generators where that of single faces does not."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def paired_loss(logits: Tensor, labels: Tensor, sources: Tensor) -> Tensor:
    """Return the logistic loss of the differences between a fake and the real faces of the same original.

    What a face is like, but for its forgery, drops out of the difference. 0 without a pair.

    Parameters
    ----------
    logits, labels, sources
        ``(B,)`` each.
    """
    is_pair = (labels[:, None] == 1) & (labels[None] == 0) & (sources[:, None] == sources[None])
    losses = F.softplus(logits[None] - logits[:, None]) * is_pair
    return losses.sum() / is_pair.sum().clamp(min=1)
