"""The losses of Group3AD, on unit vectors ``z`` ``(N, d)`` of groups and their clusters.

The paper describes the aims (groups of one cluster together, clusters apart); its equations were not available. These
losses are alignment and uniformity on the sphere (Wang and Isola 2020, eq. 1 and 2), which its wording resembles.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_PUSH_MARGIN = 0.5


def cluster_means(z: Tensor, clusters: Tensor, count: int) -> Tensor:
    """Return the normalised means of unit vectors by cluster.

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
    """Return L_IUN = log(1 / (K (K - 1)) Σ_{k≠l} exp(-2 ‖μ_k - μ_l‖²)); about -4 at best, 0 if all means are equal.

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
    """Return L_IAN = mean ‖z_i - sg(μ_c(i))‖² + mean ‖z_i - z_i⁺‖².

    Parameters
    ----------
    z
        ``(N, d)``.
    centroids
        The centroid of each row's cluster, ``(N, d)``; it receives no gradient.
    positive
        Vectors of the same places in another view, ``(N, d)``; None leaves the second term out.
    """
    loss = (z - centroids.detach()).square().sum(dim=1).mean()
    return loss if positive is None else loss + (z - positive).square().sum(dim=1).mean()


def push(defective: Tensor, centroids: Tensor, margin: float = _PUSH_MARGIN) -> Tensor:
    """Return L_push = mean max(0, 0.5 - ‖z̃_i - μ_c(i)‖)², which repels groups with a pseudo-defect.

    Parameters
    ----------
    defective
        ``(N, d)``.
    centroids
        The centroid of each row's cluster, ``(N, d)``.
    margin
        Distance beyond which the loss is 0.
    """
    distance = (defective - centroids.detach()).square().sum(dim=1).clamp_min(1e-12).sqrt()
    return (margin - distance).clamp_min(0).square().mean()
