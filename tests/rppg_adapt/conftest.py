"""Small videos of generated faces, networks without training, and traces with a known pulse."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.phantoms.faces.pulse_videos import PulseVideo, write_pulse_video
from vision_cli.rppg_adapt.networks.files import ModelSettings, PulseModel
from vision_cli.rppg_adapt.networks.networks import build

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
