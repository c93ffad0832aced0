"""What is asked of a hub for ``--model``, and what is said when it cannot be reached."""

from __future__ import annotations

import huggingface_hub
import pytest
from huggingface_hub.utils import filter_repo_objects

from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import MissingError
from vision_cli.synth_faces.pipeline.sampling.opening import open_model

PARTS = ("text_encoder/model", "unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model")
NEEDED = [
    "model_index.json",
    "scheduler/scheduler_config.json",
    "text_encoder/config.json",
    "tokenizer/merges.txt",
    "tokenizer/tokenizer_config.json",
    "tokenizer/vocab.json",
    "unet/config.json",
    "vae/config.json",
    *(f"{part}.safetensors" for part in PARTS),
]
LEFT = [
    "README.md",
    "v1-5-pruned.safetensors",
    "v1-5-pruned-emaonly.ckpt",
    "safety_checker/model.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/diffusion_pytorch_model.bin",
    *(f"{part}.fp16.safetensors" for part in PARTS),
]


def test_the_parts_of_a_model_are_fetched_once_and_nothing_else(monkeypatch):
    asked = []

    def refuse(repository, **settings):
        asked.append((repository, settings))
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(MissingError, match="no such directory, and it cannot be downloaded"):
        open_model("owner/model@main", configure("cpu", threads=1))
    assert [(name, settings["revision"], settings["local_files_only"]) for name, settings in asked] == [
        ("owner/model", "main", True),
        ("owner/model", "main", False),
    ]
    allow, ignore = (asked[1][1][word] for word in ("allow_patterns", "ignore_patterns"))
    fetched = filter_repo_objects(NEEDED + LEFT, allow_patterns=allow, ignore_patterns=ignore)
    assert sorted(fetched) == sorted(NEEDED)
