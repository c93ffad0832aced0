"""Each backbone has its builder."""

from __future__ import annotations

import pytest
import torch

from vision_cli.rppg_adapt.networks.build import build
from vision_cli.rppg_adapt.networks.lite import LiteNet
from vision_cli.rppg_adapt.networks.physnet import PhysNet


@pytest.mark.parametrize(("backbone", "kind"), [("lite", LiteNet), ("physnet", PhysNet)])
def test_a_backbone_is_built_by_its_name_from_the_global_generator(backbone, kind):
    networks = []
    for _ in range(2):
        torch.manual_seed(1)
        networks.append(build(backbone))
    assert all(isinstance(network, kind) for network in networks)
    for one, two in zip(*(network.parameters() for network in networks), strict=True):
        assert torch.equal(one, two)
