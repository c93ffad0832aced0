"""Parts shared by both trainings."""

from __future__ import annotations

import pytest
import torch

from vision_cli.register.options.training import NetworkOptions
from vision_cli.register.training.setup import build_network, channels_last, sample_seed


@pytest.mark.parametrize("variant", ["diffeo", "displacement"])
def test_the_network_is_that_of_the_options_for_the_shape(variant):
    options = NetworkOptions(variant=variant, wavelet="db2", width=1, refine=False, smooth=False, scales=2)
    network = build_network(options, (32, 48))
    assert (network.variant, network.wavelet, network.width, network.scales) == (variant, "db2", 1, 2)
    assert (network.refine, network.smooth) == (False, False)
    assert (network.dim, network.longest_side, network.reference) == (2, 48, (32, 48))


def test_the_layout_in_memory_changes_no_value():
    network = build_network(NetworkOptions(width=1), (16, 16))
    images = torch.rand(2, 1, 1, 16, 16)
    with torch.no_grad():
        expected = network(*images).normalised_field
        found = channels_last(network)(*images).normalised_field
    assert network.conv0.weight.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected)


def test_samples_and_streams_have_their_own_seeds():
    seeds = {sample_seed(seed, stream, number) for seed in (0, 1) for stream in (0, 1) for number in range(50)}
    assert len(seeds) == 200
    assert all(0 <= seed < 2**32 for seed in seeds)
    assert sample_seed(1, 2, 3) == sample_seed(1, 2, 3)
