"""Training of the head on groups of good views: IUN spreads clusters, IAN gathers them, push repels pseudo-defects.

Clusters stand for regions of the part: balanced k-means on registered centre and vector, repeated during training.
Training takes about fifteen seconds on one core, so there are no checkpoints. A loss that is not finite halves the rate
once; if that fails too, the model has no head and groups are compared by standardised vectors.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from vision_cli.pcd_anomaly.model.embedding import TrainedHead
from vision_cli.pcd_anomaly.model.losses import cluster_means, inter_cluster_uniformity, intra_cluster_alignment, push
from vision_cli.pcd_anomaly.networks import GroupHead
from vision_cli.pcd_anomaly.options import HeadOptions

_RECLUSTER = 50
_MOST_CLUSTERED = 6000
_DECAY = 0.99
_BALANCE_ROUNDS = 8
_PLACE_WEIGHT = 5.0
"""Weight of registered centres, divided by the diameter, beside standardised vectors in the clustering."""


@dataclass(frozen=True)
class GroupSet:
    """Groups of views of good parts.

    Attributes
    ----------
    vectors
        Vectors of the groups, ``(N, F)``.
    positives
        Vectors of the same places in another view, or the vectors themselves, ``(N, F)``.
    centres
        Registered centres divided by the diameter, ``(N, 3)``.
    prototypes
        Number of the prototype of each, ``(N,)``.
    defective, defective_centres
        Vectors and centres of groups with a pseudo-defect, ``(D, F)`` and ``(D, 3)``.
    """

    vectors: NDArray[np.float32]
    positives: NDArray[np.float32]
    centres: NDArray[np.float32]
    prototypes: NDArray[np.int64]
    defective: NDArray[np.float32]
    defective_centres: NDArray[np.float32]


def balanced_kmeans(rows: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Cluster rows into clusters of about equal size.

    Lloyd's iterations with a penalty for each cluster that rises while the cluster is larger than average (a
    subgradient of the transport problem of equal sizes).

    Parameters
    ----------
    rows
        ``(N, d)``.
    count
        Number K of clusters; at most the number of rows.
    generator
        Draws the first centroids.

    Returns
    -------
    tuple
        Cluster of each row ``(N,)`` and centroids ``(K, d)``.
    """
    count = min(count, len(rows))
    centroids = rows[torch.randperm(len(rows), generator=generator)[:count]].clone()
    price = torch.zeros(count)
    share = len(rows) / count
    label = torch.zeros(len(rows), dtype=torch.int64)
    for round_number in range(_BALANCE_ROUNDS):
        square = torch.cdist(rows, centroids).square()
        if round_number == 0:
            unit = float(square.min(dim=1).values.mean()) + 1e-12
        label = (square + price).argmin(dim=1)
        sizes = torch.bincount(label, minlength=count)
        price = price + 0.5 * unit * (sizes.float() / share - 1).clamp(-1, 1)
        sums = torch.zeros_like(centroids).index_add(0, label, rows)
        centroids = torch.where((sizes > 0)[:, None], sums / sizes.clamp_min(1)[:, None], centroids)
    return label, centroids


def train_head(groups: GroupSet, options: HeadOptions, generator: torch.Generator) -> TrainedHead:
    """Return a trained head.

    Parameters
    ----------
    groups
        Groups of views of good parts.
    options
        Options of the training.
    generator
        Draws initial values, centroids and batches.
    """
    mean = groups.vectors.mean(axis=0)
    scale = np.maximum(groups.vectors.std(axis=0), 1e-3).astype(np.float32)
    bare = TrainedHead(None, mean, scale, ())
    wanted = options.iun or options.ian or options.push
    if options.steps == 0 or not wanted or len(groups.vectors) < 4 * options.clusters:
        return bare
    for rate in (options.rate, options.rate / 2):
        network, history = _attempt(groups, bare, options, rate, generator)
        if network is not None:
            return TrainedHead(network, mean, scale, tuple(history))
    return bare


def _attempt(
    groups: GroupSet, bare: TrainedHead, options: HeadOptions, rate: float, generator: torch.Generator
) -> tuple[GroupHead | None, list[float]]:
    def standardised(vectors: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy((vectors - bare.mean) / bare.scale)

    good, again, bad = (standardised(v) for v in (groups.vectors, groups.positives, groups.defective))
    places, bad_places = torch.from_numpy(groups.centres), torch.from_numpy(groups.defective_centres)
    network = _new_head(good.shape[1], generator)
    optimiser = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=options.decay)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, options.steps)
    history: list[float] = []
    good_state = copy.deepcopy(network.state_dict())
    for step in range(options.steps):
        if step % _RECLUSTER == 0:
            good_state = copy.deepcopy(network.state_dict())
            label, centroids = _clusters(network, good, places, options.clusters, step == 0, generator)
            bad_label = torch.cdist(bad_places, _place_means(places, label, len(centroids))).argmin(dim=1)
        rows = torch.randint(len(good), (min(options.batch, len(good)),), generator=generator)
        z, z_again = network(good[rows]), network(again[rows])
        loss = z.new_zeros(())
        if options.iun:
            loss = loss + inter_cluster_uniformity(cluster_means(z, label[rows], len(centroids)))
        if options.ian:
            loss = loss + intra_cluster_alignment(z, centroids[label[rows]], z_again)
        if options.push and len(bad):
            some = torch.randint(len(bad), (min(options.batch // 4, len(bad)),), generator=generator)
            loss = loss + push(network(bad[some]), centroids[bad_label[some]])
        if not torch.isfinite(loss):
            network.load_state_dict(good_state)
            return None, history
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        history.append(float(loss.detach()))
        with torch.no_grad():
            fresh = torch.zeros_like(centroids).index_add(0, label[rows], z)
            seen = torch.bincount(label[rows], minlength=len(centroids)) > 0
            moved = F.normalize(_DECAY * centroids + (1 - _DECAY) * F.normalize(fresh, dim=1), dim=1)
            centroids = torch.where(seen[:, None], moved, centroids)
    return network.eval(), history


def _new_head(inputs: int, generator: torch.Generator) -> GroupHead:
    """Return a head initialised from the given generator; at first it leaves vectors unchanged."""
    network = GroupHead(inputs)
    with torch.no_grad():
        first, *others = network.parameters()
        first.copy_((2 * torch.rand(first.shape, generator=generator) - 1) / math.sqrt(inputs))
        for parameter in others:
            parameter.zero_()
    return network


@torch.no_grad()
def _clusters(
    network: GroupHead, good: Tensor, places: Tensor, count: int, is_first: bool, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    z = network(good)
    features = good / math.sqrt(good.shape[1]) if is_first else z
    rows = torch.cat([_PLACE_WEIGHT * places, features], dim=1)
    # Centroids of a subset of rows are as good as those of all.
    some = rows[:: max(1, len(rows) // _MOST_CLUSTERED)]
    _, centres = balanced_kmeans(some, count, generator)
    label = torch.cdist(rows, centres).argmin(dim=1)
    _, label = torch.unique(label, return_inverse=True)
    count = int(label.max()) + 1
    sums = torch.zeros(count, z.shape[1]).index_add(0, label, z)
    return label, F.normalize(sums, dim=1)


def _place_means(places: Tensor, label: Tensor, count: int) -> Tensor:
    sums = torch.zeros(count, 3).index_add(0, label, places)
    return sums / torch.bincount(label, minlength=count).clamp_min(1)[:, None]
