"""Losses of MFCLIP (arXiv:2409.09724): contrast of pictures and texts, and prediction of texts from pictures."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

TEMPERATURE = 20.0
ALPHA = 0.5
"""Temperature (T) and weight (alpha) of the prediction."""


def contrast_loss(scores: Tensor, prompts: Tensor, *, is_soft: bool) -> Tensor:
    """Return the contrastive loss of pictures and texts, both ways (l_cmc).

    Parameters
    ----------
    scores
        ``(B, B)`` of pictures (rows) and the texts of the same faces.
    prompts
        ``(B,)`` places of the faces' prompts.
    is_soft
        Whether all faces of the same prompt are positives, in equal parts. Otherwise as published: the own one alone,
        though all real faces have the same text.
    """
    if not is_soft:
        own = scores.new_ones(len(scores)).diag()
    else:
        same = (prompts[:, None] == prompts[None]).to(scores.dtype)
        own = same / same.sum(dim=1, keepdim=True)
    return 0.5 * (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own))


def prediction_loss(texts: Tensor, predicted: Tensor, *, is_detached: bool) -> Tensor:
    """Return the divergence of the predicted from the true features of the texts (l_kl), times alpha T^2.

    Parameters
    ----------
    texts, predicted
        ``(B, W)`` features, whose softmax at temperature T is compared.
    is_detached
        Whether the texts learn nothing from it. In the published code they do, and may drift to what is easy to
        predict.
    """
    if is_detached:
        texts = texts.detach()
    wanted, found = (texts / TEMPERATURE).log_softmax(dim=-1), (predicted / TEMPERATURE).log_softmax(dim=-1)
    return ALPHA * TEMPERATURE**2 * F.kl_div(found, wanted, log_target=True, reduction="batchmean")
