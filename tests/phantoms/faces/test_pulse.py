"""Pulse waves have the rate that they say, and clips and videos carry them in the colours of the skin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from vision_cli.io.videos.videos import VideoReader
from vision_cli.phantoms.faces.pulse import Variability, make_pulse
from vision_cli.phantoms.faces.pulse_clips import SHIFTED, TRAINING, make_clip, random_walk
from vision_cli.phantoms.faces.pulse_videos import PulseVideo, write_pulse_video, written_times

STILL = Variability(breathing=0, slow=0, drift=0, depth=0)
CALM = replace(
    TRAINING, melanin=(0.0, 0.2), strength=(0.01, 0.012), motion=0.0, flicker=0.0, odd_clocks=0.0, jpeg=0, video=0
)


def rate_of(wave, fps, low=0.6, high=3.6):
    spectrum = np.abs(np.fft.rfft((wave - wave.mean()) * np.hanning(len(wave)), 1 << 14))
    frequencies = np.fft.rfftfreq(1 << 14, 1 / fps)
    inside = (frequencies > low) & (frequencies < high)
    return 60 * frequencies[inside][spectrum[inside].argmax()]


@pytest.mark.parametrize("bpm", [42.0, 75.0, 180.0])
def test_the_wave_has_the_rate_asked_for(bpm):
    pulse = make_pulse(np.random.default_rng(0), 20, mean_bpm=bpm)
    wave = pulse.at(np.arange(600) / 30)
    assert pulse.rate_bpm(0, 20) == pytest.approx(bpm, abs=1e-6)
    assert rate_of(wave, 30) == pytest.approx(bpm, rel=0.06)
    assert wave.std() == pytest.approx(1, abs=0.2)


def test_beats_of_a_still_heart_are_equally_far_apart():
    pulse = make_pulse(np.random.default_rng(1), 30, mean_bpm=60, variability=STILL)
    np.testing.assert_allclose(np.diff(pulse.beats_s), 1, atol=1e-6)
    assert len(pulse.beats_s) == 30


def test_beats_follow_breathing():
    breathing = replace(STILL, breathing=0.05, breathing_hz=0.25)
    beats = make_pulse(np.random.default_rng(2), 120, mean_bpm=70, variability=breathing).beats_s
    intervals = np.diff(beats)
    assert 60 / 70 * 0.05 / np.sqrt(2) == pytest.approx(intervals.std(), rel=0.1)
    even = np.interp(np.arange(0, 110, 0.25), beats[1:], intervals)
    spectrum = np.abs(np.fft.rfft(even - even.mean()))
    assert np.fft.rfftfreq(len(even), 0.25)[spectrum.argmax()] == pytest.approx(0.25, abs=0.02)


def test_slope_is_the_derivative_by_phase():
    pulse = make_pulse(np.random.default_rng(3), 10, mean_bpm=60, variability=STILL)
    times = np.linspace(1, 9, 200)
    step = 1e-4
    numeric = (pulse.at(times + step) - pulse.at(times - step)) / (2 * step * 2 * np.pi)
    np.testing.assert_allclose(pulse.slope(times), numeric, atol=2e-2)


def test_the_same_state_gives_the_same_clip():
    clips = [make_clip(np.random.default_rng(9), frames=20, size=24) for _ in range(2)]
    np.testing.assert_array_equal(clips[0].frames, clips[1].frames)
    assert clips[0].frames.shape == (20, 24, 24, 3)


def test_a_calm_clip_pulses_in_green_more_than_in_red():
    ratios = []
    for seed in range(4):
        clip = make_clip(np.random.default_rng(seed), frames=240, style=CALM)
        colours = clip.frames[:, 9:27, 9:27].reshape(240, -1, 3).mean(axis=1)
        relative = colours / colours.mean(axis=0) - 1
        gain = relative.T @ (clip.wave - clip.wave.mean())
        ratios.append(gain[0] / gain[1])
        assert rate_of(relative[:, 1], 30) == pytest.approx(rate_of(clip.wave, 30), abs=1)
        assert np.corrcoef(relative[:, 1], clip.wave)[0, 1] < -0.8
    assert 0.2 < np.median(ratios) < 0.8


def test_shifted_clips_are_darker():
    means = [
        np.mean([make_clip(np.random.default_rng(k), frames=4, style=s).frames.mean() for k in range(8)])
        for s in (TRAINING, SHIFTED)
    ]
    assert means[1] < 0.7 * means[0]


def test_every_kind_of_clip_is_made():
    odd = replace(TRAINING, odd_clocks=1.0, jpeg=0.4, video=0.4)
    for seed in range(6):
        clip = make_clip(np.random.default_rng(seed), frames=30, size=24, style=odd)
        assert clip.frames.shape == (30, 24, 24, 3)
        assert 5 < clip.frames.mean() < 250


def test_a_walk_has_the_amplitude_asked_for():
    times = np.arange(3000) / 30
    assert random_walk(np.random.default_rng(0), times, 0.5, 2.0).std() == pytest.approx(2, rel=0.3)


@pytest.mark.parametrize("preset", ["easy", "hard", "shift"])
def test_a_written_video_has_its_labels(tmp_path, preset):
    video = PulseVideo(np.random.default_rng(4), preset, seconds=2, size=(120, 160))
    path = write_pulse_video(tmp_path, video)
    with VideoReader(path) as reader:
        frames = list(reader)
    wave, rates, times = np.loadtxt(tmp_path / "ground_truth.txt")
    assert len(frames) == len(video.times) == len(wave)
    np.testing.assert_allclose(times, written_times(video), atol=1e-6)
    np.testing.assert_allclose([f.time_s for f in frames], times, atol=1e-3)
    assert np.mean(rates) == pytest.approx(video.pulse.mean_bpm, rel=0.05)
    boxes = np.loadtxt(tmp_path / "boxes.csv", delimiter=",", skiprows=1)
    assert boxes.shape == (len(frames), 5)
    assert (boxes[:, 3] > 30).all()


def test_an_easy_video_pulses():
    video = PulseVideo(np.random.default_rng(6), "easy", seconds=8, size=(96, 128), mean_bpm=80)
    green = []
    for frame in video:
        x, y, w, h = (int(value) for value in frame.box)
        green.append(frame.pixels[y + h // 4 : y + h, x : x + w, 1].mean())
    assert rate_of(np.array(green), 30) == pytest.approx(80, abs=4)
