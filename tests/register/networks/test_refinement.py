"""The refinement block treats each band by itself."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.register.networks.refinement import RefinementBlock


@pytest.fixture
def rng():
    return np.random.default_rng(40)


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_refinement_block_keeps_the_bands_apart(dim, rng):
    torch.manual_seed(0)
    block = RefinementBlock(dim)
    bands = 2**dim - 1
    coarse, own = drawn(rng, 1, bands * dim, *[3] * dim), drawn(rng, 1, bands * dim, *[6] * dim)
    before = block(coarse, own)
    for changed in (coarse, own):
        changed[:, dim : 2 * dim] += 1.0
    after = block(coarse, own)
    moved = (after - before).abs().amax(dim=tuple(range(2, 2 + dim)))[0].reshape(bands, dim).amax(1)
    assert moved[1] > 0
    assert float(moved[torch.arange(bands) != 1].detach().max()) == 0
