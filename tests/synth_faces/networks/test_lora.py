"""Low-rank updates: nothing at first, merged as they were, and of the attention alone."""

from __future__ import annotations

import pytest
import torch

from vision_cli.synth_faces.networks.diffusion.lora import LoraLinear, add_lora, merge_lora
from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_unet

pytestmark = pytest.mark.slow


def inputs():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 4, 8, 8, generator=generator), torch.tensor(9), torch.randn(2, 5, 96, generator=generator)


@torch.no_grad()
def run(unet):
    return unet(*inputs()).sample


def test_updates_begin_as_nothing_and_merge_into_the_weights():
    torch.manual_seed(0)
    unet = build_unet(MiniShape(side=32, autoencoder=4, unet=(8, 16, 24)))
    names = set(unet.state_dict())
    before = run(unet)
    added = add_lora(unet, 3, torch.Generator().manual_seed(1))
    # Seven blocks of attention, each to itself and to text, each with four projections.
    assert len(added) == 7 * 2 * 4
    torch.testing.assert_close(run(unet), before)
    for layer in added.values():
        torch.nn.init.normal_(layer.up, std=0.1)
    changed = run(unet)
    assert (changed - before).abs().max() > 1e-2
    assert set(added.state_dict()) == {f"{name}.{part}" for name in added for part in ("up", "down")}
    merge_lora(unet, added)
    torch.testing.assert_close(run(unet), changed, atol=1e-5, rtol=1e-4)
    assert set(unet.state_dict()) == names


def test_the_frozen_layer_gets_no_gradient():
    base = torch.nn.Linear(6, 4)
    layer = LoraLinear(base, 2, torch.Generator().manual_seed(0))
    layer(torch.ones(3, 6)).sum().backward()
    assert base.weight.grad is None
    assert layer.up.grad.abs().sum() > 0
    assert {name for name, _ in layer.named_parameters()} == {"up", "down"}
