"""LiteNet is small, takes clips of any length, and separates brightness from chrominance."""

from __future__ import annotations

import pytest
import torch

from vision_cli.rppg_adapt.networks.build import build_lite
from vision_cli.rppg_adapt.networks.lite import opponent_colours


def test_the_network_is_small():
    assert 80_000 < sum(p.numel() for p in build_lite().parameters()) < 300_000


@pytest.mark.parametrize("frames", [16, 19])
def test_a_clip_of_any_length_gives_a_wave_of_its_length(frames):
    clip = torch.randn(1, 3, frames, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert build_lite().eval()(clip).shape == (1, frames)


def test_changes_of_brightness_do_not_appear_in_the_chrominance():
    generator = torch.Generator().manual_seed(0)
    brightness = torch.randn(1, 1, 8, 4, 4, generator=generator).expand(-1, 3, -1, -1, -1)
    colours = 1e-2 * torch.randn(1, 3, 8, 4, 4, generator=generator)
    with_light, without = opponent_colours(brightness + colours), opponent_colours(colours)
    assert float(torch.corrcoef(torch.stack([with_light[:, 1].flatten(), without[:, 1].flatten()]))[0, 1]) > 0.99
    torch.testing.assert_close(with_light.std((2, 3, 4)), torch.ones(1, 3), atol=1e-2, rtol=0)
