"""The published variants of WiNet."""

from __future__ import annotations

import pytest

from vision_cli.register.networks.variants import build_winet, build_winet_diff


@pytest.mark.parametrize(("build", "variant"), [(build_winet, "displacement"), (build_winet_diff, "diffeo")])
def test_the_network_has_as_many_parameters_as_the_papers(build, variant):
    network = build()
    assert sum(p.numel() for p in network.parameters()) == 1_418_573
    assert (network.variant, network.wavelet, network.dim) == (variant, "haar", 3)


def test_changes_replace_published_values():
    network = build_winet_diff(2, width=1, wavelet="db4", refine=False)
    assert (network.dim, network.width, network.wavelet, network.refine, network.scales) == (2, 1, "db4", False, 3)
