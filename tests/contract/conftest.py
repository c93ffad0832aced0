"""The inputs of the cases: one small world for all tasks, made once a session."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.program import vcli
from tests.tiny_diffusion import write_tiny_diffusion

ITEMS = 3


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Paths by the names that the cases use."""
    home = tmp_path_factory.mktemp("world")
    makers = [_images, _scans, _pulses, _tables, _photos, _annotated, _chests, _faces, _forgeries]
    if request.config.getoption("--run-slow"):
        # Its libraries take seconds to import, and only cases that take long read it.
        makers.append(write_tiny_diffusion)
    made = {name: path for make in makers for name, path in make(home).items()}
    return {name: str(path) for name, path in made.items()}


def _images(home: Path) -> dict[str, Path]:
    from vision_cli.io.volumes.volumes import write_volume
    from vision_cli.phantoms.brains.brains import slice_pair

    pair = slice_pair(3, (28, 34), (6.0, 6.0))
    fixed, moving, labels = (home / f"{name}.nii.gz" for name in ("fixed", "moving", "labels"))
    write_volume(fixed, pair.fixed, pair.fixed_vox2ras)
    write_volume(moving, pair.moving, pair.moving_vox2ras)
    write_volume(labels, pair.fixed_labels, pair.fixed_vox2ras)
    pairs = home / "pairs.csv"
    rows = [f"pair{n},{fixed},{moving}" for n in range(ITEMS)]
    pairs.write_text("\n".join(["id,fixed,moving", *rows]) + "\n", encoding="utf-8")
    out = home / "registered"
    done = vcli("register", fixed, moving, "--transform", "affine", "--no-pictures", "--threads", 1, "-o", out)
    assert done.returncode == 0, done.stderr
    return {
        "fixed": fixed,
        "moving": moving,
        "labels": labels,
        "pairs": pairs,
        "affine": out / "0GenericAffine.mat",
    }


def _photos(home: Path) -> dict[str, Path]:
    from vision_cli.io.pictures.photographs import write_photograph

    photos, generator = home / "photos", np.random.default_rng(0)
    photos.mkdir()
    for number in range(ITEMS):
        # Large enough that a run is still at work when a test stops it.
        write_photograph(photos / f"photo{number}.png", generator.integers(0, 256, (600, 800, 3), dtype=np.uint8))
    scored = home / "scored"
    words = ("--conditions", "ev-4", "--methods", "none,gamma", "--measures", "psnr,mean_luma", "--bootstrap", 20)
    done = vcli("enhance-eval", "run", photos, *words, "--threads", 1, "-o", scored)
    assert done.returncode == 0, done.stderr
    return {"photos": photos, "photo": photos / "photo0.png", "scored": scored}


def _annotated(home: Path) -> dict[str, Path]:
    from vision_cli.core.compute.weights import resolve_weights
    from vision_cli.io.pictures.indexed import write_labels
    from vision_cli.io.pictures.photographs import write_photograph

    mask = np.zeros((600, 800), np.uint8)
    mask[200:400, 300:600] = 255
    write_labels(home / "photo_mask.png", mask)
    land, generator = home / "land", np.random.default_rng(0)
    land.mkdir()
    for number in range(ITEMS):
        colours = np.zeros((720, 720, 3), np.uint8)
        colours[:, :, 1:] = 255
        colours[300:] = (0, 0, 255)
        write_photograph(land / f"{number}_sat.jpg", generator.integers(0, 256, colours.shape, dtype=np.uint8))
        write_photograph(land / f"{number}_mask.png", colours)
    weights = home / "few.safetensors"
    weights.write_bytes(resolve_weights("default", "fewshot-seg", "fewshot").path.read_bytes())
    made = {"land": land, "land_mask": land / "0_mask.png", "few_weights": weights}
    return {**made, "photo_mask": home / "photo_mask.png"}


def _chests(home: Path) -> dict[str, Path]:
    import torch

    from vision_cli.gaze_predict.data.generated import SYNTHESIS, generate_reading
    from vision_cli.gaze_predict.data.writing import write_layout
    from vision_cli.gaze_predict.networks.building import build_embedded
    from vision_cli.gaze_predict.pipeline.weight_files import About, write_network
    from vision_cli.gaze_predict.text.tokenizer import Tokenizer

    made = [
        generate_reading(number, seed=0, stream=SYNTHESIS, side=400, needs_finding=True).recording
        for number in range(ITEMS)
    ]
    # No parts, so that all are evaluated and all but one are trained on.
    write_layout(home / "chests", "csv", [replace(one, split=None) for one in made])
    torch.manual_seed(0)
    weights = home / "gaze.safetensors"
    write_network(weights, About(64), build_embedded(Tokenizer.default().rows).state_dict())
    films = home / "chests" / "images"
    return {
        "films": films,
        "film": films / "generated00001.png",
        "gaze": home / "chests" / "gaze.csv",
        "gaze_weights": weights,
    }


def _faces(home: Path) -> dict[str, Path]:
    import torch

    from vision_cli.synth_faces.pipeline.recogniser_files import About, build_recogniser, write_recogniser

    faces, weights = home / "faces", home / "fer.safetensors"
    done = vcli("synth-faces", "generate", "--count", 8, "--size", 32, "--threads", 1, "-o", faces)
    assert done.returncode == 0, done.stderr
    about = About("expression", "judge", ("neutral", "happiness", "sadness"), 32)
    write_recogniser(weights, about, build_recogniser(about, torch.Generator().manual_seed(0)).state_dict())
    return {"faces": faces / "manifest.jsonl", "fer_weights": weights}


