"""Small videos of generated faces, untrained networks, traces with a known pulse, and runs of the command."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.phantoms.faces.pulse_videos import PulseVideo, write_pulse_video
from vision_cli.rppg_adapt.data.cache import CachedClip, write_clip
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.networks.build import build
from vision_cli.rppg_adapt.networks.model import ModelSettings, PulseModel

FPS = 30.0
BLOOD = np.array([0.33, 0.77, 0.53])


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def make_traces(bpm=72.0, seconds=20.0, *, fps=FPS, seed=0, flicker=0.01, noise=2e-4, times=None):
    """Return traces ``(T, 3)`` of skin in a flickering light, and the wave of the blood."""
    rng = np.random.default_rng(seed)
    pulse = make_pulse(rng, seconds, mean_bpm=bpm, variability=Variability(breathing=0.01, slow=0, drift=0, depth=0))
    t = np.arange(round(seconds * fps)) / fps if times is None else times
    wave = pulse.at(t)
    light = 1 + flicker * np.sin(2 * np.pi * 0.31 * t) + flicker * np.sin(2 * np.pi * 2.9 * t)
    traces = np.array([150.0, 110, 80]) * light[:, None] * (1 - 0.01 * wave[:, None] * BLOOD)
    return traces * (1 + noise * rng.standard_normal(traces.shape)), wave


def clip_of(traces, *, fps=30.0, times=None, **changes):
    """Return traces ``(T, 3)`` as a clip without pictures."""
    count = len(traces)
    t = np.arange(count) / fps if times is None else times
    clip = FaceClip(
        0,
        t,
        np.zeros((count, 1, 1, 3), np.uint8),
        traces,
        np.zeros((count, 4)),
        np.ones(count, bool),
        np.ones((1, 1), np.float32),
        fps,
        0,
        False,
    )
    return replace(clip, **changes)


def write_clips(directory, count=4, frames=100, *, labels=True, size=16):
    """Write cached clips of a textured face with a pulse, each of a subject of its own."""
    clips = []
    for k in range(count):
        traces, wave = make_traces(60 + 15 * k, frames / 30, seed=k)
        rng = np.random.default_rng(k)
        texture = rng.uniform(0.9, 1.1, (size, size, 1))
        pixels = traces[:, None, None] * texture + rng.normal(0, 1, (frames, size, size, 3))
        arrays = {"frames": np.clip(np.rint(pixels), 0, 255).astype(np.uint8), "traces": traces}
        if labels:
            arrays["bvp"] = wave
        path = directory / f"c{k}.npz"
        write_clip(path, arrays, {"id": f"c{k}"})
        clips.append(CachedClip(f"c{k}", f"s{k}", path, 30.0, frames, {"skin_color": "light" if k % 2 else "dark"}))
    return clips


def pulsing_clip(bpm, frames=300, size=8):
    """Return a gray clip whose brightness follows a pulse, ``(T, S, S, 3)``."""
    wave = 100 + 20 * np.sin(2 * np.pi * bpm / 60 * np.arange(frames) / 30)
    return np.repeat(np.rint(wave).astype(np.uint8), size * size * 3).reshape(frames, size, size, 3)


class ConstantNetwork(torch.nn.Module):
    """A network that predicts 90 bpm for any clip."""

    def forward(self, x):
        t = torch.arange(x.shape[2]) / 30
        return torch.sin(2 * torch.pi * 1.5 * t)[None].repeat(len(x), 1)


class GreenNetwork(torch.nn.Module):
    """A network that predicts the mean change of green."""

    def forward(self, x):
        return x[:, 1].mean((2, 3))


def vcli(*words):
    return launch(app, ["rppg-adapt", *map(str, words)])


def merge_run(out):
    assert launch(app, ["runs", "merge", str(out)]) == 0
    return out


def read_json(path):
    return json.loads(path.read_text(encoding="utf-8"))


def read_rows(path):
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def report_page(run):
    return (run / "report.html").read_text(encoding="utf-8")


def embedded_pictures(run):
    return report_page(run).count("data:image/png")


def report_verdict(run):
    """Return the level of the report's verdict and its sentences."""
    (found,) = re.findall(r'<p class="verdict (\w+)">(.*?)</p>', report_page(run))
    return found


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """Three generated videos, in ``videos``, and their cache, in ``cache``."""
    directory = tmp_path_factory.mktemp("generated")
    words = ("-n", 3, "--seconds", 6, "--preset", "easy", "--size", "128x96", "-q")
    assert vcli("synth", *words, "-o", directory / "videos") == 0
    manifest = directory / "videos/manifest.csv"
    assert vcli("preprocess", manifest, "--size", 16, "--stmap", "-q", "-o", directory / "cache") == 0
    return directory


@pytest.fixture(scope="session")
def trained(generated, tmp_path_factory):
    """A run of ``train`` of two steps on the generated videos."""
    run = tmp_path_factory.mktemp("trained") / "run"
    words = ("--size", 16, "--val-fraction", 0.3, "--frames", 64, "--steps", 2, "--batch-size", 2, "-q")
    assert vcli("train", generated / "cache", *words, "-o", run) == 0
    return run


@pytest.fixture(scope="session")
def face_video(tmp_path_factory):
    """Ten seconds of an easy face at 78 bpm, with its labels."""
    directory = tmp_path_factory.mktemp("video")
    video = PulseVideo(np.random.default_rng(12), "easy", seconds=10, size=(144, 192), mean_bpm=78)
    return write_pulse_video(directory, video)


@pytest.fixture(scope="session")
def untrained():
    torch.manual_seed(0)
    return PulseModel(build("lite").eval(), ModelSettings(size=16))


@pytest.fixture(scope="session")
def weights(tmp_path_factory, untrained):
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    tensors = {name: value.contiguous() for name, value in untrained.network.state_dict().items()}
    save_file(tensors, path, metadata=untrained.settings.metadata)
    return path
