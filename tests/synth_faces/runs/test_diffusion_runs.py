"""Diffusion from the command line: what is drawn, what is labelled, and what is refused."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

from tests.program import files_of, vcli
from tests.tiny_diffusion import write_tiny_diffusion
from vision_cli.core.compute.weights import resolve_weights
from vision_cli.synth_faces.plans.manifests import read_manifest

THREADS = ("--threads", 1)


def drawn(out, *words):
    done = vcli("synth-faces", "generate", "--backend", "diffusion", "--steps", 3, *words, "-o", out, *THREADS)
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    return {name: str(path) for name, path in write_tiny_diffusion(tmp_path_factory.mktemp("mini")).items()}


@pytest.fixture(scope="module")
def models(mini):
    return ("--model", mini["mini_sd"], "--adapter", mini["mini_adapter"])


@pytest.mark.slow
def test_a_row_says_how_its_face_was_drawn(models, mini, tmp_path):
    labelled = ("--annotator", mini["mini_annotator"], "--rectify", "vote")
    guided = ("--sg", "--sg-decoder", "linear", "--layout", "render")
    out = drawn(tmp_path / "out", *models, "-n", 3, "--labels", "fear", *guided, *labelled)
    for row in read_manifest(out / "manifest.jsonl"):
        assert np.array(Image.open(out / row.file)).shape == (32, 32, 3)
        assert (row.backend, row.steps, row.cfg, row.au_scale) == ("diffusion", 3, 4.0, 1.0)
        assert row.label_requested == "fear"
        assert "a" in row.prompt.split()
        assert len(row.model) == len(row.adapter) == 64
        assert row.aus
        assert row.sg.decoder == "linear"
        assert row.sg.loss_first > 0
        assert row.layout_id == "render"
        assert row.votes.keys() == {"annotator", "recogniser"}
        assert row.sg.guide in row.anno.split("+")
        assert abs(sum(row.pseudo_probs.values()) - 1) < 1e-2
        assert row.agree == (row.pseudo_label == "fear")
    assert json.loads((out / "run.json").read_text())["backend"] == "diffusion"
    # A judge that has guided or labelled the set is none.
    guide = resolve_weights("default", "synth-faces", "fer-guide").path
    judged = vcli("synth-faces", "evaluate", out, "--judge", guide, "-o", tmp_path / "judged", *THREADS)
    assert judged.returncode == 2
    assert "guide" in judged.stderr


@pytest.mark.slow
def test_shards_and_a_second_run_draw_the_same_bytes(models, tmp_path):
    whole = drawn(tmp_path / "whole", *models, "-n", 4)
    for index in (2, 1):
        drawn(tmp_path / "parts", *models, "-n", 4, "--shard", f"{index}/2")
    assert vcli("runs", "merge", tmp_path / "parts").returncode == 0
    assert (tmp_path / "parts/manifest.jsonl").read_bytes() == (whole / "manifest.jsonl").read_bytes()
    again = files_of(drawn(tmp_path / "again", *models, "-n", 4))
    assert {name: content for name, content in files_of(whole).items() if name.startswith("images")} == {
        name: content for name, content in again.items() if name.startswith("images")
    }


@pytest.mark.slow
def test_batches_draw_the_same_faces_and_a_bad_row_spoils_its_own_alone(models, tmp_path):
    plan = tmp_path / "plan.csv"
    plan.write_text('prompt,au,person,seed\na face,,p,7\nan old face,,q,8\na face,"4=5",p,9\na sad face,,q,10\n')
    words = (*models[:2], "--adapter", "none", "--plan", plan)
    alone, together = tmp_path / "alone", tmp_path / "together"
    for out, size in ((alone, 1), (together, 3)):
        vcli(
            "synth-faces", "generate", "--backend", "diffusion", "--steps", 3, *words, "--batch-size", size, "-o", out,
            *THREADS,
        )  # fmt: skip
    rows, others = (read_manifest(out / "manifest.jsonl") for out in (alone, together))
    assert [row.sample_id for row in rows] == [row.sample_id for row in others]
    assert len(rows) == 3
    for row in rows:
        one, two = (np.array(Image.open(out / row.file)).astype(int) for out in (alone, together))
        assert np.abs(one - two).max() <= 1


@pytest.mark.slow
def test_faces_differ_by_action_units_where_there_is_an_adapter_alone(models, tmp_path):
    plan = tmp_path / "plan.csv"
    plan.write_text('prompt,au,person,seed\na face,"12=5",p,7\na face,"4=5",p,7\n')
    out = drawn(tmp_path / "with", *models, "--au-scale", 3, "--plan", plan)
    first, second = (Image.open(out / row.file).tobytes() for row in read_manifest(out / "manifest.jsonl"))
    assert first != second
    refused = vcli(
        "synth-faces", "generate", "--backend", "diffusion", *models[:2], "--adapter", "none", "--plan", plan,
        "-o", tmp_path / "no",
    )  # fmt: skip
    assert refused.returncode != 0
    assert "action units without an adapter" in refused.stderr


@pytest.mark.slow
def test_a_prompt_takes_the_words_of_the_label(models, tmp_path):
    out = drawn(tmp_path / "out", *models, "-n", 2, "--labels", "anger", "--prompt", "a {label} man")
    assert [row.prompt for row in read_manifest(out / "manifest.jsonl")] == ["a angry man"] * 2


@pytest.mark.slow
def test_annotations_name_every_face_and_correct_labels(mini, tmp_path):
    faces = tmp_path / "faces"
    done = vcli("synth-faces", "generate", "-n", 6, "--labels", "basic7", "--size", 32, "-o", faces, *THREADS)
    assert done.returncode == 0, done.stderr
    words = ("--model", mini["mini_sd"], "--annotator", mini["mini_annotator"], "--rectify", "anno")
    done = vcli("synth-faces", "annotate", faces, *words, "-o", tmp_path / "out", *THREADS, "--json")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "annotations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == json.loads(done.stdout)["faces"] == 6
    for row in rows:
        assert row["label"] == row["pseudo_label"]
        assert row["label_source"] == ("requested" if row["label"] == row["label_requested"] else "rectified")
        assert max(float(value) for name, value in row.items() if name.startswith("p_")) == float(row["confidence"])


@pytest.mark.slow
def test_photographs_without_labels_are_annotated(mini, tmp_path):
    photographs = tmp_path / "photographs" / "of" / "mine"
    photographs.mkdir(parents=True)
    for number in range(2):
        face = np.random.default_rng(number).integers(0, 256, (50, 40, 3), dtype=np.uint8)
        Image.fromarray(face).save(photographs / f"{number}.png")
    words = ("--model", mini["mini_sd"], "--annotator", mini["mini_annotator"])
    done = vcli("synth-faces", "annotate", tmp_path / "photographs", *words, "-o", tmp_path / "out", *THREADS)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "annotations.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["of/mine/0.png", "of/mine/1.png"]
    assert all(row["pseudo_label"] and not row["label"] for row in rows)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--sg",), "--sg with --backend render"),
        (("--rectify", "vote", "--cfg", "3"), "--cfg, --rectify with --backend render"),
        (("--backend", "diffusion", "--model", "nowhere.safetensors"), "no such file"),
        (("--backend", "gan"), "'gan' is not one of"),
    ],
    ids=["guidance of renders", "labels of renders", "no model", "no backend"],
)
def test_what_cannot_be_drawn_is_refused(words, says, tmp_path):
    done = vcli("synth-faces", "generate", "-n", 2, *words, "-o", tmp_path / "out", *THREADS)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_size_that_the_model_does_not_have_and_an_annotator_of_another_are_refused(models, mini, tmp_path):
    begin = ("synth-faces", "generate", "--backend", "diffusion", "-n", 2)
    done = vcli(*begin, *models, "--size", 64, "-o", tmp_path / "a", *THREADS)
    assert (done.returncode, "--size 64; 32 expected" in done.stderr) == (2, True)
    other = tmp_path / "other"
    other.mkdir()
    from dataclasses import replace
    from pathlib import Path

    from safetensors.torch import load_file

    from vision_cli.synth_faces.pipeline.annotator_files import read_annotator_about, write_annotator

    about = replace(read_annotator_about(Path(mini["mini_annotator"])), model="0" * 64)
    write_annotator(other / "a.safetensors", about, load_file(mini["mini_annotator"]))
    done = vcli(*begin, *models, "--annotate", "--annotator", other / "a.safetensors", "-o", tmp_path / "b", *THREADS)
    assert (done.returncode, "an annotator for model 000000000000" in done.stderr) == (3, True)


@pytest.mark.slow
def test_an_exported_adapter_is_that_of_its_file(mini, tmp_path):
    from safetensors.torch import load_file

    done = vcli("synth-faces", "export-ip-adapter", mini["mini_adapter"], "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    tensors = load_file(tmp_path / "out" / "ip_adapter.safetensors")
    assert {name.split(".")[0] for name in tensors} == {"image_proj", "ip_adapter"}
    ours = load_file(mini["mini_adapter"])
    assert tensors["ip_adapter.1.to_k_ip.weight"].equal(ours["layers.0.to_k.weight"].float())


@pytest.fixture(scope="module")
def stable_diffusion(tmp_path_factory):
    """Write a directory with the parts of Stable Diffusion 1.5, narrow and with random weights."""
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel

    from vision_cli.synth_faces.networks.diffusion.mini_sd import DiffusionParts
    from vision_cli.synth_faces.networks.diffusion.words import build_tokenizer
    from vision_cli.synth_faces.pipeline.diffusion_files import save_as_diffusers_directory
    from vision_cli.synth_faces.plans.captions import vocabulary

    torch.manual_seed(0)
    tokenizer = build_tokenizer(vocabulary(), length=77)
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=32, num_hidden_layers=1,
            num_attention_heads=2, max_position_embeddings=77,
        )
    )  # fmt: skip
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, norm_num_groups=4, sample_size=64,
    )  # fmt: skip
    unet = UNet2DConditionModel(
        sample_size=8, layers_per_block=2, block_out_channels=(16, 16, 32, 32), cross_attention_dim=32,
        attention_head_dim=4, norm_num_groups=8,
    )  # fmt: skip
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )  # fmt: skip
    home = tmp_path_factory.mktemp("sd") / "model"
    save_as_diffusers_directory(DiffusionParts(tokenizer, text, vae, unet, scheduler), home)
    return home


@pytest.mark.slow
def test_a_directory_of_stable_diffusion_draws_and_learns(stable_diffusion, tmp_path):
    faces = tmp_path / "faces"
    done = vcli(
        "synth-faces", "generate", "-n", 8, "--labels", "neutral,fear", "--size", 64, "--studio", "-o", faces, *THREADS
    )
    assert done.returncode == 0, done.stderr
    model = ("--model", stable_diffusion)
    words = ("--steps", 5, "--batch-size", 8, "--val-fraction", 0.25, "--au-encoder", "paper", "--lr", 0.02)
    done = vcli("synth-faces", "train-adapter", faces, *model, *words, "-o", tmp_path / "adapter", *THREADS)
    assert done.returncode == 0, done.stderr
    done = vcli("synth-faces", "train-anno", faces, *model, "--steps", 2, "-o", tmp_path / "anno", *THREADS)
    assert done.returncode == 0, done.stderr
    done = vcli("synth-faces", "train-base", faces, *model, "--steps", 4, "--batch-size", 4, "-o", tmp_path / "base",
                *THREADS)  # fmt: skip
    assert done.returncode == 0, done.stderr
    tuned = tmp_path / "base" / "model"
    assert (tuned / "model_index.json").is_file()
    weights = ("--adapter", tmp_path / "adapter" / "weights.safetensors", "--annotate")
    anno = ("--annotator", tmp_path / "anno" / "weights.safetensors")
    out = drawn(tmp_path / "out", *model, *weights, *anno, "-n", 2, "--labels", "basic7", "--cfg", 7.5)
    rows = read_manifest(out / "manifest.jsonl")
    assert [(row.width, row.cfg, bool(row.pseudo_label)) for row in rows] == [(64, 7.5, True)] * 2
    without = drawn(tmp_path / "without", *model, *weights, *anno, "-n", 2, "--cfg", 7.5, "--labels", "basic7",
                    "--au-scale", 0)  # fmt: skip
    assert (without / rows[0].file).read_bytes() != (out / rows[0].file).read_bytes()
    # The tuned model has other weights: what was trained for the first is not for it.
    done = vcli("synth-faces", "generate", "--backend", "diffusion", "--model", tuned, *weights, *anno, "-n", 1,
                "-o", tmp_path / "no", *THREADS)  # fmt: skip
    assert (done.returncode, "an annotator for model" in done.stderr) == (3, True)


@pytest.mark.slow
def test_models_of_another_kind_are_refused_by_name(stable_diffusion, tmp_path):
    index = json.loads((stable_diffusion / "model_index.json").read_text())
    for kind, says in (("StableDiffusionXLPipeline", "SDXL"), ("FluxPipeline", "Flux")):
        other = tmp_path / kind
        other.mkdir()
        (other / "model_index.json").write_text(json.dumps({**index, "_class_name": kind}))
        done = vcli(
            "synth-faces",
            "generate",
            "--backend",
            "diffusion",
            "--model",
            other,
            "-n",
            1,
            "-o",
            tmp_path / f"{kind}-out",
        )
        assert (done.returncode, f"a model of {says}" in done.stderr) == (3, True)
