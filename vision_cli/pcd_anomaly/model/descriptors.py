"""Vectors of groups by ``--features``.

``hybrid`` is shape and residuals (`vision_cli.pcd_anomaly.scoring.features`), ``fpfh`` the shape alone, and
``pointmae`` the tokens of Point-MAE, as in Reg3D-AD and Group3AD. The channels of deviation are used with all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.pcd_anomaly.model.weights import load_point_mae
from vision_cli.pcd_anomaly.networks import PointMAE
from vision_cli.pcd_anomaly.options import Features
from vision_cli.pcd_anomaly.scoring.features import SHAPE_WIDTH, DescribeGroups, group_vectors
from vision_cli.pcd_anomaly.scoring.nodes import Nodes


@dataclass(frozen=True)
class PointMAETokens:
    """Vectors of groups from the tokens of Point-MAE.

    Attributes
    ----------
    network
        The encoder, on its device.
    """

    network: PointMAE

    @torch.no_grad()
    def __call__(self, nodes: Nodes, centres: NDArray[np.int64], group_size: int, size: float) -> NDArray[np.float32]:
        """Return tokens ``(G, 1152)``; arguments as for `group_vectors`.

        The part is scaled to the unit sphere, as the training data of Point-MAE.
        """
        points = nodes.residuals.surface.points
        near = nodes.tree.query(points[centres], k=min(group_size, len(points)))[1]
        middles = points[centres]
        device = next(self.network.parameters()).device

        def on_device(values: NDArray[np.float64]) -> torch.Tensor:
            return torch.from_numpy((values / (size / 2)).astype(np.float32))[None].to(device)

        tokens = self.network(on_device(points[near] - middles[:, None]), on_device(middles))
        return np.asarray(tokens[0].cpu().numpy())


def make_describer(features: Features, weights: Path | None, device: torch.device | str = "cpu") -> DescribeGroups:
    """Return the function that computes the vectors of groups.

    Parameters
    ----------
    features
        Kind of the vectors.
    weights
        File of Point-MAE's weights, for ``pointmae`` only.
    device
        Device of Point-MAE.

    Raises
    ------
    UsageError
        If weights are missing, or given but not needed.
    MissingError
        If the weights cannot be used; the message names the tensors.
    """
    if features == "pointmae":
        if weights is None:
            raise UsageError(
                "--features pointmae: no weights given; --weights FILE expected.",
                hint="Give Point-MAE's pretrain.pth, as its authors publish it.",
            )
        return PointMAETokens(load_point_mae(weights).to(device))
    if weights is not None:
        raise UsageError(f"--weights {weights}: found with --features {features}, which needs none.")
    return shape_vectors if features == "fpfh" else group_vectors


def shape_vectors(nodes: Nodes, centres: NDArray[np.int64], group_size: int, size: float) -> NDArray[np.float32]:
    """Return vectors of the shape of groups alone, ``(G, SHAPE_WIDTH)``; arguments as for `group_vectors`."""
    return group_vectors(nodes, centres, group_size, size)[:, :SHAPE_WIDTH]
