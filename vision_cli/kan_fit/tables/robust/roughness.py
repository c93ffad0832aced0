"""Roughness of the functions of a layer, for penalties that keep them from swinging where there are no data.

The roughness of an edge's function f on its node's range [-1, 1] is the mean of f''² as in smoothing splines (Reinsch
1967), and its slope the mean of f'². Both are quadratic forms of the edge's weights, for every space: straight lines
have no roughness, so that a network with a large penalty is a linear regression.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vision_cli.kan_fit.networks.dense import SKANLayer

_POINTS = 401


@torch.no_grad()
def roughness_forms(layer: SKANLayer) -> tuple[Tensor, Tensor]:
    """Return the matrices of the roughness and of the slope of a layer's functions, ``(F, F)`` each.

    Functions of different nodes have no common entries.
    """
    u = torch.linspace(-1, 1, _POINTS).to(layer.weight)
    rows = u.unsqueeze(1).expand(-1, layer.plan.inputs)
    first = layer.function_slopes(rows)
    second = torch.gradient(first, spacing=(u,), dim=0)[0]
    same = layer.node.unsqueeze(1) == layer.node.unsqueeze(0)
    return (second.T @ second) / _POINTS * same, (first.T @ first) / _POINTS * same
