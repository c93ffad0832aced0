"""Tables of mean colours are read as clips without pictures."""

from __future__ import annotations

import numpy as np
import pytest

from tests.rppg_adapt.conftest import make_traces
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.data.traces import read_traces
from vision_cli.rppg_adapt.options import PulseOptions
from vision_cli.rppg_adapt.pipeline.pipeline import estimate_from_clip


def test_a_table_of_a_finger_is_read_by_its_one_channel(tmp_path):
    rng = np.random.default_rng(2)
    times = np.cumsum(rng.uniform(0.02, 0.05, 900))
    traces, wave = make_traces(64, times=times, flicker=0)
    rows = np.column_stack([np.rint(1000 * times), traces[:, 0] - 3 * wave, np.zeros(900), np.zeros(900)])
    np.savetxt(tmp_path / "ppg.csv", rows, delimiter=",", header="time,R,G,B", comments="")
    clip = read_traces(tmp_path / "ppg.csv")
    assert clip.notes == ("the red channel alone was read",)
    assert estimate_from_clip(clip, PulseOptions(), None).bpm == pytest.approx(64, abs=0.7)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,R,G\n0,1,2\n", r"one for blue \(b or blue\) expected too"),
        ("time,R,G,B\n0,1,2,x\n", "numbers expected"),
        ("time,R,G,B\n" + "0,nan,,1\n" * 9, r"9 of 9 rows without a number in columns time, R, G, B found"),
        ("time,R,G,B\n" + "".join(f"{k},{k % 3},2,3\n" for k in range(9)), r"1 samples a second found; 3 or more"),
        ("time,R,G,B\n0,1,2,3\n0.1,1,2,3\n", r"0\.1 s of traces found; 5 s or more expected"),
    ],
)
def test_tables_that_are_no_traces_are_refused(tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(InputError, match=message):
        read_traces(tmp_path / "t.csv")


def write_table(path, times, traces, header="time,R,G,B"):
    rows = [",".join(map(str, row)) for row in np.column_stack([times, traces])]
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rate_of(path):
    return estimate_from_clip(read_traces(path), PulseOptions(), None).bpm


@pytest.mark.parametrize("header", ["time,R,G,B", "timestamp,r,g,b"])
@pytest.mark.parametrize("per_second", [1, 1000, 10**6, 10**9])
def test_the_unit_of_times_follows_from_their_steps(tmp_path, per_second, header):
    times = np.arange(450) / 30
    path = write_table(tmp_path / "t.csv", 5 * per_second + times * per_second, make_traces(66, 15)[0], header)
    clip = read_traces(path)
    assert clip.fps == pytest.approx(30, rel=1e-3)
    assert clip.times[-1] == pytest.approx(times[-1], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "per_second"), [("time_ms", 1000), ("t (s)", 1), ("timestamp_us", 10**6), ("t_ns", 1e9)]
)
def test_the_unit_in_the_name_of_the_column_holds(tmp_path, name, per_second):
    path = write_table(tmp_path / "t.csv", np.arange(450) / 30 * per_second, make_traces(66, 15)[0], f"{name},R,G,B")
    assert read_traces(path).fps == pytest.approx(30, rel=1e-6)


def test_rows_without_a_number_are_left_out_with_a_note(tmp_path):
    times, (traces, _) = np.arange(600) / 30, make_traces(72, 20)
    traces[[100, 101, 300], [0, 1, 2]] = np.nan
    times[[200, 400]] = np.nan, np.inf
    clip = read_traces(write_table(tmp_path / "t.csv", times, traces))
    assert clip.notes == ("5 of 600 rows without a number left out",)
    assert len(clip.times) == 595
    assert rate_of(tmp_path / "t.csv") == pytest.approx(72, abs=0.7)


