"""A text-to-face model with random weights, small enough for tests of the command line, and what belongs to it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch


def write_tiny_diffusion(home: Path) -> dict[str, Path]:
    """Write a model of 32 px, an adapter of the paper's encoder, an annotator, and faces; return their files."""
    from vision_cli.synth_faces.networks.annotation import build_annotator, mini_shape
    from vision_cli.synth_faces.networks.conditioning.adapter import build_adapter
    from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_mini_sd
    from vision_cli.synth_faces.pipeline.adapter_files import write_adapter
    from vision_cli.synth_faces.pipeline.annotation import make_seer
    from vision_cli.synth_faces.pipeline.annotator_files import AnnotatorAbout, sizes_of, write_annotator
    from vision_cli.synth_faces.pipeline.diffusion_files import MiniAbout, pack_pipeline, unpack_pipeline
    from vision_cli.synth_faces.plans.captions import vocabulary
    from vision_cli.synth_faces.values import EXPRESSIONS

    files = {name: home / f"{name}.safetensors" for name in ("mini_sd", "mini_adapter", "mini_annotator")}
    shape = MiniShape(side=32, autoencoder=4, unet=(8, 40, 72))
    pack_pipeline(files["mini_sd"], MiniAbout(shape, vocabulary()), build_mini_sd(vocabulary(), shape, seed=3))
    model = unpack_pipeline(files["mini_sd"])
    parts = model.parts
    adapter = build_adapter(parts.unet, "paper", generator=torch.Generator().manual_seed(0))
    write_adapter(files["mini_adapter"], adapter.shape, adapter.state_dict())
    seer = make_seer(
        parts.unet, parts.text_encoder, parts.tokenizer, parts.scheduler, classes=EXPRESSIONS, blocks="up", side=8
    )
    channels, scales = sizes_of(seer, model.latent_side)
    network = build_annotator(mini_shape(channels, scales), torch.Generator().manual_seed(0))
    about = AnnotatorAbout(network.shape, "up", model.sha256)
    write_annotator(files["mini_annotator"], about, network.state_dict())
    return files | {name: _labelled(home / name, count) for name, count in (("mini_three", 3), ("mini_eight", 8))}


def _labelled(folder: Path, count: int) -> Path:
    """Write pictures of noise with labels by turns; return their table."""
    from vision_cli.io.pictures.photographs import write_photograph

    rng = np.random.default_rng(count)
    folder.mkdir()
    rows = ["path,label"]
    for number in range(count):
        write_photograph(folder / f"{number}.png", rng.integers(0, 256, (32, 32, 3), np.uint8))
        rows.append(f"{number}.png,{('neutral', 'fear')[number % 2]}")
    (folder / "faces.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "faces.csv"
