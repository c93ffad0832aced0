"""Shapes of the networks."""

from __future__ import annotations

import torch

from vision_cli.pcd_anomaly.networks import PointMAE


def test_tokens_of_point_mae_are_three_blocks_wide():
    network = PointMAE(width=48, depth=4, heads=2, taps=(1, 3)).eval()
    assert network(torch.randn(1, 5, 16, 3), torch.randn(1, 5, 3)).shape == (1, 5, 96)
