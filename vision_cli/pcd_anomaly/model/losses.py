"""The losses of Group3AD, on unit vectors ``z`` ``(N, d)`` of groups and their clusters.

The paper names what its networks do (groups of one cluster together, clusters apart) and not its equations; these are
alignment and uniformity on the sphere (Wang and Isola 2020, eq. 1 and 2), which its wording mirrors.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_PUSH_MARGIN = 0.5


def cluster_means(z: Tensor, clusters: Tensor, count: int) -> Tensor:
    """Average unit vectors by cluster and bring the means to the sphere.

    Parameters
    ----------
    z
        ``(N, d)``.
    clusters
        Cluster of each row, ``(N,)``.
    count
        Number K of clusters.

    Returns
    -------
    Tensor
        ``(K', d)`` for the K' clusters that occur.
    """
    sums = torch.zeros(count, z.shape[1], dtype=z.dtype, device=z.device).index_add(0, clusters, z)
    sizes = torch.bincount(clusters, minlength=count)
    return F.normalize(sums[sizes > 0], dim=1)


def inter_cluster_uniformity(means: Tensor) -> Tensor:
    """Compute L_IUN = log(1 / (K (K - 1)) Σ_{k≠l} exp(-2 ‖μ_k - μ_l‖²)); about -4 at best, 0 where all are one.

    Parameters
    ----------
    means
        ``(K, d)`` unit vectors, two or more.
    """
    count = len(means)
    square = 2 - 2 * means @ means.T
    off_diagonal = ~torch.eye(count, dtype=torch.bool, device=means.device)
    return torch.logsumexp(-2 * square[off_diagonal], dim=0) - torch.log(
        torch.tensor(float(count * (count - 1)), dtype=means.dtype, device=means.device)
    )


def intra_cluster_alignment(z: Tensor, centroids: Tensor, positive: Tensor | None = None) -> Tensor:
    """Compute L_IAN = mean ‖z_i - sg(μ_c(i))‖² + mean ‖z_i - z_i⁺‖².

    Parameters
    ----------
    z
        ``(N, d)``.
    centroids
        The centroid of each row's cluster, ``(N, d)``; no gradient runs into it.
    positive
        The same places sampled again, ``(N, d)``; None leaves the second term out.
    """
    loss = (z - centroids.detach()).square().sum(dim=1).mean()
    return loss if positive is None else loss + (z - positive).square().sum(dim=1).mean()


def push(defective: Tensor, centroids: Tensor, margin: float = _PUSH_MARGIN) -> Tensor:
    """Compute L_push = mean max(0, 0.5 - ‖z̃_i - μ_c(i)‖)²: groups with a pseudo-defect keep their distance.

    Parameters
    ----------
    defective
        ``(N, d)``.
    centroids
        The centroid of each row's cluster, ``(N, d)``.
    margin
        The distance to keep.
    """
    distance = (defective - centroids.detach()).square().sum(dim=1).clamp_min(1e-12).sqrt()
    return (margin - distance).clamp_min(0).square().mean()
