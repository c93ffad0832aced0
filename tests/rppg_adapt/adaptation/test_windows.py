"""Windows lie in their contexts, contexts in their clips, and segments cover a clip."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.adaptation.windows import ClipWindow, UnlabelledClips, split_clip


@given(st.integers(30, 400), st.integers(20, 200), st.integers(20, 300), st.data())
def test_a_window_lies_in_its_context_and_both_in_their_clip(frames, length, context, data):
    clip = np.arange(max(frames, length), dtype=np.uint16)[:, None, None, None]
    start = data.draw(st.integers(0, len(clip) - length))
    window = ClipWindow.cut(clip, start, length, context)
    assert np.array_equal(window.frames, clip[start : start + length])
    assert np.array_equal(window.context[window.start : window.start + length], window.frames)
    assert len(window.context) == min(max(context, length), len(clip))


def test_no_clips_are_refused():
    with pytest.raises(InputError, match="no clip to adapt to"):
        UnlabelledClips([], 64, 64, 0)


def test_segments_cover_a_clip_from_its_first_frame_to_its_last():
    clip = np.arange(70)[:, None, None, None]
    segments = split_clip(clip, 30)
    assert [len(segment) for segment in segments] == [30, 30, 30]
    assert set(np.concatenate(segments).ravel()) == set(range(70))
    assert [len(segment) for segment in split_clip(clip, 100)] == [70]


def test_short_clips_are_extended_and_windows_are_repeatable():
    clips = [np.arange(count, dtype=np.uint8)[:, None, None, None] for count in (20, 50)]
    found, again = (UnlabelledClips(clips, 30, 40, 3).load([0, 1])[0] for _ in range(2))
    assert sorted(int(window.frames.max()) for window in found)[0] == 19
    assert all(len(window.frames) == 30 for window in found)
    for one, two in zip(found, again, strict=True):
        np.testing.assert_array_equal(one.frames, two.frames)
