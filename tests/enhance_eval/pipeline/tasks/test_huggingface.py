from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError, MissingError
from vision_cli.enhance_eval.pipeline.tasks.huggingface import open_huggingface, read_preprocessing

has_transformers = importlib.util.find_spec("transformers") is not None
PICTURE = np.random.default_rng(0).random((30, 40, 3), dtype=np.float32)
NORM = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}


def put(folder, **config):
    (folder / "preprocessor_config.json").write_text(json.dumps({"size": {"height": 16, "width": 24}} | NORM | config))
    return folder / "preprocessor_config.json"


@pytest.mark.parametrize(
    ("config", "shape"),
    [
        ({}, (16, 24)),
        ({"size": {"shortest_edge": 60}}, (60, 80)),
        ({"size": {"shortest_edge": 60, "longest_edge": 70}}, (52, 70)),
        ({"size": 60}, (60, 80)),
        ({"size": 60, "max_size": 70}, (52, 70)),
        ({"size": {"shortest_edge": 32}, "do_center_crop": True, "crop_size": 24}, (24, 24)),
        ({"size": {"shortest_edge": 32}, "do_center_crop": True, "crop_size": {"height": 40, "width": 20}}, (40, 20)),
        ({"do_resize": False}, (30, 40)),
    ],
)
def test_sizes_of_the_preprocessing(tmp_path, config, shape):
    assert tuple(read_preprocessing(put(tmp_path, **config)).apply(PICTURE).shape) == (1, 3, *shape)


def test_values_of_the_preprocessing(tmp_path):
    white = np.ones((8, 8, 3), np.float32)
    assert read_preprocessing(put(tmp_path)).apply(white).unique().tolist() == [1]
    assert read_preprocessing(put(tmp_path, do_normalize=False)).apply(white).unique().tolist() == [1]
    found = read_preprocessing(put(tmp_path, do_normalize=False, do_rescale=False)).apply(white)
    assert found.unique().tolist() == [255]


def test_resizing_is_that_of_pillow(tmp_path):
    from PIL import Image

    pixels = (PICTURE * 255).astype(np.uint8)
    ours = read_preprocessing(put(tmp_path, do_normalize=False, size={"height": 11, "width": 17}, resample=2))
    theirs = np.asarray(Image.fromarray(pixels).resize((17, 11), Image.Resampling.BILINEAR))
    found = ours.apply(pixels.astype(np.float32) / 255)[0].permute(1, 2, 0).numpy() * 255
    np.testing.assert_allclose(found, theirs, atol=1)


@pytest.mark.parametrize("text", ["[]", "{", '{"size": {"depth": 3}}', '{"size": 3}'])
def test_a_damaged_file_is_refused(tmp_path, text):
    (tmp_path / "preprocessor_config.json").write_text(text)
    with pytest.raises(InputError, match=r"preprocessor_config\.json"):
        read_preprocessing(tmp_path / "preprocessor_config.json")


def test_folders_that_cannot_be_used_are_refused_before_anything_is_loaded(tmp_path):
    with pytest.raises(InputError, match=r"config\.json: no such file"):
        open_huggingface(tmp_path, "detection")
    put(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["ViTForImageClassification"]}))
    with pytest.raises(InputError, match="ViTForImageClassification; one ForObjectDetection expected"):
        open_huggingface(tmp_path, "detection")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x02")
    with pytest.raises(InputError, match="no safetensors; weights of this format alone are read"):
        open_huggingface(tmp_path, "classification")


@pytest.mark.skipif(has_transformers, reason="transformers is installed")
def test_without_transformers_it_is_named(tmp_path):
    put(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["ViTForImageClassification"]}))
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(MissingError, match="transformers is not installed") as caught:
        open_huggingface(tmp_path, "classification")
    assert "uv pip install" in caught.value.hint
    assert caught.value.exit_code == 4


@pytest.mark.skipif(not has_transformers, reason="transformers is not installed")
def test_a_tiny_classifier_of_transformers(tmp_path):
    import torch
    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(0)
    config = ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8,
        id2label={0: "cat", 1: "dog", 2: "cup"}, label2id={"cat": 0, "dog": 1, "cup": 2},
    )  # fmt: skip
    network = ViTForImageClassification(config).eval()
    network.save_pretrained(tmp_path)
    preprocessing = read_preprocessing(put(tmp_path, size={"height": 16, "width": 16}))
    found = open_huggingface(tmp_path, "classification")
    assert found.classes == ("cat", "dog", "cup")
    with torch.inference_mode():
        expected = network(preprocessing.apply(PICTURE)).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found.classify([PICTURE]), expected, atol=1e-5)


@pytest.mark.skipif(not has_transformers, reason="transformers is not installed")
def test_a_tiny_detector_of_transformers(tmp_path):
    import torch
    from transformers import YolosConfig, YolosForObjectDetection

    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=[16, 24],
        patch_size=8, num_detection_tokens=5, id2label={0: "cat", 1: "dog"}, label2id={"cat": 0, "dog": 1},
    )  # fmt: skip
    YolosForObjectDetection(config).eval().save_pretrained(tmp_path)
    put(tmp_path)
    (boxes,) = open_huggingface(tmp_path, "detection").detect([PICTURE])
    assert 0 < len(boxes.scores) <= 10
    assert set(boxes.labels.tolist()) <= {0, 1}
    assert boxes.corners.min() >= 0
    assert (boxes.corners.max(axis=0) <= [40, 30, 40, 30]).all()
