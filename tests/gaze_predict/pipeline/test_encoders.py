"""Encoders given as files: OpenAI's names there and back, and files that are something else."""

from __future__ import annotations

import gzip
import warnings

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vision_cli.core.errors import ExitCode, InputError, MissingError, UsageError
from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet
from vision_cli.gaze_predict.networks.encoders.clip_text import ClipTextEncoder
from vision_cli.gaze_predict.networks.encoders.embedded_image import EmbeddedImageEncoder
from vision_cli.gaze_predict.pipeline.encoders import (
    load_clip_rn50,
    load_clip_text,
    open_image_encoder,
    open_text_encoder,
    read_tensors,
)
from vision_cli.gaze_predict.text.byte_pairs import MERGES_FILE

# Names and shapes of OpenAI's RN50.pt, some of each part.
OPENAI = {
    "visual.conv1.weight": (32, 3, 3, 3),
    "visual.bn3.running_var": (64,),
    "visual.layer1.0.downsample.0.weight": (256, 64, 1, 1),
    "visual.layer1.0.downsample.1.bias": (256,),
    "visual.layer2.3.conv2.weight": (128, 128, 3, 3),
    "visual.layer3.5.bn3.weight": (1024,),
}


@pytest.fixture(scope="module")
def rn50():
    """Return an encoder of random weights, and its tensors as OpenAI's file has them."""
    torch.manual_seed(0)
    encoder = ClipResNet()
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.1, 0.1)
            nn.init.uniform_(module.running_var, 0.9, 1.1)
    state = {f"visual.{name}": tensor.half() for name, tensor in encoder.state_dict().items() if tensor.dim()}
    state["visual.layer4.0.conv1.weight"] = torch.zeros(512, 1024, 1, 1).half()
    state["visual.attnpool.positional_embedding"] = torch.zeros(50, 2048).half()
    state |= {"logit_scale": torch.tensor(4.6), "input_resolution": torch.tensor(224)}
    encoder.load_state_dict({name: one.half() for name, one in encoder.state_dict().items()})
    return encoder.eval(), state


def test_names_and_shapes_are_those_of_openai(rn50):
    state = rn50[1]
    assert {name: tuple(state[name].shape) for name in OPENAI} == OPENAI


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_rn50_there_and_back(rn50, tmp_path, suffix):
    encoder, state = rn50
    path = tmp_path / f"RN50{suffix}"
    torch.save(state, path) if suffix == ".pt" else save_file(state, path)
    loaded = load_clip_rn50(path).eval()
    film = torch.rand(1, 1, 32, 32)
    with torch.no_grad():
        for first, second in zip(loaded(film), encoder(film), strict=True):
            torch.testing.assert_close(first, second)
    assert isinstance(open_image_encoder(f"clip-rn50:{path}"), ClipResNet)


def test_the_visual_part_alone_and_wrapped_names_load_too(rn50, tmp_path):
    state = {name.removeprefix("visual."): one for name, one in rn50[1].items() if name.startswith("visual.")}
    path = tmp_path / "wrapped.pt"
    torch.save({"state_dict": {f"module.{name}": one for name, one in state.items()}, "epoch": 3}, path)
    torch.testing.assert_close(load_clip_rn50(path).conv1.weight, state["conv1.weight"].float())


def text_state(depth=2, rows=49408):
    torch.manual_seed(0)
    encoder = ClipTextEncoder(rows, 64, 32, depth=depth, heads=1)
    return encoder.eval(), {
        **encoder.state_dict(),
        "visual.conv1.weight": torch.zeros(1),
        "logit_scale": torch.ones(()),
    }


def put_merges(folder):
    (folder / MERGES_FILE).write_bytes(gzip.compress(b"#version\n" + b"a b\n" * (49152 - 258)))


