"""The published variants of WiNet (arXiv:2407.13426, section 2): WiNet and WiNet-Diff."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, Unpack

from vision_cli.register.networks.winet import WiNet


class HyperParameters(TypedDict, total=False):
    """Arguments of `WiNet` other than the number of axes and the variant; the defaults are the published values."""

    width: int
    wavelet: str
    refine: bool
    smooth: bool
    scales: int
    longest_side: int
    reference: Sequence[int] | None


def build_winet(dim: int = 3, **changes: Unpack[HyperParameters]) -> WiNet:
    """Return WiNet, which predicts a displacement; ``changes`` replace published values."""
    return WiNet(dim, variant="displacement", **changes)


def build_winet_diff(dim: int = 3, **changes: Unpack[HyperParameters]) -> WiNet:
    """Return WiNet-Diff, which predicts a stationary velocity field; ``changes`` replace published values."""
    return WiNet(dim, variant="diffeo", **changes)
