"""Heart rates of faces, tables and video files are right, and reliable only where there is a pulse."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import cv2
import numpy as np
import pytest
import torch

from tests.rppg_adapt.conftest import clip_of, make_traces
from vision_cli.core.errors import InputError, UsageError
from vision_cli.io.videos.videos import CONTAINERS, VideoReader, VideoWriter
from vision_cli.rppg_adapt.faces.extraction import read_faces
from vision_cli.rppg_adapt.networks.files import load_model
from vision_cli.rppg_adapt.options import NETWORK, Method, PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip, estimate_from_video
from vision_cli.rppg_adapt.pipeline.waves import network_wave
from vision_cli.rppg_adapt.signals.quality import AUTO_METHODS
from vision_cli.rppg_adapt.signals.spectra import heart_rate_band

POS = PulseOptions(method="pos")


@pytest.fixture(scope="module")
def face_clip(face_video):
    (clip,) = read_faces(face_video)
    return clip


@pytest.mark.parametrize("method", [one for one in get_args(Method) if one != NETWORK])
def test_the_rate_of_a_generated_face_is_estimated(face_clip, method):
    estimate = estimate_from_clip(face_clip, PulseOptions(method=method), None)
    assert estimate.bpm == pytest.approx(78, abs=1.5)
    low, high = estimate.interval_bpm
    assert low < 78 < high
    assert estimate.is_reliable
    assert estimate.method in AUTO_METHODS if method == "auto" else estimate.method == method


def test_a_long_clip_is_estimated_in_windows():
    traces, _ = make_traces(72, 30)
    estimate = estimate_from_clip(clip_of(traces), POS, None)
    assert len(estimate.windows) == 20
    assert estimate.windows[3].start_s == pytest.approx(3)
    assert estimate.bpm == pytest.approx(72, abs=0.7)


def test_an_increasing_rate_is_estimated_by_its_mean():
    times = np.arange(1800) / 30
    wave = np.sin(2 * np.pi * np.cumsum(np.linspace(60, 90, 1800) / 60) / 30)
    traces = np.array([150.0, 110, 80]) * (1 - 0.01 * wave[:, None] * np.array([0.33, 0.77, 0.53]))
    estimate = estimate_from_clip(clip_of(traces, times=times), POS, None)
    assert estimate.bpm == pytest.approx(75, abs=1.5)


def test_the_interval_stays_inside_the_range_of_rates():
    noise = 100 + np.random.default_rng(0).standard_normal((600, 3))
    low, high = estimate_from_clip(clip_of(noise), PulseOptions(rates_bpm=(50.0, 150.0)), None).interval_bpm
    assert 50 <= low < high <= 150


def test_noise_is_not_reliable():
    noise = 100 + np.random.default_rng(0).standard_normal((600, 3))
    estimate = estimate_from_clip(clip_of(noise), PulseOptions(), None)
    assert estimate.quality < 0.5
    assert not estimate.is_reliable
    low, high = estimate.interval_bpm
    assert high - low > 4


def test_rates_follow_the_times_of_the_frames():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.015, 0.055, 600))
    times -= times[0]
    traces, _ = make_traces(72, times=times)
    right = estimate_from_clip(clip_of(traces, times=times, fps=1 / np.median(np.diff(times))), POS, None)
    wrong = estimate_from_clip(clip_of(traces, fps=25.0), POS, None)
    assert abs(right.bpm - 72) < 0.7
    assert abs(wrong.bpm - 72) > 10 * abs(right.bpm - 72)


@pytest.mark.parametrize(("factor", "fps"), [(0.5, 15.0), (2.0, 60.0)])
def test_another_frame_rate_scales_the_heart_rate(factor, fps):
    traces, _ = make_traces(90, 20)
    options = replace(POS, rates_bpm=(30, 240))
    found = estimate_from_clip(clip_of(traces, fps=fps), options, None).bpm
    assert found == pytest.approx(factor * estimate_from_clip(clip_of(traces), options, None).bpm, rel=0.01)


def test_a_gray_clip_is_estimated_by_green_with_a_note():
    traces, _ = make_traces(72, 12, flicker=0.0)
    gray = np.repeat(traces[:, 1:2], 3, axis=1)
    estimate = estimate_from_clip(clip_of(gray, is_gray=True), PulseOptions(), None)
    assert estimate.method == "green"
    assert estimate.bpm == pytest.approx(72, abs=1)
    assert "one channel: the green method alone was used" in estimate.notes
    with pytest.raises(UsageError, match="one channel found; three expected for --method pos"):
        estimate_from_clip(clip_of(gray, is_gray=True), POS, None)


def test_a_still_picture_is_not_reliable():
    estimate = estimate_from_clip(clip_of(np.full((400, 3), 90.0)), PulseOptions(), None)
    assert not estimate.is_reliable
    assert any("do not change at all" in note for note in estimate.notes)


def test_notes_name_damage_shortness_and_a_low_frame_rate():
    traces, _ = make_traces(72, 7, fps=10)
    estimate = estimate_from_clip(clip_of(traces, fps=10, damage="cannot decode after frame 70 (cut off)"), POS, None)
    said = " / ".join(estimate.notes)
    assert "cannot decode after frame 70 (cut off); what came before was read" in said
    assert "7.0 s are short" in said
    assert "10.0 samples a second: rates above" in said


def test_interpolated_frames_lower_the_quality():
    traces, _ = make_traces(72, 12)
    seen = np.ones(len(traces), bool)
    seen[60:120] = False
    whole, bridged = (estimate_from_clip(clip_of(traces, is_seen=s), POS, None) for s in (np.ones_like(seen), seen))
    assert bridged.quality < 0.9 * whole.quality


def test_a_share_that_rounds_to_nothing_is_not_said_to_be_nothing():
    traces, _ = make_traces(72, 12)
    seen = np.ones(len(traces), bool)
    seen[100] = False
    notes = estimate_from_clip(clip_of(traces, is_seen=seen), POS, None).notes
    assert "the face is not seen in less than 1 % of the frames" in notes


def paused(bpm, first_s, pause_s, second_s):
    times = np.concatenate([np.arange(first_s * 30) / 30, first_s + pause_s + np.arange(second_s * 30) / 30])
    return clip_of(make_traces(bpm, times[-1] + 1, times=times)[0], times=times)


def test_a_pause_longer_than_a_window_is_left_out():
    estimate = estimate_from_clip(paused(72, 20, 15, 25), replace(POS, hrv=True), None)
    assert estimate.bpm == pytest.approx(72, abs=0.7)
    assert estimate.is_reliable
    assert estimate.by_method["pos"].bpm == pytest.approx(72, abs=0.7)
    assert estimate.clip.coverage == pytest.approx(45 / 60, abs=0.01)
    said = " / ".join(estimate.notes)
    assert "no samples 20.0 to 35.0 s: the 2 parts of 5 s or more" in said
    assert "beats were read in the longest part between pauses, of 25 s" in said
    assert not any(window.start_s < 35 and window.end_s > 20 for window in estimate.windows)
    for wave in estimate.waves.values():
        assert not ((wave.times > 20) & (wave.times < 35)).any()


def test_parts_count_by_their_time():
    # 10 s are one window, 20 s are eleven: the mean rate is not that of the windows.
    times = np.concatenate([np.arange(300) / 30, 20 + np.arange(600) / 30])
    wave = np.where(times < 15, np.sin(2 * np.pi * times), np.sin(2 * np.pi * 1.1 * times))
    traces = np.array([150.0, 110, 80]) * (1 - 0.01 * wave[:, None] * np.array([0.33, 0.77, 0.53]))
    assert estimate_from_clip(clip_of(traces, times=times), POS, None).bpm == pytest.approx(64, abs=0.5)


def test_parts_that_are_all_too_short_are_an_error():
    with pytest.raises(InputError, match="no part of 5 s between pauses found"):
        estimate_from_clip(paused(72, 4, 3, 4), POS, None)


def test_variability_needs_a_minimum_duration():
    traces, _ = make_traces(66, 30, flicker=0.0)
    options = replace(POS, hrv=True, respiration=True)
    long = estimate_from_clip(clip_of(traces), options, None)
    short = estimate_from_clip(clip_of(traces[:300]), options, None)
    assert long.variability.sdnn_ms is not None
    assert long.variability.mean_bpm == pytest.approx(66, abs=1)
    assert short.variability.sdnn_ms is None
    assert any("too short for SDNN" in note for note in short.notes)


def test_the_rate_of_an_untrained_network_is_not_chosen(face_clip, untrained):
    estimate = estimate_from_clip(face_clip, PulseOptions(), untrained)
    assert set(estimate.waves) == set(AUTO_METHODS)
    assert estimate.bpm == pytest.approx(78, abs=2)


@pytest.mark.parametrize("normalisation", ["diff", "standard"])
def test_the_output_of_a_network_is_integrated_for_each_kind_of_input(untrained, normalisation):
    class Derivative(torch.nn.Module):
        """Reads the derivative of a pulse of 72 bpm, as all networks are trained to, from any clip."""

        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return (self.scale * torch.cos(2 * np.pi * 1.2 * torch.arange(x.shape[2]) / 30)).expand(len(x), -1)

    model = replace(untrained, network=Derivative(), settings=replace(untrained.settings, normalisation=normalisation))
    found = network_wave(clip_of(make_traces(seconds=10)[0]), model, heart_rate_band(30.0))
    assert np.corrcoef(found.unfiltered, np.sin(2 * np.pi * 1.2 * found.times))[0, 1] > 0.97


SIDE = 48


POS_OF_BOX = PulseOptions(method="pos", roi=(0, 0, SIDE, SIDE))


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


def rate(path, options=POS_OF_BOX):
    return estimate_from_video(path, options, None)[0].bpm


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
    found = [estimate_from_video(path, PulseOptions(roi=box), model)[0].bpm for path in paths]
    found.append(estimate_from_video(pictures, PulseOptions(roi=box, fps=30.0), model)[0].bpm)
    assert max(found) - min(found) <= 1
    assert found[0] == pytest.approx(78, abs=1.5)


def test_a_file_with_another_frame_rate_has_another_heart_rate(tmp_path):
    frames = painted(np.arange(360) / 30)
    plain = rate(write(tmp_path / "plain.mkv", frames, "ffv1"))
    assert plain == pytest.approx(BPM, abs=1)
    for fps in (15.0, 60.0):
        retagged = rate(write(tmp_path / f"{fps:.0f}.mkv", frames, "ffv1", fps=fps))
        assert retagged == pytest.approx(fps / 30 * plain, abs=0.5)


def test_times_of_a_variable_frame_rate_are_better_than_a_constant_rate(tmp_path):
    # A camera that goes from 30 to 20 frames a second when it gets dark.
    times = np.concatenate([np.arange(120) / 30, 4 + np.arange(120) / 20])
    path = write(tmp_path / "dark.mkv", painted(times), "ffv1", times=times)
    errors = [abs(rate(path, PulseOptions(method="pos", roi=POS_OF_BOX.roi, fps=fps)) - BPM) for fps in (None, 30.0)]
    assert errors[1] >= 10 * errors[0]


def estimate_by_auto(path):
    return estimate_from_video(path, PulseOptions(roi=POS_OF_BOX.roi), load_model("default"))[0]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_in_a_file_is_not_reliable(tmp_path, seed):
    still = painted(np.arange(1.0)).astype(float)
    noise = np.random.default_rng(seed).normal(0, 6, (300, SIDE, SIDE, 3))
    frames = np.clip(np.rint(still + noise), 0, 255).astype(np.uint8)
    assert not estimate_by_auto(write(tmp_path / "noise.mkv", frames, "ffv1")).is_reliable


@pytest.mark.parametrize("codec", ["ffv1", "h264"])
def test_a_still_picture_in_a_file_is_not_reliable(tmp_path, codec):
    still = np.repeat(painted(np.arange(1.0)), 300, axis=0)
    assert not estimate_by_auto(write(tmp_path / "still.mkv", still, codec)).is_reliable
