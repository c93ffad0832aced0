"""Clips are divided at pauses, and what is left out is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rppg_adapt.conftest import clip_of, make_traces
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.faces.pauses import longest_part, split_at_pauses


def clip_at(times):
    return clip_of(np.ones((len(times), 3)), times=np.asarray(times), fps=1 / float(np.median(np.diff(times))))


def test_a_clip_without_pauses_is_its_only_part():
    clip = clip_at(np.delete(np.arange(300) / 30, slice(100, 125)))
    divided = split_at_pauses(clip)
    assert divided.parts == (clip,)
    assert divided.notes == ()


def test_parts_lie_between_the_pauses_and_short_ones_are_left_out():
    times = np.concatenate([np.arange(180) / 30, 20 + np.arange(90) / 30, 40 + np.arange(250) / 25])
    divided = split_at_pauses(clip_at(times))
    assert [(part.times[0], round(part.times[-1], 2), round(part.fps)) for part in divided.parts] == [
        (0.0, 5.97, 30),
        (40.0, 49.96, 25),
    ]
    said = " / ".join(divided.notes)
    assert "no samples 6.0 to 20.0 s, 23.0 to 40.0 s: the 2 parts" in said
    assert "too short between pauses, left out: 20.0 to 23.0 s" in said


def test_a_face_that_leaves_is_a_pause():
    seen = np.ones(600, bool)
    seen[200:320] = False
    clip = replace(clip_at(np.arange(600) / 30), is_seen=seen)
    assert [len(part.times) for part in split_at_pauses(clip).parts] == [200, 280]
    seen[260:] = True
    assert len(split_at_pauses(replace(clip, is_seen=seen)).parts) == 1


def test_the_coverage_counts_pauses():
    times = np.concatenate([np.arange(300) / 30, 20 + np.arange(300) / 30])
    assert clip_at(times).coverage == pytest.approx(20 / 30, abs=0.01)
    assert clip_at(times).seen_share == 1


@settings(max_examples=30)
@given(st.lists(st.tuples(st.integers(2, 400), st.floats(0.05, 30)), min_size=1, max_size=6))
def test_every_frame_is_in_a_part_or_in_what_is_left_out(pieces):
    times, start = [], 0.0
    for count, gap in pieces:
        times.append(start + np.arange(count) / 30)
        start = times[-1][-1] + gap
    clip = clip_at(np.concatenate(times))
    divided = split_at_pauses(clip)
    inside = sum(((clip.times >= a) & (clip.times <= b)).sum() for a, b in divided.left_out)
    assert sum(len(part.times) for part in divided.parts) + inside == len(clip.times)
    assert all(np.diff(part.times).max() <= 1 + 1e-9 for part in divided.parts)


def test_traces_follow_their_frames():
    traces, _ = make_traces(72, times=np.concatenate([np.arange(300) / 30, 30 + np.arange(300) / 30]))
    clip = clip_of(traces, times=np.concatenate([np.arange(300) / 30, 30 + np.arange(300) / 30]))
    first, second = split_at_pauses(clip).parts
    np.testing.assert_array_equal(np.concatenate([first.traces, second.traces]), traces)


def test_the_longest_part_is_kept_with_a_note():
    clip = clip_at(np.concatenate([np.arange(300) / 30, 20 + np.arange(600) / 30]))
    longest = longest_part(clip, "a.mp4")
    assert (longest.times[0], len(longest.times)) == (20.0, 600)
    assert longest.notes == ("no samples 10.0 to 20.0 s: the longest part, of 20.0 s, was kept",)
    with pytest.raises(InputError, match=r"a\.mp4: no part of 5 s between pauses"):
        longest_part(clip_at(np.concatenate([np.arange(90) / 30, 20 + np.arange(90) / 30])), "a.mp4")
