"""What both trainings of WiNet share: the network asked for, its layout in memory, and the seeds of samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from vision_cli.register.networks import WiNet
from vision_cli.register.options.training import NetworkOptions


def build_network(options: NetworkOptions, shape: Sequence[int]) -> WiNet:
    """Build the network for images of a shape, its parameters drawn from torch's generator."""
    return WiNet(
        len(shape),
        options.width,
        options.wavelet,
        options.variant,
        refine=options.refine,
        smooth=options.smooth,
        scales=options.scales,
        longest_side=max(shape),
        reference=shape,
    )


def laid_out(network: WiNet) -> WiNet:
    """Lay the parameters out with the channels last, which takes two thirds of the time in 3D."""
    return network.to(memory_format=torch.channels_last_3d if network.dim == 3 else torch.channels_last)


def sample_seed(seed: int, stream: int, number: int) -> int:
    """Mix a seed, the number of a stream and that of a sample into 32 bits, which are all that torch takes."""
    (mixed,) = np.random.SeedSequence((seed, stream, number)).generate_state(1)
    return int(mixed)
