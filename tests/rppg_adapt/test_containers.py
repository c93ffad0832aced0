"""The same face in other files: the codec hardly changes its rate, the clock of the file does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.rppg_adapt.conftest import make_traces
from vision_cli.io.videos.videos import CONTAINERS, VideoReader, VideoWriter
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import read_video

SIDE = 48
POS = PulseOptions(method="pos", roi=(0, 0, SIDE, SIDE))
BPM = 90


def painted(times):
    """Paint skin that pulses at ``BPM``, ``(T, S, S, 3)``."""
    traces, _ = make_traces(BPM, times[-1] + 1, times=times, flicker=0.003)
    rng = np.random.default_rng(3)
    texture = cv2.GaussianBlur(rng.uniform(0.8, 1.2, (SIDE, SIDE)), (0, 0), 2)[None, ..., None]
    pixels = traces[:, None, None] * texture + rng.normal(0, 1.5, (len(times), SIDE, SIDE, 3))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def write(path, frames, codec, *, fps=30.0, times=None, quality=None):
    with VideoWriter(path, (frames.shape[1], frames.shape[2]), codec=codec, fps=fps, quality=quality) as writer:
        for k, frame in enumerate(frames):
            writer.write(frame, None if times is None else float(times[k]))
    return path


def rate(path, options=POS):
    return read_video(path, options, None)[0].bpm


@pytest.fixture(scope="module")
def frames(face_video):
    with VideoReader(face_video) as video:
        return np.stack([frame.pixels for frame in video])


def test_the_same_frames_make_the_same_file(frames, tmp_path):
    files = {write(tmp_path / f"{k}.mp4", frames[:90], "h264").read_bytes() for k in range(3)}
    assert len(files) == 1


def test_codecs_and_pictures_give_the_same_rate(frames, tmp_path):
    model = load_model("default")
    codecs = ("h264", "mpeg4", "mjpeg", "ffv1")
    paths = [write(tmp_path / f"{codec}{CONTAINERS[codec]}", frames, codec) for codec in codecs]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for k, frame in enumerate(frames):
        cv2.imwrite(str(pictures / f"Image{k:05d}.png"), frame[..., ::-1])
    height, width = frames.shape[1:3]
    # Half of the picture's height around its middle is face.
    box = (width / 2 - height / 4, height / 4, height / 2, height / 2)
    found = [read_video(path, PulseOptions(roi=box), model)[0].bpm for path in paths]
    found.append(read_video(pictures, PulseOptions(roi=box, fps=30.0), model)[0].bpm)
    assert max(found) - min(found) <= 1
    assert found[0] == pytest.approx(78, abs=1.5)


@pytest.mark.parametrize(("fps", "factor"), [(15.0, 0.5), (60.0, 2.0)])
def test_a_file_with_another_rate_has_another_heart(tmp_path, fps, factor):
    frames = painted(np.arange(360) / 30)
    plain = rate(write(tmp_path / "plain.mkv", frames, "ffv1"))
    retagged = rate(write(tmp_path / "retagged.mkv", frames, "ffv1", fps=fps))
    assert plain == pytest.approx(BPM, abs=1)
    assert retagged == pytest.approx(factor * plain, abs=0.5)


def test_times_of_a_variable_rate_beat_an_assumed_one(tmp_path):
    # A camera that goes from 30 to 20 frames a second when it gets dark.
    times = np.concatenate([np.arange(120) / 30, 4 + np.arange(120) / 20])
    path = write(tmp_path / "dark.mkv", painted(times), "ffv1", times=times)
    errors = [abs(rate(path, PulseOptions(method="pos", roi=POS.roi, fps=fps)) - BPM) for fps in (None, 30.0)]
    assert errors[1] >= 10 * errors[0]


def read_by_all(path):
    return read_video(path, PulseOptions(roi=POS.roi), load_model("default"))[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_in_a_file_is_not_reliable(tmp_path, seed):
    still = painted(np.arange(1.0)).astype(float)
    noise = np.random.default_rng(seed).normal(0, 6, (300, SIDE, SIDE, 3))
    frames = np.clip(np.rint(still + noise), 0, 255).astype(np.uint8)
    assert not read_by_all(write(tmp_path / "noise.mkv", frames, "ffv1")).is_reliable


@pytest.mark.parametrize("codec", ["ffv1", "h264"])
def test_a_still_picture_in_a_file_is_not_reliable(tmp_path, codec):
    still = np.repeat(painted(np.arange(1.0)), 300, axis=0)
    assert not read_by_all(write(tmp_path / "still.mkv", still, codec)).is_reliable
