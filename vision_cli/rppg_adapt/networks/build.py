"""Builders of the networks, with their published widths."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from vision_cli.rppg_adapt.networks.lite import LiteNet
from vision_cli.rppg_adapt.networks.physnet import PhysNet

Backbone = Literal["lite", "physnet"]


def build_physnet() -> PhysNet:
    """Return PhysNet with the widths of its paper and of rPPG-Toolbox: 768,577 parameters."""
    return PhysNet(widths=(16, 32, 64))


def build_lite() -> LiteNet:
    """Return the default network of this project."""
    return LiteNet(widths=(8, 16, 32), width_in_time=64, dilations=(1, 2, 4, 8, 16), heads=4)


_BUILDERS: Mapping[Backbone, Callable[[], PhysNet | LiteNet]] = {"physnet": build_physnet, "lite": build_lite}


def build(backbone: Backbone) -> PhysNet | LiteNet:
    """Return a network with random weights, drawn from torch's global generator."""
    return _BUILDERS[backbone]()
