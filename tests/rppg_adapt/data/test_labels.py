"""Labels are matched to frames by their times, and readers say what is wrong with a file."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.data.labels import Label, deferred_reader, read_wave


def test_labels_are_interpolated_at_the_times_of_the_frames():
    label = Label(np.arange(0, 20, 0.1), np.sin(np.arange(0, 20, 0.1)))
    np.testing.assert_allclose(label.interpolate(np.array([3.05, 7.0]), "x"), np.sin([3.05, 7.0]), atol=1e-2)


@pytest.mark.parametrize(
    ("times", "wave", "message"),
    [
        (np.arange(10.0), np.arange(9.0), "10 times and 9 values"),
        (np.arange(10.0), np.full(10, np.nan), "10 values that are not finite found"),
        (np.arange(10.0), np.full(10, 4.0), "a constant wave of 4 found"),
    ],
)
def test_labels_that_are_no_pulse_are_refused(times, wave, message):
    with pytest.raises(InputError, match=message):
        Label(times, wave).checked("x")


def test_labels_of_another_clock_are_refused():
    label = Label(np.arange(0, 10, 0.1), np.sin(np.arange(0, 10, 0.1)))
    with pytest.raises(InputError, match=r"labels from 0\.0 to 9\.9 s cover 50 % of the video"):
        label.interpolate(np.linspace(0, 20, 200), "x")


def test_unordered_times_are_sorted_and_duplicates_dropped():
    label = Label(np.array([0.0, 2.0, 1.0, 2.0]), np.array([0.0, 2.0, 1.0, 9.0])).checked("x")
    assert label.times.tolist() == [0, 1, 2]
    assert label.wave.tolist() == [0, 1, 2]


def test_a_deferred_reader_reads_when_it_is_called_and_passes_the_times_of_the_frames(tmp_path):
    path = tmp_path / "w.csv"
    read = deferred_reader(read_wave, path, None)
    with pytest.raises(InputError, match=r"w\.csv: no such file; labels expected"):
        read(np.arange(3.0))
    path.write_text("1\n2\n4\n")
    np.testing.assert_allclose(read(np.array([0.0, 1.0, 4.0])).times, [0, 2, 4])
    path.write_text("a,b\nx,y\n")
    with pytest.raises(InputError, match=r"w\.csv: not readable as labels"):
        read(np.arange(3.0))


def test_a_table_without_a_wave_is_refused_with_its_columns(tmp_path):
    (tmp_path / "w.csv").write_text("t,hr\n0,70\n")
    with pytest.raises(InputError, match=r"columns t, hr found; one of bvp, ppg, wave"):
        read_wave(tmp_path / "w.csv", None, np.arange(2.0))
