"""PhysNet has the published size and layer names, and takes clips of any length."""

from __future__ import annotations

import pytest
import torch

from vision_cli.rppg_adapt.networks.build import build_physnet


def test_physnet_has_the_published_size_and_the_names_of_the_toolbox():
    network = build_physnet()
    assert sum(p.numel() for p in network.parameters()) == 768_577
    names = {name.split(".")[0] for name in network.state_dict()}
    assert names == {*(f"ConvBlock{k}" for k in range(1, 11)), "upsample", "upsample2"}
    assert network.state_dict()["ConvBlock1.0.weight"].shape == (16, 3, 1, 5, 5)
    assert network.state_dict()["upsample.0.weight"].shape == (64, 64, 4, 1, 1)


@pytest.mark.parametrize("frames", [16, 19])
def test_a_clip_of_any_length_gives_a_wave_of_its_length(frames):
    clip = torch.randn(1, 3, frames, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert build_physnet().eval()(clip).shape == (1, frames)
