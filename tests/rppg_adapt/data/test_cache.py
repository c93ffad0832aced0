"""Caches are read with their index, split by subjects, and give labelled windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.rppg_adapt.conftest import write_clips
from vision_cli.core.errors import InputError
from vision_cli.rppg_adapt.data.cache import CachedClip, LabelledWindows, read_cache, split_subjects


def test_cached_clips_are_windows_with_their_waves(tmp_path):
    clips = write_clips(tmp_path)
    source = LabelledWindows(clips[:3], clips[3:], 16, 64, 0)
    batch = source.load([0, 1, 2])
    assert batch.frames.shape == (3, 64, 16, 16, 3)
    # The window of a clip has the window of its wave: green falls where there is blood.
    green = batch.frames[..., 1].float().mean((2, 3)).numpy()
    for trace, wave in zip(green, batch.waves.numpy(), strict=True):
        assert np.corrcoef(np.diff(trace), np.diff(wave))[0, 1] < -0.3
    assert not torch.equal(source.load([3, 4, 5]).frames, batch.frames)
    assert source.validation().frames.shape[0] == 1


def test_clips_without_labels_cannot_be_trained_on(tmp_path):
    clips = write_clips(tmp_path, 1, labels=False)
    with pytest.raises(InputError, match=r"c0\.npz: no labels found; a ground-truth wave expected"):
        LabelledWindows(clips, [], 16, 64, 0)


def test_clips_shorter_than_a_window_are_refused(tmp_path):
    clips = write_clips(tmp_path, 1, frames=70)
    with pytest.raises(InputError, match=r"70 frames found; 80 or more expected"):
        LabelledWindows(clips, [], 16, 80, 0)


def test_no_subject_is_on_both_sides_of_a_split(tmp_path):
    clips = [CachedClip(f"c{k}", f"s{k // 3}", tmp_path, 30, 9) for k in range(30)]
    one, two = split_subjects(clips, 0.7, 0)
    assert {c.subject for c in one}.isdisjoint(c.subject for c in two)
    assert len({c.subject for c in one}) == 7
    assert len(one) + len(two) == 30


def test_a_cache_needs_its_index_and_its_files(tmp_path):
    with pytest.raises(InputError, match=r"no index\.csv found; a cache expected"):
        read_cache(tmp_path)
    (tmp_path / "index.csv").write_text("id,file,subject,fps,frames\na,a.npz,s,30,10\n")
    with pytest.raises(InputError, match=r"a\.npz: no such file, but .*index\.csv names it"):
        read_cache(tmp_path)
