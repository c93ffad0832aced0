"""Losses of GM-DF (arXiv:2406.20078)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from vision_cli.forgery_detect.networks.gmdf.prompts import Prompts


def squared_wasserstein(one: Tensor, other: Tensor, jitter: float = 1e-6) -> Tensor:
    """Return the squared 2-Wasserstein distance between the Gaussians of two batches of features (L_dal).

    It is ``|m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^1/2 S2 S1^1/2)^1/2)``. With centred batches A and B over the roots
    of their counts less one, the last trace is the nuclear norm of ``A B^T``: a matrix of the size of the batches, not
    of the features, and no root of a singular covariance.

    Parameters
    ----------
    one, other
        ``(N, W)`` and ``(M, W)``, two rows or more each.
    jitter
        Singular values far below it have no derivative: centred batches always have one of 0, whose directions are
        arbitrary.
    """
    if one.dtype != torch.float64:
        # No singular values in half precision.
        one, other = one.float(), other.float()
    mean_one, mean_other = one.mean(dim=0), other.mean(dim=0)
    a = (one - mean_one) * (len(one) - 1) ** -0.5
    b = (other - mean_other) * (len(other) - 1) ** -0.5
    values = torch.linalg.svdvals(a @ b.T)
    norm = (values.square() / (values.square() + jitter**2).sqrt()).sum()
    distance: Tensor = (mean_one - mean_other).square().sum() + a.square().sum() + b.square().sum() - 2 * norm
    return distance


def prompt_contrast(features: Tensor, prompts: Prompts, domains: Tensor, labels: Tensor) -> Tensor:
    """Return the InfoNCE loss between pictures and the prompts of class and domain (L_sis, equation 11).

    Half of it picks the prompt of each picture among those of all named domains, half the pictures of each prompt among
    the batch; all pictures of a prompt are positives.

    Parameters
    ----------
    features
        ``(B, W)`` features of pictures, of any length.
    prompts
        Features of the prompts; the wildcard takes no part.
    domains, labels
        ``(B,)`` numbers of the domains, from 0 without the wildcard, and classes.
    """
    texts, temperatures = prompts.features[1:].flatten(0, 1), prompts.temperatures[1:].repeat_interleave(2)
    scores = F.normalize(features, dim=-1) @ texts.T / temperatures
    wanted = 2 * domains + labels
    is_own = F.one_hot(wanted, scores.shape[1]).to(scores.dtype)
    counts = is_own.sum(dim=0)
    of_prompts = -(is_own * scores.log_softmax(dim=0)).sum(dim=0) / counts.clamp(min=1)
    to_pictures = of_prompts.sum() / (counts > 0).sum()
    return 0.5 * (F.cross_entropy(scores, wanted) + to_pictures)
