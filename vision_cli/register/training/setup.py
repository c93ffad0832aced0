"""Parts shared by both trainings of WiNet: building the network, its memory layout, and the seeds of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vision_cli.register.networks.variants import build_winet, build_winet_diff
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.options.training import NetworkOptions


def build_network(options: NetworkOptions, shape: Sequence[int]) -> WiNet:
    """Return a new network for images of a shape; its parameters are drawn from torch's global generator."""
    build = build_winet_diff if options.variant == "diffeo" else build_winet
    return build(
        len(shape),
        width=options.width,
        wavelet=options.wavelet,
        refine=options.refine,
        smooth=options.smooth,
        scales=options.scales,
        longest_side=max(shape),
        reference=shape,
    )


def channels_last(network: WiNet) -> WiNet:
    """Return the network with its parameters in the channels-last layout, which saves a third of the time in 3D."""
    return network.to(memory_format=torch.channels_last_3d if network.dim == 3 else torch.channels_last)


def sample_seed(seed: int, stream: int, number: int) -> int:
    """Return a seed of 32 bits, the most that torch takes, from a seed, the number of a stream and of a sample."""
    (mixed,) = np.random.SeedSequence((seed, stream, number)).generate_state(1)
    return int(mixed)
