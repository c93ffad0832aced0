"""The smallest network, ready to be used."""

from __future__ import annotations

import torch

from vision_cli.fewshot_seg.networks.building import build_smallest
from vision_cli.fewshot_seg.pipeline.frames import Frame
from vision_cli.fewshot_seg.pipeline.networks import LoadedNetwork

SMALL = "smallest"


def small_network(*, cache=None, pads=False, seed=0):
    """Return the smallest network with random weights."""
    torch.manual_seed(seed)
    network = build_smallest().eval().requires_grad_(False)
    return LoadedNetwork(network, SMALL, Frame(64, pads), "digest", cache)
