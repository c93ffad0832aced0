"""Readings of faces and of tables: right, sure of themselves only where they may be, and open about what is amiss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.rppg_adapt.conftest import make_traces
from vision_cli.core.errors import InputError, UsageError
from vision_cli.rppg_adapt.data.traces import read_traces
from vision_cli.rppg_adapt.faces.extraction import FaceClip
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import network_wave, read_clip, read_video
from vision_cli.rppg_adapt.signals.quality import (
    calibration_error,
    features,
    fit_index,
    likeliest_path,
    robust_mean,
    shipped_index,
)
from vision_cli.rppg_adapt.signals.spectra import heart_rate, rate_band


def clip_of(traces, *, fps=30.0, times=None, **changes):
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


POS = PulseOptions(method="pos")


@pytest.mark.parametrize("method", ["auto", "pos", "chrom", "lgi", "omit", "green"])
def test_a_generated_face_is_read(face_video, method):
    (reading,) = read_video(face_video, PulseOptions(method=method), None)
    assert reading.bpm == pytest.approx(78, abs=1.5)
    low, high = reading.interval_bpm
    assert low < 78 < high
    assert reading.is_reliable
    assert reading.method in {method, "pos", "chrom"}


def test_a_long_clip_is_read_in_windows():
    traces, _ = make_traces(72, 30)
    reading = read_clip(clip_of(traces), POS, None)
    assert len(reading.windows) == 20
    assert reading.windows[3].start_s == pytest.approx(3)
    assert reading.bpm == pytest.approx(72, abs=0.7)


def test_a_heart_that_speeds_up_is_read_by_its_mean():
    times = np.arange(1800) / 30
    wave = np.sin(2 * np.pi * np.cumsum(np.linspace(60, 90, 1800) / 60) / 30)
    traces = np.array([150.0, 110, 80]) * (1 - 0.01 * wave[:, None] * np.array([0.33, 0.77, 0.53]))
    reading = read_clip(clip_of(traces, times=times), POS, None)
    assert reading.bpm == pytest.approx(75, abs=1.5)


def test_an_interval_stays_where_rates_are_looked_for():
    noise = 100 + np.random.default_rng(0).standard_normal((600, 3))
    low, high = read_clip(clip_of(noise), PulseOptions(rates_bpm=(50.0, 150.0)), None).interval_bpm
    assert 50 <= low < high <= 150


def test_noise_is_not_reliable():
    noise = 100 + np.random.default_rng(0).standard_normal((600, 3))
    reading = read_clip(clip_of(noise), PulseOptions(), None)
    assert reading.quality < 0.5
    assert not reading.is_reliable
    low, high = reading.interval_bpm
    assert high - low > 4


def test_times_count_and_not_frames():
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.uniform(0.015, 0.055, 600))
    times -= times[0]
    traces, _ = make_traces(72, times=times)
    right = read_clip(clip_of(traces, times=times, fps=1 / np.median(np.diff(times))), POS, None)
    wrong = read_clip(clip_of(traces, fps=25.0), POS, None)
    assert abs(right.bpm - 72) < 0.7
    assert abs(wrong.bpm - 72) > 10 * abs(right.bpm - 72)


@pytest.mark.parametrize(("factor", "fps"), [(0.5, 15.0), (2.0, 60.0)])
def test_another_rate_scales_the_heart(factor, fps):
    traces, _ = make_traces(90, 20)
    options = replace(POS, rates_bpm=(30, 240))
    found = read_clip(clip_of(traces, fps=fps), options, None).bpm
    assert found == pytest.approx(factor * read_clip(clip_of(traces), options, None).bpm, rel=0.01)


def test_gray_is_read_by_green_and_says_so():
    traces, _ = make_traces(72, 12, flicker=0.0)
    gray = np.repeat(traces[:, 1:2], 3, axis=1)
    reading = read_clip(clip_of(gray, is_gray=True), PulseOptions(), None)
    assert reading.method == "green"
    assert reading.bpm == pytest.approx(72, abs=1)
    assert "gray video: the green method alone was used" in reading.notes
    with pytest.raises(UsageError, match="one channel found; three expected for --method pos"):
        read_clip(clip_of(gray, is_gray=True), POS, None)


def test_a_still_picture_is_not_believed():
    reading = read_clip(clip_of(np.full((400, 3), 90.0)), PulseOptions(), None)
    assert not reading.is_reliable
    assert any("do not change at all" in note for note in reading.notes)


def test_remarks_say_what_is_amiss():
    traces, _ = make_traces(72, 7, fps=10)
    reading = read_clip(clip_of(traces, fps=10, damage="cannot decode after frame 70 (cut off)"), POS, None)
    said = " / ".join(reading.notes)
    assert "cannot decode after frame 70 (cut off); what came before was read" in said
    assert "7.0 s are short" in said
    assert "10.0 frames a second: rates above" in said


def test_what_was_bridged_lowers_the_quality():
    traces, _ = make_traces(72, 12)
    seen = np.ones(len(traces), bool)
    seen[60:120] = False
    whole, bridged = (read_clip(clip_of(traces, is_seen=s), POS, None) for s in (np.ones_like(seen), seen))
    assert bridged.quality < 0.9 * whole.quality


def test_variability_and_breathing_need_their_time():
    traces, _ = make_traces(66, 30, flicker=0.0)
    options = replace(POS, hrv=True, respiration=True)
    long = read_clip(clip_of(traces), options, None)
    short = read_clip(clip_of(traces[:300]), options, None)
    assert long.variability.sdnn_ms is not None
    assert long.variability.mean_bpm == pytest.approx(66, abs=1)
    assert short.variability.sdnn_ms is None
    assert any("too short for SDNN" in note for note in short.notes)


def test_a_network_without_training_is_not_believed(face_video, untrained):
    (reading,) = read_video(face_video, PulseOptions(), untrained)
    assert set(reading.waves) == {"net", "pos", "chrom", "omit", "green"}
    assert reading.bpm == pytest.approx(78, abs=2)


@pytest.mark.parametrize("normalisation", ["diff", "standard"])
def test_what_a_network_reads_is_integrated_whatever_it_sees(untrained, normalisation):
    class Derivative(torch.nn.Module):
        """Reads the derivative of a pulse of 72 bpm, as all networks are trained to, from any clip."""

        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(1))

        def forward(self, x):
            return (self.scale * torch.cos(2 * np.pi * 1.2 * torch.arange(x.shape[2]) / 30)).expand(len(x), -1)

    model = replace(untrained, network=Derivative(), settings=replace(untrained.settings, normalisation=normalisation))
    found = network_wave(clip_of(make_traces(seconds=10)[0]), model, rate_band(30.0))
    assert np.corrcoef(found.whole, np.sin(2 * np.pi * 1.2 * found.times))[0, 1] > 0.97


def test_tables_of_a_finger_are_read_by_their_one_channel(tmp_path):
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.02, 0.05, 900))
    traces, wave = make_traces(64, times=times, flicker=0)
    rows = np.column_stack([np.rint(1000 * times), traces[:, 0] - 3 * wave, np.zeros(900), np.zeros(900)])
    np.savetxt(tmp_path / "ppg.csv", rows, delimiter=",", header="time,R,G,B", comments="")
    clip = read_traces(tmp_path / "ppg.csv")
    assert clip.notes == ("the red channel alone was read",)
    assert read_clip(clip, PulseOptions(), None).bpm == pytest.approx(64, abs=0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,R,G\n0,1,2\n", r"one for blue \(b or blue\) expected too"),
        ("time,R,G,B\n0,1,2,x\n", "numbers expected"),
        ("time,R,G,B\n0,1,2,3\n0.1,1,2,3\n", r"0\.1 s of traces; 5 s expected"),
    ],
)
def test_tables_that_are_no_traces_are_refused(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_traces(tmp_path / "t.csv")


def test_the_index_is_a_calibrated_probability():
    rng = np.random.default_rng(3)
    x = np.column_stack([np.ones(4000), rng.normal(size=(4000, 2))])
    right = rng.random(4000) < 1 / (1 + np.exp(-(0.3 + x[:, 1] - 2 * x[:, 2])))
    weights = fit_index(x, right)
    np.testing.assert_allclose(weights, [0.3, 1, -2], atol=0.2)
    assert calibration_error(1 / (1 + np.exp(-x @ weights)), right) < 0.03
    assert calibration_error(np.full(4000, 0.95), right) > 0.2


def test_clear_waves_that_agree_are_trusted_more_than_noise():
    t = np.arange(300) / 30
    rng = np.random.default_rng(4)
    clear = {
        name: heart_rate(np.sin(2 * np.pi * 1.2 * t) + 0.1 * rng.standard_normal(300), 30)
        for name in ("pos", "chrom", "net")
    }
    noise = {name: heart_rate(rng.standard_normal(300), 30) for name in ("pos", "chrom", "net")}
    index = shipped_index()
    for method in clear:
        assert index.of(method, features(method, clear)) > 0.9
        assert index.of(method, features(method, noise)) < 0.6


def test_windows_follow_a_path_that_does_not_jump():
    # The first method is a little surer in the middle, where it is wrong.
    bpm = np.array([[72.0, 71], [73, 72], [140, 73], [73, 73], [74, 74]])
    quality = np.array([[0.9, 0.5], [0.9, 0.5], [0.6, 0.5], [0.9, 0.5], [0.9, 0.5]])
    assert likeliest_path(bpm, quality).tolist() == [0, 0, 1, 0, 0]
    alone = likeliest_path(np.array([[np.nan, 80.0], [np.nan, np.nan]]), np.zeros((2, 2)))
    assert alone[0] == 1


def test_one_wrong_window_hardly_moves_the_mean():
    right = np.linspace(70, 74, 10)
    assert robust_mean(np.append(right, 180.0), np.ones(11)) == pytest.approx(72, abs=1)
    assert robust_mean(right, np.ones(10)) == pytest.approx(72, abs=1e-9)
    # A wrong one that nobody believes does not move it at all.
    assert robust_mean(np.append(right, 180.0), np.append(np.ones(10), 0.0)) == pytest.approx(72, abs=0.3)
