"""Weights of ours and of rPPG-Toolbox load; those of other networks, and pickles that run, do not."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.errors import InputError, MissingError
from vision_cli.rppg_adapt.networks.files import ModelSettings, PulseModel, load_model, resize_frames
from vision_cli.rppg_adapt.networks.networks import PhysNet, build, normalise


def test_our_weights_come_back(weights, untrained):
    model = load_model(str(weights))
    assert model.settings == untrained.settings
    assert len(model.sha256) == 64
    for name, value in model.network.state_dict().items():
        torch.testing.assert_close(value, untrained.network.state_dict()[name])


@pytest.mark.parametrize("prefix", ["", "module."])
def test_weights_of_the_toolbox_load(tmp_path, prefix):
    torch.manual_seed(1)
    network = PhysNet().eval()
    path = tmp_path / "PURE_PhysNet.pth"
    torch.save({prefix + name: value for name, value in network.state_dict().items()}, path)
    model = load_model(str(path))
    assert model.settings == ModelSettings("physnet", 72)
    clip = torch.randint(1, 255, (1, 8, 32, 32, 3))
    with torch.no_grad():
        torch.testing.assert_close(model.waves(clip), network(normalise(clip, "diff")))


def test_another_network_is_refused_with_what_is_missing(tmp_path):
    path = tmp_path / "x.pth"
    torch.save({"conv.weight": torch.zeros(3)}, path)
    with pytest.raises(
        InputError, match=r"weights of another network than PhysNet \(missing: ConvBlock1.*unknown: conv"
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
    with pytest.raises(InputError, match="cannot be read as weights alone"):
        load_model(str(path))
    assert not (tmp_path / "ran").exists()


def test_safetensors_of_something_else_are_refused(tmp_path):
    path = tmp_path / "x.safetensors"
    save_file({"a": torch.zeros(2)}, path)
    with pytest.raises(InputError, match=r"no weights of rppg-adapt \('backbone' is missing or wrong\)"):
        load_model(str(path))


def test_a_file_that_is_not_there_is_missing():
    with pytest.raises(MissingError, match="no such file"):
        load_model("nowhere.safetensors")


class Echo(torch.nn.Module):
    """A network that gives the mean change of its input."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x):
        return self.scale * x.mean((1, 3, 4))


def test_long_clips_are_read_in_windows_that_blend():
    t = np.arange(700) / 30
    levels = 120 + 20 * np.sin(2 * np.pi * 1.2 * t)
    frames = np.repeat(np.rint(levels).astype(np.uint8), 8 * 8 * 3).reshape(700, 8, 8, 3)
    model = PulseModel(Echo(), ModelSettings(size=8))
    whole, parts = model.read(frames, window=700), model.read(frames, window=150)
    assert np.corrcoef(whole[:-1], parts[:-1])[0, 1] > 0.98
    assert model.read(frames[:20]).shape == (20,)


def test_too_few_frames_are_refused(untrained):
    with pytest.raises(InputError, match="a clip of 4 frames; 8 or more expected"):
        untrained.read(np.zeros((4, 16, 16, 3), np.uint8))


def test_smaller_frames_are_means_of_areas():
    frames = np.random.default_rng(0).integers(0, 255, (2, 8, 8, 3), dtype=np.uint8)
    found = resize_frames(frames, 4)
    np.testing.assert_allclose(found[0, 0, 0], frames[0, :2, :2].mean(axis=(0, 1)), atol=1)
    assert resize_frames(frames, 8) is frames
