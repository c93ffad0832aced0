"""A photograph without a pulse that is held in a hand, sways or stands in a flickering light is not reliable."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.io.videos.videos import VideoWriter
from vision_cli.rppg_adapt.faces.extraction import read_faces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip
from vision_cli.rppg_adapt.runs.calibration.calibration import read_photos

FPS, COUNT, SIZE = 30.0, 240, (128, 112)
TIMES = np.arange(COUNT) / FPS


def filmed(path, codec, *, shift=0.0, zoom=0.0, flicker=0.0, bpm=72.0, blood=None):
    """Film a photograph that moves and flickers by a rhythm, without background; return its clip.

    ``shift`` is in pixels of the face, about 60 of them wide; with ``blood``, skin has a pulse of this strength.
    """
    (photo,) = read_photos([])
    left, top, width, height = photo.box
    scale = 0.9 * SIZE[1] / width
    rng = np.random.default_rng(7)
    noise = rng.normal(0, 1.5, (*SIZE, 3))
    wave = np.sin(2 * np.pi * bpm / 60 * TIMES)
    walk = np.cumsum(rng.normal(0, 0.02, (COUNT, 2)), axis=0)
    middle = np.array([left + width / 2, top + height / 2])
    with VideoWriter(path, SIZE, codec=codec, fps=FPS, quality=20 if codec == "h264" else 4) as writer:
        for k in range(COUNT):
            size = scale * (1 + zoom * wave[k])
            x, y = np.array(SIZE[::-1]) / 2 - size * middle + (walk[k] if shift or zoom else 0) + shift * wave[k]
            matrix = np.float32([[size, 0, x], [0, size, y]])
            pixels = cv2.warpAffine(photo.pixels, matrix, SIZE[::-1], flags=cv2.INTER_AREA).astype(np.float32)
            if blood is not None:
                pixels *= 1 - blood * wave[k] * np.array([0.33, 0.77, 0.53])
            rolled = np.roll(noise, rng.integers(0, 64, 2), axis=(0, 1))
            writer.write(np.clip(np.rint(pixels * (1 + flicker * wave[k]) + rolled), 0, 255).astype(np.uint8))
    roi = (0.05 * SIZE[1], (SIZE[0] - 0.9 * SIZE[1]) / 2, 0.9 * SIZE[1], 0.9 * SIZE[1])
    return read_faces(path, roi=roi)[0]


def reading(path, codec, **changes):
    return estimate_from_clip(filmed(path, codec, **changes), PulseOptions(), load_model("default"))


def test_a_photograph_that_sways_is_not_reliable(tmp_path):
    assert not reading(tmp_path / "v.avi", "mpeg4", shift=0.8).is_reliable


def test_a_pulse_in_the_same_pictures_is_reliable(tmp_path):
    found = reading(tmp_path / "v.avi", "mpeg4", blood=0.01)
    assert found.bpm == pytest.approx(72, abs=2)
    assert found.is_reliable


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codec", "changes"),
    [
        ("mjpeg", {"shift": 0.4, "bpm": 130}),
        ("h264", {"shift": 1.5, "bpm": 50}),
        ("mjpeg", {"shift": 3.0, "bpm": 50}),
        ("h264", {"zoom": 0.01, "bpm": 95}),
        ("mpeg4", {"flicker": 0.01, "bpm": 64}),
    ],
)
def test_rhythms_of_a_hand_and_of_a_lamp_are_not_reliable(tmp_path, codec, changes):
    suffix = {"h264": ".mp4"}.get(codec, ".avi")
    assert not reading(tmp_path / f"v{suffix}", codec, **changes).is_reliable
