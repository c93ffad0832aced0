"""Weights of ours and of rPPG-Toolbox load; those of other networks, and pickles that run, do not."""

from __future__ import annotations

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.errors import InputError, MissingError
from vision_cli.rppg_adapt.networks.build import build, build_physnet
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.networks.inputs import normalise
from vision_cli.rppg_adapt.networks.model import ModelSettings


def test_our_weights_come_back(weights, untrained):
    model = load_model(str(weights))
    assert model.settings == untrained.settings
    assert len(model.sha256) == 64
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(value, untrained.network.state_dict()[name])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_of_the_toolbox_load(tmp_path, prefix):
    torch.manual_seed(1)
    network = build_physnet().eval()
    path = tmp_path / "PURE_PhysNet.pth"
    torch.save({prefix + name: value for name, value in network.state_dict().items()}, path)
    model = load_model(str(path))
    assert model.settings == ModelSettings("physnet", 72)
    clip = torch.randint(1, 255, (1, 8, 32, 32, 3))
    with torch.no_grad():
        torch.testing.assert_close(model.predict_batch(clip), network(normalise(clip, "diff")))


def test_another_network_is_refused_with_what_is_missing(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(
        InputError, match=r"weights of another network than PhysNet found \(missing: ConvBlock1.*unknown: conv"
    ):
        load_model(str(path))


def test_layers_of_other_shapes_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    tensors = dict(build("lite").state_dict())
    tensors["decoder.3.bias"] = torch.zeros(7)
    save_file(tensors, path, metadata=ModelSettings().metadata)
    with pytest.raises(InputError, match=r"of other shapes: decoder\.3\.bias"):
        load_model(str(path))


def test_a_pickle_that_runs_is_never_opened(tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    path = tmp_path / "x.pth"
    with path.open("wb") as stream:
        pickle.dump({"w": Runs()}, stream)
    with pytest.raises(InputError, match="not a file of tensors only"):
        load_model(str(path))
    assert not (tmp_path / "ran").exists()


def test_safetensors_of_something_else_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(InputError, match=r"metadata of other weights found \('backbone' is missing or wrong\)"):
        load_model(str(path))


def test_a_file_that_is_not_there_is_missing():
    with pytest.raises(MissingError, match="no such file"):
        load_model("nowhere.safetensors")
