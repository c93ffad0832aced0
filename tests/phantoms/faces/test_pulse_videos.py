"""Videos carry their pulse in the colours of the skin, and their labels say when and how fast."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.io.videos.videos import VideoReader
from vision_cli.phantoms.faces.pulse_videos import PulseVideo, write_pulse_video, written_times


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


def test_an_easy_video_pulses(rate_of):
    video = PulseVideo(np.random.default_rng(6), "easy", seconds=8, size=(96, 128), mean_bpm=80)
    green = []
    for frame in video:
        x, y, w, h = (int(value) for value in frame.box)
        green.append(frame.pixels[y + h // 4 : y + h, x : x + w, 1].mean())
    assert rate_of(np.array(green), 30) == pytest.approx(80, abs=4)
