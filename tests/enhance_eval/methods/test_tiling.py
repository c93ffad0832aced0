"""Networks in tiles: the same values as on the whole picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import InputTooLarge
from vision_cli.enhance_eval.methods.learned.architectures import ARCHITECTURES
from vision_cli.enhance_eval.methods.learned.tiling import run_network
from vision_cli.enhance_eval.networks import pairlie, ruas, sci, zero_dce

NETWORKS = {
    "zero-dce": zero_dce.zero_dce,
    "sci": sci.sci,
    "ruas": lambda: ruas.ruas(denoise=True),
    "pairlie": pairlie.pairlie,
}


def strong(network):
    """Return the network with weights under which distant pixels matter; of RUAS, which divides, smaller ones."""
    generator = torch.Generator().manual_seed(0)
    gain = 0.3 if isinstance(network, ruas.RUAS) else 2.0
    with torch.no_grad():
        for one in network.parameters():
            if one.dim() > 1:
                fan = one[0].numel()
                one.copy_(torch.randn(one.shape, generator=generator) * (gain / fan) ** 0.5)
    return network.eval()


def picture(shape=(70, 83)):
    return np.random.default_rng(0).random((*shape, 3), dtype=np.float32)


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_give_what_the_whole_picture_gives(name):
    network, halo = strong(NETWORKS[name]()), ARCHITECTURES[name].halo
    whole = run_network(network, picture(), halo=halo, tile=0)
    tiled = run_network(network, picture(), halo=halo, tile=24)
    np.testing.assert_allclose(tiled, whole, atol=1e-6)


def test_the_halo_of_zero_dce_is_no_wider_than_needed():
    """Its receptive field is 15 px: with a halo of 6 the result would differ."""
    network = strong(zero_dce.zero_dce())
    whole = run_network(network, picture(), halo=7, tile=0)
    assert np.abs(run_network(network, picture(), halo=6, tile=24) - whole).max() > 1e-5


def test_no_tile_is_larger_than_asked_for():
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, x):
            seen.append(tuple(x.shape[-2:]))
            return x

    result = run_network(Watching(), picture((50, 90)), halo=3, tile=20)
    np.testing.assert_array_equal(result, picture((50, 90)))
    assert max(max(shape) for shape in seen) <= 26
    assert len(seen) == 15


def test_a_tile_that_does_not_fit_is_halved_and_then_refused():
    sizes = []

    class Hungry(torch.nn.Module):
        def __init__(self, room):
            super().__init__()
            self.room = room

        def forward(self, x):
            sizes.append(x.shape[-1])
            if x.shape[-1] > self.room:
                raise torch.OutOfMemoryError("out of memory")
            return x

    np.testing.assert_array_equal(run_network(Hungry(100), picture((20, 300)), halo=2, tile=0), picture((20, 300)))
    assert sizes[:3] == [300, 152, 77]
    with pytest.raises(InputTooLarge, match="300 x 20 pixels does not fit into the memory of cpu"):
        run_network(Hungry(10), picture((20, 300)), halo=2, tile=256)
    with pytest.raises(InputTooLarge):
        run_network(Hungry(10), picture((20, 300)), halo=None, tile=0)
