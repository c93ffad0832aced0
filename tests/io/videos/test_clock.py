"""Clocks that start again, go back or repeat a time."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.io.videos.clock import RESTART_GAP_S, GrowingClock


def run_clock(times):
    clock = GrowingClock()
    return list(clock((float(t), k) for k, t in enumerate(times))), clock


def test_a_clock_that_starts_again_is_another_recording():
    times = np.concatenate([1.4 + np.arange(90) / 30, 1.4 + np.arange(60) / 25])
    found, clock = run_clock(times)
    assert [k for _, k in found] == list(range(150))
    shown = np.array([t for t, _ in found])
    np.testing.assert_allclose(shown[:90], np.arange(90) / 30, atol=1e-12)
    np.testing.assert_allclose(shown[90:] - shown[89], RESTART_GAP_S + np.arange(60) / 25, atol=1e-12)
    assert clock.notes == (
        "the clock starts again after frame 90: the 60 frames from there on were read as another recording",
    )


def test_a_single_wrong_time_is_left_out_and_counted():
    times = np.arange(90) / 30
    times[60] = 0.0
    found, clock = run_clock(times)
    assert [k for _, k in found] == [*range(60), *range(61, 90)]
    assert clock.notes == ("1 frame at earlier times left out",)


def test_repeated_times_are_left_out_and_counted():
    found, clock = run_clock(np.repeat(np.arange(30) / 30, 2))
    assert len(found) == 30
    assert clock.left_out == 30
    assert clock.restarts == []


def test_a_third_recording_is_counted_too():
    found, clock = run_clock(np.concatenate([np.arange(n) / 10 for n in (50, 40, 30)]))
    assert len(found) == 120
    assert clock.restarts == [50, 90]
    assert "after frame 90: the 30 frames" in clock.notes[1]


@given(st.lists(st.floats(-1e4, 1e4), max_size=60))
def test_times_grow_and_every_frame_is_counted(times):
    found, clock = run_clock(times)
    shown = [t for t, _ in found]
    assert all(a < b for a, b in itertools.pairwise(shown))
    assert len(found) == clock.count
    assert clock.count + clock.left_out == len(times)
