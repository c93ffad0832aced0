"""CLIP from the files of others; all kinds of files give the same features, and those of transformers."""

from __future__ import annotations

import json
import os
import warnings
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from vision_cli.core.errors import InputError, MissingError
from vision_cli.forgery_detect.networks.clip.mapping import openai_names
from vision_cli.forgery_detect.networks.clip.towers import DEVIATION, MEAN, ClipText, ClipVision, TextSizes, VisionSizes
from vision_cli.forgery_detect.pipeline.clip_files import clip_text, clip_vision, read_clip

# A head of OpenAI's files has 64 channels.
VISION = VisionSizes(side=16, patch=8, width=128, depth=2, heads=2, hidden=32, outputs=12)
TEXT = TextSizes(rows=30, length=9, width=64, depth=1, heads=1, hidden=24, outputs=12)


@pytest.fixture(scope="module")
def towers():
    torch.manual_seed(0)
    return ClipVision(VISION).eval(), ClipText(TEXT).eval()


@pytest.fixture(scope="module")
def state(towers):
    vision, text = towers
    own = {f"visual.{name}": value for name, value in vision.state_dict().items()}
    return {**own, **text.state_dict(), "logit_scale": torch.tensor(4.6)}


class Container(nn.Module):
    """A module of modules, as OpenAI's archive has them."""

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values


def container(state):
    whole = Container()
    for name, value in state.items():
        *parts, last = name.split(".")
        module = whole
        for part in parts:
            if not hasattr(module, part):
                module.add_module(part, Container())
            module = getattr(module, part)
        module.register_parameter(last, nn.Parameter(value.clone()))
    return whole


def to_transformers(state):
    """Write tensors by the names of transformers."""
    found = {}
    for part, start in (("vision_model", "visual."), ("text_model", "")):
        for name, value in state.items():
            if not name.startswith(f"{start}transformer.resblocks."):
                continue
            number, rest = name.removeprefix(f"{start}transformer.resblocks.").split(".", 1)
            layer = f"{part}.encoder.layers.{number}."
            if rest.startswith("attn.in_proj_"):
                for letter, piece in zip("qkv", value.chunk(3), strict=True):
                    found[f"{layer}self_attn.{letter}_proj.{rest.removeprefix('attn.in_proj_')}"] = piece.clone()
            else:
                for old, new in (("ln_1", "layer_norm1"), ("ln_2", "layer_norm2"), ("mlp.c_fc", "mlp.fc1"),
                                 ("mlp.c_proj", "mlp.fc2"), ("attn.out_proj", "self_attn.out_proj")):  # fmt: skip
                    rest = rest.replace(old, new)
                found[layer + rest] = value
    vision, text = "vision_model.embeddings.", "text_model.embeddings."
    for ours, theirs in (
        ("visual.class_embedding", f"{vision}class_embedding"),
        ("visual.conv1.weight", f"{vision}patch_embedding.weight"),
        ("visual.positional_embedding", f"{vision}position_embedding.weight"),
        ("visual.ln_pre.weight", "vision_model.pre_layrnorm.weight"),
        ("visual.ln_pre.bias", "vision_model.pre_layrnorm.bias"),
        ("visual.ln_post.weight", "vision_model.post_layernorm.weight"),
        ("visual.ln_post.bias", "vision_model.post_layernorm.bias"),
        ("token_embedding.weight", f"{text}token_embedding.weight"),
        ("positional_embedding", f"{text}position_embedding.weight"),
        ("ln_final.weight", "text_model.final_layer_norm.weight"),
        ("ln_final.bias", "text_model.final_layer_norm.bias"),
        ("logit_scale", "logit_scale"),
    ):
        found[theirs] = state[ours]
    found["visual_projection.weight"] = state["visual.proj"].T.contiguous()
    found["text_projection.weight"] = state["text_projection"].T.contiguous()
    return found


CONFIG = {
    "vision_config": {"num_attention_heads": 2, "hidden_act": "quick_gelu"},
    "text_config": {"num_attention_heads": 1},
}


