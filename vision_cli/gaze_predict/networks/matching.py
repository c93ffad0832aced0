"""Visual behaviour matching: which predicted point is which true point.

Source: GEM's matching part, which follows RGM (arXiv:2103.04256, section 3); "AIS" there is affinity, instance
normalisation, Sinkhorn. Both graphs have their nodes in the order of time, so the correspondence wanted is identity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from vision_cli.gaze_predict.networks.graph import BehaviourGraph, NodeVectors

ROUNDS, SINKHORN_ROUNDS = 5, 20


def log_sinkhorn(scores: Tensor, rounds: int = SINKHORN_ROUNDS) -> Tensor:
    """Return the logarithm of a doubly stochastic matrix ``(B, N, N)``: rows, then columns are normalised in turn."""
    for _ in range(rounds):
        scores = scores - scores.logsumexp(2, keepdim=True)
        scores = scores - scores.logsumexp(1, keepdim=True)
    return scores


class GraphConvolution(nn.Module):
    """A · relu(W₁ x) + relu(W₂ x), with a soft adjacency A = softmax(Q Qᵀ / √d) of the nodes' own attention.

    Parameters
    ----------
    width
        Channels of a node.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attend = nn.Linear(width, width, bias=False)
        self.neighbours, self.own = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, nodes: Tensor) -> Tensor:
        """Return ``(B, N, D)``."""
        asked = self.attend(nodes)
        adjacency = torch.softmax(asked @ asked.transpose(1, 2) / asked.shape[2] ** 0.5, 2)
        changed: Tensor = adjacency @ self.neighbours(nodes).relu() + self.own(nodes).relu()
        return changed


class Affinity(nn.Module):
    """X · ½(A + Aᵀ) · Yᵀ, instance normalisation, Sinkhorn.

    Parameters
    ----------
    width
        Channels of a node.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.eye(width) + torch.randn(width, width) * width**-0.5 * 0.1)
        self.norm = nn.InstanceNorm2d(1, affine=True)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the logarithm of the soft correspondence ``(B, N, N)`` of nodes ``(B, N, D)`` of two graphs."""
        scores = first @ (0.5 * (self.weight + self.weight.T)) @ second.transpose(1, 2)
        # Of half precision, twenty rounds would leave the sums far from 1.
        return log_sinkhorn(self.norm(scores.float()[:, None])[:, 0].float())


class BehaviourMatching(nn.Module):
    """Five rounds of graph convolutions on two graphs, which exchange their nodes before the last round.

    The correspondence is computed before the exchange, which needs it, and at the end; no other is used.

    Parameters
    ----------
    inputs
        Channels of a node.
    width
        Channels within; 1024 in the paper.
    """

    def __init__(self, inputs: int, width: int = 1024) -> None:
        super().__init__()
        self.first = nn.Linear(inputs, width)
        self.rounds = nn.ModuleList(GraphConvolution(width) for _ in range(ROUNDS))
        # The sums of a convolution grow with its rounds, and the affinity with their squares.
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(ROUNDS))
        self.exchange = nn.Linear(2 * width, width)
        self.affinities = nn.ModuleList(Affinity(width) for _ in range(2))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the logarithm of the correspondence ``(B, N, N)`` of nodes ``(B, N, D)`` of two graphs."""
        count = len(first)
        both = self.first(torch.cat([first, second]))
        for number, (convolve, norm) in enumerate(zip(self.rounds, self.norms, strict=True)):
            if number == ROUNDS - 1:
                first, second = both[:count], both[count:]
                pairs = self.affinities[0](first, second).exp()
                seen = torch.cat([pairs @ second, pairs.transpose(1, 2) @ first])
                both = self.exchange(torch.cat([both, seen], 2))
            both = norm(convolve(both))
        found: Tensor = self.affinities[1](both[:count], both[count:])
        return found


class BehaviourBranch(nn.Module):
    """Graphs around predicted and true points, and their matching; used in training only.

    Parameters
    ----------
    inputs
        Channels of the feature map.
    widths, embedding
        Of the graph.
    matching_width
        Of the matching.
    graph
        Whether there is a graph; else each node is embedded by itself.
    matching
        Whether graphs are matched in rounds; else nodes are compared as they are.
    """

    def __init__(
        self,
        inputs: int,
        widths: tuple[int, ...] = (64, 64, 128, 256),
        embedding: int = 512,
        matching_width: int = 1024,
        *,
        graph: bool = True,
        matching: bool = True,
    ) -> None:
        super().__init__()
        self.nodes = NodeVectors(inputs)
        behaviour = BehaviourGraph(self.nodes.width, widths, embedding)
        self.embed = behaviour if graph else nn.Linear(self.nodes.width, behaviour.width)
        self.match = BehaviourMatching(behaviour.width, matching_width) if matching else Affinity(behaviour.width)

    def forward(self, logits: Tensor, features: Tensor, predicted: Tensor, true: Tensor) -> Tensor:
        """Return the logarithm of the correspondence ``(B, N, N)``, predicted points by true points.

        Parameters
        ----------
        logits, features
            Of the density, ``(B, h, w)``, and the map that it is computed from, ``(B, C, h, w)``.
        predicted, true
            ``(B, N, 2)``, x and y in the unit frame.
        """
        first, second = self.nodes(logits, features, predicted, true)
        count = len(first)
        both = self.embed(torch.cat([first, second]))
        found: Tensor = self.match(both[:count], both[count:])
        return found