def test_the_text_transformer_there_and_back(tmp_path):
    encoder, state = text_state()
    assert "transformer.resblocks.1.attn.in_proj_weight" in state
    assert "transformer.resblocks.0.mlp.c_proj.bias" in state
    path = tmp_path / "clip.pt"
    torch.save(state, path)
    with pytest.raises(MissingError, match="list of merges") as caught:
        load_clip_text(path)
    assert MERGES_FILE in caught.value.hint
    put_merges(tmp_path)
    loaded, tokenizer = load_clip_text(path)
    ids = torch.tensor([tokenizer.encode("left effusion").ids])
    with torch.no_grad():
        first, second = (one(ids, ids > 0) for one in (loaded.eval(), encoder))
    torch.testing.assert_close(first, second)
    assert isinstance(open_text_encoder(f"clip:{path}")[0], ClipTextEncoder)


def test_a_text_transformer_of_another_vocabulary_is_refused(tmp_path):
    torch.save(text_state(1, 100)[1], tmp_path / "clip.pt")
    put_merges(tmp_path)
    with pytest.raises(InputError, match="100 rows of the vocabulary found; 49408 expected"):
        load_clip_text(tmp_path / "clip.pt")


class Scripted(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_torchscript_archive_is_read_as_tensors(tmp_path):
    path = tmp_path / "RN50.pt"
    torch.jit.save(torch.jit.trace(Scripted(), torch.zeros(1, 2)), path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_tensors(path).keys() == {"layer.weight", "layer.bias"}
        with pytest.raises(InputError, match=r"not CLIP's RN50; missing: conv1.weight, .*; unexpected: layer.weight"):
            load_clip_rn50(path)


class Hostile:
    def __reduce__(self):
        return (print, ("run",))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged|no weights"),
        (b"PK\x03\x04 cut short", "damaged|no weights"),
        ([1, 2], "list found"),
        ({"a": 1}, "no tensors by name"),
        ({"visual.conv1.weight": Hostile()}, "more than tensors"),
        ({"conv1.weight": torch.tensor([torch.nan])}, "not finite"),
    ],
    ids=["empty", "cut", "list", "numbers", "hostile", "nan"],
)
def test_other_files_are_one_line(tmp_path, capsys, content, message):
    path = tmp_path / "weights.pt"
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    with pytest.raises(InputError, match=message) as caught:
        load_clip_rn50(path)
    assert "\n" not in caught.value.message
    assert "run" not in capsys.readouterr().out


def test_a_damaged_safetensors_file(tmp_path):
    path = tmp_path / "weights.safetensors"
    path.write_bytes(b"no such thing")
    with pytest.raises(InputError, match="safetensors format"):
        read_tensors(path)


def test_another_network_is_named(rn50, tmp_path):
    state = dict(rn50[1])
    del state["visual.conv1.weight"]
    state["visual.bn1.weight"] = torch.zeros(7)
    state["visual.patch_embed.weight"] = torch.zeros(1)
    path = tmp_path / "other.pt"
    torch.save(state, path)
    wanted = r"not CLIP's RN50; missing: conv1.weight; unexpected: patch_embed.weight; other shapes: bn1.weight \(7,\)"
    with pytest.raises(InputError, match=wanted):
        load_clip_rn50(path)


def test_a_missing_file_has_exit_code_4(tmp_path):
    with pytest.raises(MissingError, match="no such file") as caught:
        open_image_encoder(f"clip-rn50:{tmp_path / 'none.pt'}")
    assert caught.value.exit_code == ExitCode.MISSING


@pytest.mark.parametrize("choice", ["rn50", "clip-rn50", "clip-rn50:", "hf:", ""])
def test_an_unknown_choice_names_the_known_ones(choice):
    with pytest.raises(UsageError, match="embedded, clip-rn50:FILE or hf:ID_OR_DIRECTORY expected"):
        open_image_encoder(choice)
    with pytest.raises(UsageError, match="embedded, clip:FILE or hf:ID_OR_DIRECTORY expected"):
        open_text_encoder(choice)


def test_the_embedded_encoders_fit_their_tokenizer():
    assert isinstance(open_image_encoder("embedded"), EmbeddedImageEncoder)
    encoder, tokenizer = open_text_encoder("embedded")
    assert encoder.pieces.num_embeddings == tokenizer.rows
    assert encoder.length == tokenizer.length