def test_many_missing_rows_are_a_pause(tmp_path):
    times, (traces, _) = np.arange(1200) / 30, make_traces(72, 40)
    traces[300:600] = np.nan
    path = write_table(tmp_path / "t.csv", times, traces)
    estimate = estimate_from_clip(read_traces(path), PulseOptions(), None)
    assert estimate.bpm == pytest.approx(72, abs=0.7)
    assert any("10.0 to 20.0 s" in note for note in estimate.notes)


def test_a_clock_that_starts_again_is_another_recording(tmp_path):
    traces, _ = make_traces(72, 20)
    times = np.tile(np.arange(300) / 30, 2)
    path = write_table(tmp_path / "t.csv", times, traces)
    clip = read_traces(path)
    assert len(clip.times) == 600
    assert "the clock starts again after row 300: the 300 rows from there on" in clip.notes[0]
    assert rate_of(path) == pytest.approx(72, abs=1)


def test_rows_in_another_order_are_sorted(tmp_path):
    order = np.random.default_rng(0).permutation(600)
    path = write_table(tmp_path / "t.csv", (np.arange(600) / 30)[order], make_traces(72, 20)[0][order])
    assert rate_of(path) == pytest.approx(72, abs=0.7)


def finger_table(path, times, bpm, *, unit=1.0, colours=(210.0, 90.0, 30.0), noise=0.05):
    """Write a table of a finger that pulses evenly, with noise relative to the pulse, and return its path."""
    rng = np.random.default_rng(4)
    phase = 2 * np.pi * bpm / 60 * times
    wave = np.sin(phase) + 0.3 * np.sin(2 * phase) + noise * rng.standard_normal(len(times))
    rows = np.column_stack([times * unit, np.outer(1 - 0.01 * wave, colours)])
    np.savetxt(path, rows, delimiter=",", header="time,R,G,B", comments="", fmt=["%.4f", "%.6f", "%.6f", "%.6f"])
    return path


def read_rate(path):
    clip = read_traces(path)
    return clip, estimate_from_clip(clip, PulseOptions(hrv=True), None)


@pytest.mark.parametrize("colours", [(100.0, 100.0, 100.0), (0.5, 0.4, 0.3)])
def test_three_copies_of_one_channel_are_one_channel(tmp_path, colours):
    clip, found = read_rate(finger_table(tmp_path / "gray.csv", np.arange(0, 20, 1 / 30), 66, colours=colours))
    assert clip.is_gray
    assert found.bpm == pytest.approx(66, abs=0.5)
    assert found.quality > 0.9


def test_a_metronome_with_noise_has_its_rate_and_no_variability(tmp_path):
    _, found = read_rate(finger_table(tmp_path / "metronome.csv", np.arange(0, 30, 1 / 30), 66))
    assert found.bpm == pytest.approx(66, abs=0.3)
    assert found.quality > 0.9
    assert found.variability.sdnn_ms is None or found.variability.sdnn_ms < 10


@pytest.mark.parametrize("bpm", [48, 90, 150])
def test_ten_samples_a_second_are_enough(tmp_path, bpm):
    _, found = read_rate(finger_table(tmp_path / "slow.csv", np.arange(0, 20, 0.1), bpm))
    assert found.bpm == pytest.approx(bpm, abs=1)
    assert found.is_reliable


def test_microseconds_with_a_missing_cell_and_two_pauses_are_read_in_parts(tmp_path):
    steps = np.arange(0, 12, 1 / 30)
    path = finger_table(tmp_path / "us.csv", np.concatenate([steps, 20 + steps, 45 + steps]), 80, unit=1e6)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[100] = ",".join(["NaN", *lines[100].split(",")[1:]])
    path.write_text("\n".join(lines), encoding="utf-8")
    clip, found = read_rate(path)
    assert found.bpm == pytest.approx(80, abs=0.5)
    assert found.is_reliable
    assert clip.coverage == pytest.approx(36 / 57, abs=0.02)
    said = " / ".join(found.notes)
    assert "1 of 1080 rows without a number left out" in said
    assert "no samples 12.0 to 20.0 s, 32.0 to 45.0 s: the 3 parts" in said
