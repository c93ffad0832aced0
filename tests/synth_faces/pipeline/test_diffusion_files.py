"""Diffusion models on disk: one weight file, and directories of diffusers."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch

from vision_cli.core.compute.described_weights import write_described
from vision_cli.core.errors import InputError
from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_mini_sd
from vision_cli.synth_faces.pipeline.diffusion_files import (
    MiniAbout,
    pack_pipeline,
    read_diffusers_directory,
    read_mini_about,
    save_as_diffusers_directory,
    unpack_pipeline,
)

pytestmark = pytest.mark.slow
"""The libraries of diffusion take seconds to import."""

WORDS = ("a", "happy", "sad", "face")
SHAPE = MiniShape(side=32, autoencoder=4, unet=(8, 40, 72), latent_scale=1.75)


@pytest.fixture(scope="module")
def parts():
    torch.set_num_threads(1)
    return build_mini_sd(WORDS, SHAPE, seed=3)


@pytest.fixture(scope="module")
def packed(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("packed") / "model.safetensors"
    pack_pipeline(path, MiniAbout(SHAPE, WORDS), parts)
    return path


@pytest.fixture(scope="module")
def directory(parts, tmp_path_factory):
    path = tmp_path_factory.mktemp("directory")
    save_as_diffusers_directory(parts, path)
    return path


def require_same(found, wanted):
    for name, module in wanted.modules.items():
        tensors = found.modules[name].state_dict()
        for key, tensor in module.state_dict().items():
            # float16 has 11 bits of mantissa.
            rounded = tensor.half().to(tensor.dtype)
            torch.testing.assert_close(tensors[key], rounded, msg=f"{name}.{key}")


def test_a_weight_file_holds_the_whole_model(packed, parts):
    assert read_mini_about(packed) == MiniAbout(SHAPE, WORDS)
    loaded = unpack_pipeline(packed)
    require_same(loaded.parts, parts)
    assert (loaded.side, loaded.latent_side, loaded.parts.latent_scale) == (32, 8, 1.75)
    assert loaded.parts.tokenizer.tokenize("a happy face") == ["a</w>", "happy</w>", "face</w>"]
    assert not any(one.requires_grad for one in loaded.parts.unet.parameters())


def test_a_directory_holds_the_whole_model_in_half_precision(directory, parts, capfd):
    loaded = read_diffusers_directory(directory)
    require_same(loaded.parts, parts)
    assert (loaded.side, loaded.parts.latent_scale) == (32, 1.75)
    assert loaded.parts.scheduler.config.prediction_type == "v_prediction"
    assert loaded.parts.scheduler.config.rescale_betas_zero_snr
    assert loaded.parts.tokenizer("a sad face").input_ids == parts.tokenizer("a sad face").input_ids
    assert "diffusers" not in capfd.readouterr().err
    size = (directory / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size
    assert size < 2.1 * sum(one.numel() for one in parts.unet.parameters()) + 60_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side": 33}, "out of range"),
        ({"unet": [8, 40, 4096]}, "out of range"),
        ({"unet": [8, 40]}, "out of range"),
        ({"heads": [0, 2, 4]}, "out of range"),
        ({"side": None}, "no diffusion model"),
        ({"latent_scale": float("inf")}, "no diffusion model"),
        ({"extra": 1}, "sizes of the parts missing"),
    ],
)
def test_a_weight_file_with_odd_sizes_is_refused(packed, tmp_path, change, message):
    about = read_mini_about(packed)
    document = {
        "what": "diffusion",
        "shape": {**replace(about.shape).__dict__, **change},
        "words": WORDS,
    }
    path = tmp_path / "odd.safetensors"
    write_described(path, "synth-faces", document, {"unet.x": torch.zeros(1)})
    with pytest.raises(InputError, match=message):
        unpack_pipeline(path)


def test_weights_of_something_else_are_refused(tmp_path, packed):
    path = tmp_path / "other.safetensors"
    write_described(path, "synth-faces", {"what": "expression"}, {})
    with pytest.raises(InputError, match="a recogniser of expression"):
        read_mini_about(path)
    path.write_bytes(packed.read_bytes()[:1000])
    with pytest.raises(InputError, match="no diffusion model of synth-faces"):
        unpack_pipeline(path)
    write_described(path, "synth-faces", {"what": "diffusion", "shape": SHAPE.__dict__, "words": WORDS}, {})
    with pytest.raises(InputError, match="not the weights of its network"):
        unpack_pipeline(path)


def changed_index(directory, tmp_path, **change):
    (tmp_path / "model").mkdir()
    for name in ("tokenizer", "text_encoder", "vae", "unet", "scheduler"):
        (tmp_path / "model" / name).symlink_to(directory / name)
    index = json.loads((directory / "model_index.json").read_text())
    index = {name: value for name, value in {**index, **change}.items() if value != "nothing"}
    (tmp_path / "model" / "model_index.json").write_text(json.dumps(index))
    return tmp_path / "model"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"_class_name": "StableDiffusionXLPipeline"}, "a model of SDXL; UNet2DConditionModel with 4-channel"),
        ({"_class_name": "StableDiffusion3Pipeline"}, "a model of SD 3"),
        ({"_class_name": "FluxPipeline"}, "a model of Flux"),
        ({"unet": ["diffusers", "UNet2DModel"]}, "unet of class UNet2DModel; UNet2DConditionModel expected"),
        ({"vae": "nothing"}, "no vae"),
        ({"text_encoder": [None, None]}, "text_encoder of class None"),
    ],
)
def test_directories_of_other_kinds_are_named(directory, tmp_path, change, message):
    with pytest.raises(InputError, match=message):
        read_diffusers_directory(changed_index(directory, tmp_path, **change))


def test_a_directory_with_a_damaged_part_is_refused(directory, tmp_path):
    with pytest.raises(InputError, match=r"no model_index\.json"):
        read_diffusers_directory(tmp_path)
    model = changed_index(directory, tmp_path)
    (model / "unet").unlink()
    (model / "unet").mkdir()
    (model / "unet" / "config.json").write_text("{")
    with pytest.raises(InputError, match="unet: cannot be read"):
        read_diffusers_directory(model)
    (model / "model_index.json").write_text("[]")
    with pytest.raises(InputError, match=r"model_index\.json: damaged"):
        read_diffusers_directory(model)


def test_pickled_weights_are_not_opened(directory, tmp_path):
    model = changed_index(directory, tmp_path)
    (model / "unet").unlink()
    (model / "unet").mkdir()
    (model / "unet" / "config.json").write_bytes((directory / "unet" / "config.json").read_bytes())
    torch.save({}, model / "unet" / "diffusion_pytorch_model.bin")
    with pytest.raises(InputError, match="unet: cannot be read"):
        read_diffusers_directory(model)