def _forgeries(home: Path) -> dict[str, Path]:
    from vision_cli.forgery_detect.coherence import linear
    from vision_cli.forgery_detect.coherence.features import NAMES
    from vision_cli.io.pictures.photographs import write_photograph
    from vision_cli.phantoms.faces.rig.parameters import draw_face
    from vision_cli.phantoms.faces.rig.rendering import render

    generator, sets = np.random.default_rng(5), home / "forgeries"
    face = render([draw_face(generator, {})], 256).pictures[0]
    write_photograph(home / "portraits" / "face.png", face)
    write_photograph(sets / "mask.png", np.full((96, 96, 3), 255, np.uint8))
    rows = []
    for number in range(2 * ITEMS):
        grain = generator.normal(0, 3, (96, 96, 3))
        for label, noise in (("real", grain), ("fake", grain[..., :1])):
            path = f"{label}/{number}.png"
            write_photograph(sets / path, np.clip(face[80:176, 80:176] + noise, 0, 255).astype(np.uint8))
            mask = "mask.png" if path == "fake/0.png" else ""
            rows.append((path, label, f"set{number % 2}", f"clip{number}", f"person{number}", mask))
    for name, listed in (("pairs", rows), ("three", rows[1 : 1 + ITEMS])):
        with (sets / f"{name}.csv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("path", "label", "domain", "source", "identities", "mask"), *listed])
    crops = home / "crops"
    for number in range(ITEMS):
        write_photograph(crops / f"{number}.png", face[40 + number : 200 + number, 40:200])
    weights, real = home / "forgery.safetensors", generator.normal(size=(20, len(NAMES))).astype(np.float32)
    linear.write_model(weights, linear.fit(real, real + np.float32(0.5)))
    return {
        "portraits": home / "portraits",
        "portrait": home / "portraits" / "face.png",
        "crops": crops,
        "crop": crops / "0.png",
        "forgeries": sets / "pairs.csv",
        "three_forgeries": sets / "three.csv",
        "forgery_weights": weights,
    }


def _scans(home: Path) -> dict[str, Path]:
    from vision_cli.io.points.ply import write_ply
    from vision_cli.phantoms.parts.defects import SUITES
    from vision_cli.phantoms.parts.parts import make_part
    from vision_cli.phantoms.parts.specimens import draw_prototype, draw_test

    generator = np.random.default_rng(0)
    mesh, suite = make_part("bracket", generator), SUITES["rigid"]
    scans, good = home / "scans", home / "good"
    scans.mkdir()
    good.mkdir()
    write_ply(good / "scan0.ply", draw_prototype(mesh, suite, 6000, generator).scan.points)
    for number in range(ITEMS):
        write_ply(scans / f"scan{number}.ply", draw_test("bracket", mesh, suite, None, 2000, generator).scan.points)
    model = home / "model"
    words = "--groups 64 --group-size 8 --bank 64 --views 2 --clusters 4 --steps 2 --threads 1"
    done = vcli("pcd-anomaly", "train", "--train", good, *words.split(), "-o", model)
    assert done.returncode == 0, done.stderr
    return {"scan": scans / "scan0.ply", "scans": scans, "good": good, "part": good / "scan0.ply", "model": model}


def _pulses(home: Path) -> dict[str, Path]:
    import torch
    from safetensors.torch import save_file

    from vision_cli.rppg_adapt.networks.build import build
    from vision_cli.rppg_adapt.networks.model import ModelSettings

    made: dict[str, Path] = {}
    t = np.arange(0, 12, 1 / 30)
    for name, bpm in (("traces", 66.0), ("other_traces", 78.0), ("third_traces", 90.0)):
        wave = np.sin(2 * np.pi * bpm / 60 * t)
        colours = np.array([150.0, 110.0, 80.0]) * (1 - 0.01 * wave[:, None] * np.array([0.33, 0.77, 0.53]))
        made[name] = home / f"{name}.csv"
        with made[name].open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("time", "R", "G", "B"), *np.column_stack([t, colours]).tolist()])
    videos = home / "videos"
    done = vcli(
        "rppg-adapt", "synth", "--count", ITEMS, "--seconds", 6, "--size", "96x72", "--preset", "easy", "-o", videos
    )
    assert done.returncode == 0, done.stderr
    made["manifest"], made["cache"] = videos / "manifest.csv", home / "cache"
    done = vcli("rppg-adapt", "preprocess", made["manifest"], "--layout", "manifest", "--size", 16, "-o", made["cache"])
    assert done.returncode == 0, done.stderr
    torch.manual_seed(0)
    made["pulse_weights"] = home / "pulse.safetensors"
    tensors = {name: value.contiguous() for name, value in build("lite").state_dict().items()}
    save_file(tensors, made["pulse_weights"], metadata=ModelSettings(size=16).metadata)
    return made


def _tables(home: Path) -> dict[str, Path]:
    from PIL import Image

    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 2))
    table = home / "table.csv"
    np.savetxt(
        table, np.column_stack([x, x[:, 0] + x[:, 1] ** 2]), delimiter=",", header="a,b,y", comments="", fmt="%.6f"
    )
    fitted = home / "fitted"
    words = "--width 1 --refine 5 --pool cheby --no-compare --no-pictures"
    done = vcli("kan-fit", "fit", table, *words.split(), "-o", fitted)
    assert done.returncode == 0, done.stderr
    images = home / "images"
    for label, low in (("dark", 0), ("light", 120)):
        (images / label).mkdir(parents=True)
        for number in range(24):
            pixels = rng.integers(low, low + 120, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(images / label / f"{number}.png")
    return {"table": table, "fitted": fitted, "images": images}


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A directory whose name has a blank, a quote, a dollar and letters beyond ASCII."""
    path = tmp_path / "out of $HOME 'ä' 中"
    assert os.fspath(path) == str(path)
    return path
