"""The visual behaviour graph: what the film looks like around gaze points, as the nodes of a graph.

Two repairs of the official code: its crops have whole-pixel places without a gradient, with rows and columns exchanged,
so that no loss moves a point; here patches are sampled between pixels and are differentiable in the points. And its
batch normalisation over eight nodes is a group normalisation here.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from vision_cli.gaze_predict.networks.layers import groups

PATCH = 6
"""Samples of a side of a patch."""


def patches(maps: Tensor, points: Tensor) -> Tensor:
    """Return square patches around points, bilinear, with zeros outside of the map.

    Parameters
    ----------
    maps
        ``(B, C, h, w)``.
    points
        ``(B, N, 2)``, x and y in the unit frame.

    Returns
    -------
    Tensor
        ``(B, N, C, 6, 6)``, samples one cell of the map apart.
    """
    height, width = maps.shape[-2:]
    steps = torch.arange(PATCH, dtype=points.dtype, device=points.device) - (PATCH - 1) / 2
    y, x = torch.meshgrid(steps / height, steps / width, indexing="ij")
    places = points[:, :, None] + torch.stack([x, y], -1).flatten(0, 1)
    # One call for all patches of a film: (B, N, 36, 2), the 36 samples of a patch in the place of columns.
    sampled: Tensor = F.grid_sample(maps, 2 * places - 1, padding_mode="zeros", align_corners=False)
    cut: Tensor = sampled.permute(0, 2, 1, 3).unflatten(3, (PATCH, PATCH))
    return cut


class NodeVectors(nn.Module):
    """What a node knows: a patch of the density, and a mean over a patch of features.

    Parameters
    ----------
    inputs
        Channels of the feature map.
    channels
        That it is reduced to.
    """

    def __init__(self, inputs: int, channels: int = 64) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(inputs, channels, 1)
        self.norm = nn.GroupNorm(groups(channels), channels)
        self.width = PATCH * PATCH + channels

    def forward(self, logits: Tensor, features: Tensor, *points: Tensor) -> list[Tensor]:
        """Return ``(B, N, 36 + channels)`` for each of some sets of points.

        Parameters
        ----------
        logits
            Of the density, ``(B, h, w)``.
        features
            ``(B, C, h, w)``.
        points
            Sets of ``(B, N, 2)``.
        """
        mean, spread = logits.mean((1, 2), keepdim=True), logits.std((1, 2), keepdim=True)
        level = ((logits - mean) / (spread + 1e-3))[:, None]
        maps = torch.cat([level, self.norm(self.reduce(features))], 1).float()
        cut = [patches(maps, one.float()) for one in points]
        return [torch.cat([one[:, :, 0].flatten(2), one[:, :, 1:].mean((3, 4))], 2) for one in cut]


class EdgeConvolution(nn.Module):
    """A perceptron on the edges to the nearest neighbours, and the greatest of each node's edges (arXiv:1801.07829).

    Parameters
    ----------
    inputs, outputs
        Channels of a node before and after.
    neighbours
        k of the nearest neighbours, with the node itself among them.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: int = 6) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.layer = nn.Conv2d(2 * inputs, outputs, 1, bias=False)
        self.norm = nn.GroupNorm(groups(outputs), outputs)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return ``(B, N, outputs)`` of nodes ``(B, N, inputs)``."""
        with torch.no_grad():
            nearest = torch.cdist(nodes, nodes).topk(self.neighbours, largest=False).indices
        batch = torch.arange(len(nodes), device=nodes.device)[:, None, None]
        others = nodes[batch, nearest]
        centre = nodes[:, :, None].expand_as(others)
        edges = torch.cat([centre, others - centre], 3).permute(0, 3, 1, 2)
        changed: Tensor = F.leaky_relu(self.norm(self.layer(edges)), 0.2).amax(3)
        return changed.transpose(1, 2)


class BehaviourGraph(nn.Module):
    """Edge convolutions whose results are joined, and an embedding of all of them.

    Parameters
    ----------
    inputs
        Channels of a node vector.
    widths
        Channels of the edge convolutions; 64, 64, 128 and 256 in the paper.
    embedding
        Channels of the embedding; 512 in the paper.
    """

    def __init__(self, inputs: int, widths: tuple[int, ...] = (64, 64, 128, 256), embedding: int = 512) -> None:
        super().__init__()
        steps = zip((inputs, *widths), widths, strict=False)
        self.edges = nn.ModuleList(EdgeConvolution(before, after) for before, after in steps)
        self.embed = nn.Sequential(nn.Linear(sum(widths), embedding), nn.LayerNorm(embedding), nn.LeakyReLU(0.2))
        self.width = sum(widths) + embedding

    def forward(self, nodes: Tensor) -> Tensor:
        """Return ``(B, N, width)`` of node vectors ``(B, N, inputs)``."""
        found = []
        for edge in self.edges:
            nodes = edge(nodes)
            found.append(nodes)
        joined = torch.cat(found, 2)
        return torch.cat([joined, self.embed(joined)], 2)
