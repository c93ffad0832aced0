"""Weight files of the network."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from vision_cli.core.errors import InputError
from vision_cli.gaze_predict.networks.building import build_embedded
from vision_cli.gaze_predict.pipeline.weight_files import About, ablation_of, read_about, read_network, write_network
from vision_cli.gaze_predict.text.tokenizer import Tokenizer


def metadata_of(path):
    with safe_open(path, framework="numpy") as file:
        return file.metadata()


def test_a_network_reads_back_as_float16_without_the_parts_of_training(small_weights):
    torch.manual_seed(0)
    made = build_embedded(Tokenizer.default().rows)
    loaded = read_network(small_weights)
    assert loaded.about == About(64)
    assert small_weights.stat().st_size < 6e6
    state = made.state_dict()
    for name, tensor in loaded.network.state_dict().items():
        assert torch.equal(tensor, state[name].half().float()), name
    assert any(name.startswith("behaviour.") for name in state)
    assert not any(name.startswith("behaviour.") for name in load_file(small_weights))
    assert not any(parameter.requires_grad for parameter in loaded.network.parameters())


def test_what_was_left_out_is_built_again_without_it(tmp_path):
    about = About(80, head="fc", ablation=("context", "graph"), source="recordings")
    network = build_embedded(Tokenizer.default().rows, head="fc", ablation=ablation_of(about.ablation))
    write_network(tmp_path / "w.safetensors", about, network.state_dict())
    loaded = read_network(tmp_path / "w.safetensors")
    assert loaded.about == about
    assert loaded.network.decoder is None


def test_other_files_are_refused_in_one_line(small_weights, tmp_path):
    tensors, metadata = load_file(small_weights), metadata_of(small_weights)
    name = next(name for name in tensors if name.startswith("decoder."))
    path = tmp_path / "w.safetensors"
    broken = dict(tensors) | {name: torch.full_like(tensors[name], torch.nan)}
    for content, about, message in (
        (broken, metadata, f"numbers that are not finite in {name}"),
        ({key: value for key, value in tensors.items() if key != name}, metadata, f"{name} missing"),
        (dict(tensors) | {"more": torch.zeros(1)}, metadata, "more unexpected"),
        (dict(tensors) | {name: torch.zeros(3)}, metadata, "another shape"),
        (tensors, None, "no weights of gaze-predict"),
        (tensors, {"gaze-predict": json.dumps({"side": 30, "head": "query"})}, "no weights of gaze-predict"),
    ):
        save_file(content, path, metadata=about)
        with pytest.raises(InputError, match=message):
            read_network(path)
    path.write_bytes(small_weights.read_bytes()[:1000])
    with pytest.raises(InputError, match="no weights of gaze-predict"):
        read_about(path)
