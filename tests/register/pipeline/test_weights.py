"""Weight files describe their network."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.errors import InputError
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.pipeline.weights import describe_network, load_network


@pytest.fixture
def rng():
    return np.random.default_rng(40)


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


@pytest.mark.parametrize(
    "network",
    [WiNet(2, 2), WiNet(3, 1, "bior2.2", "displacement", refine=False, smooth=False)],
    ids=["2D", "3D with all options"],
)
def test_stored_weights_say_what_network_they_are_of(network, tmp_path, rng):
    save_file(network.state_dict(), tmp_path / "w.safetensors", describe_network(network))
    loaded = load_network(tmp_path / "w.safetensors")
    assert describe_network(loaded) == describe_network(network)
    assert not loaded.training
    images = [drawn(rng, 1, 1, *[16] * network.dim) for _ in range(2)]
    with torch.no_grad():
        torch.testing.assert_close(loaded(*images).normalised_field, network.eval()(*images).normalised_field)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "VoxelMorph"}, "weights of VoxelMorph found; of WiNet expected"),
        ({"architecture": None}, "weights of an unnamed network found"),
        ({"width": 4}, "tensors that do not fit the network it describes"),
        ({"dim": None}, "tensors that do not fit the network it describes"),
        ({"dim": 5}, "tensors that do not fit the network it describes"),
        ({"wavelet": "none"}, "tensors that do not fit the network it describes"),
        ({"width": "wide"}, "tensors that do not fit the network it describes"),
    ],
)
def test_weights_of_something_else_are_refused(tmp_path, changes, message):
    network = WiNet(2, 2)
    about = {**json.loads(describe_network(network)["network"]), **changes}
    stored = json.dumps({key: value for key, value in about.items() if value is not None})
    save_file(network.state_dict(), tmp_path / "w.safetensors", {"network": stored})
    with pytest.raises(InputError, match=message):
        load_network(tmp_path / "w.safetensors")


def test_what_is_no_weight_file_is_refused(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"x" * 40)
    with pytest.raises(InputError, match="cannot be read as safetensors"):
        load_network(tmp_path / "w.safetensors")