@pytest.fixture(scope="module")
def files(state, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    torch.save(state, folder / "state.pt")
    torch.save({"state_dict": {f"module.{name}": value for name, value in state.items()}}, folder / "wrapped.pt")
    save_file(state, folder / "open_clip.safetensors")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.script(container(state)).save(str(folder / "archive.pt"))
    own = folder / "transformers"
    own.mkdir()
    save_file(to_transformers(state), own / "model.safetensors")
    (own / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    other = folder / "open_clip"
    other.mkdir()
    save_file(state, other / "open_clip_model.safetensors")
    config = {"model_cfg": {"quick_gelu": True, "vision_cfg": {"width": 128, "head_width": 64}, "text_cfg": {}}}
    (other / "open_clip_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    "name", ["state.pt", "wrapped.pt", "open_clip.safetensors", "archive.pt", "transformers", "open_clip"]
)
def test_all_files_give_the_same_features(files, towers, name):
    weights = read_clip(str(files / name))
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    rows, ends = torch.tensor([[28, 3, 4, 29], [28, 5, 29, 0]]), torch.tensor([3, 2])
    with torch.no_grad():
        for found, wanted in zip(clip_vision(weights)(images), towers[0](images), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)
        torch.testing.assert_close(clip_text(weights)(rows, ends), towers[1](rows, ends), atol=1e-5, rtol=0)


def test_names_of_transformers_are_mapped_back(state):
    found = openai_names(to_transformers(state))
    assert set(found) == set(state)
    assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.slow
def test_features_are_those_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(2)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    vision = {**small, "image_size": 32, "patch_size": 8, "hidden_act": "gelu"}
    text = {**small, "vocab_size": 40, "max_position_embeddings": 10, "eos_token_id": 39, "bos_token_id": 38}
    config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    model = transformers.CLIPModel(config).eval()
    model.save_pretrained(tmp_path)
    weights = read_clip(str(tmp_path))
    images = torch.rand(3, 3, 32, 32)
    normal = (images - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(DEVIATION).view(3, 1, 1)
    rows = torch.tensor([[38, 3, 4, 5, 39], [38, 7, 39, 39, 39]])
    with torch.no_grad():
        own = clip_vision(weights)(images)[0]
        theirs = model.visual_projection(model.vision_model(pixel_values=normal).pooler_output)
        torch.testing.assert_close(own, theirs, atol=1e-5, rtol=0)
        said = clip_text(weights)(rows, torch.tensor([4, 2]))
        wanted = model.text_projection(model.text_model(input_ids=rows).pooler_output)
        torch.testing.assert_close(said, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("kept", "make", "named"), [("visual.", clip_text, "text tower"), ("t", clip_vision, "vision")]
)
def test_a_missing_tower_is_named(state, tmp_path, kept, make, named):
    path = tmp_path / "part.safetensors"
    save_file({name: value for name, value in state.items() if name.startswith(kept)}, path)
    with pytest.raises(InputError, match=f"no {named}"):
        make(read_clip(str(path)))


def test_a_missing_layer_is_named(state, tmp_path):
    path = tmp_path / "part.safetensors"
    save_file({name: value for name, value in state.items() if name != "visual.ln_post.bias"}, path)
    with pytest.raises(InputError, match=r"ln_post\.bias missing"):
        clip_vision(read_clip(str(path)))
    save_file({name: value for name, value in state.items() if name != "visual.proj"}, path)
    with pytest.raises(InputError, match="no proj of 2 axes"):
        clip_vision(read_clip(str(path)))


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(MissingError, match="no such file or directory"):
        read_clip(str(tmp_path / "nowhere.pt"))
    with pytest.raises(MissingError, match=r"no model\.safetensors found"):
        read_clip(str(tmp_path))


def test_a_hub_that_cannot_be_reached_says_which_files_to_give(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(MissingError, match="cannot be downloaded") as caught:
        read_clip("nobody/nothing-of-the-kind")
    assert "config.json and model.safetensors" in caught.value.hint


class Evil:
    def __reduce__(self):
        return os.system, ("true",)


def test_files_that_hold_more_than_tensors_are_not_opened(tmp_path):
    torch.save({"x": Evil()}, tmp_path / "evil.pt")
    with pytest.raises(InputError, match="not opened"):
        read_clip(str(tmp_path / "evil.pt"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and nothing", b"\x80\x02."])
def test_damaged_files_are_refused(tmp_path, content):
    for name in ("bad.pt", "bad.safetensors"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError):
            read_clip(str(tmp_path / name))


def test_a_truncated_archive_is_refused(files, tmp_path):
    content = (files / "archive.pt").read_bytes()
    with zipfile.ZipFile(files / "archive.pt") as whole, zipfile.ZipFile(tmp_path / "less.pt", "w") as less:
        for name in whole.namelist():
            less.writestr(name, whole.read(name)[: 40 if "/data/" in name else None])
    with pytest.raises(InputError, match="not a TorchScript archive that can be read"):
        read_clip(str(tmp_path / "less.pt"))
    (tmp_path / "cut.pt").write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_clip(str(tmp_path / "cut.pt"))


def test_numbers_that_are_not_finite_are_refused(state, tmp_path):
    save_file({**state, "logit_scale": torch.tensor(torch.nan)}, tmp_path / "nan.safetensors")
    with pytest.raises(InputError, match="not finite in logit_scale"):
        read_clip(str(tmp_path / "nan.safetensors"))


def test_a_configuration_of_something_else_is_refused(files, tmp_path):
    save_file({"x": torch.zeros(1)}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(InputError, match="not a configuration of CLIP"):
        read_clip(str(tmp_path))
