"""`preprocess` writes a cache, in shards as in one run."""

from __future__ import annotations

import numpy as np

from tests.rppg_adapt.conftest import (
    merge_run,
    vcli,
)
from vision_cli.rppg_adapt.data.cache import read_cache


def test_a_data_set_becomes_a_cache(generated):
    clips = read_cache(generated / "cache")
    assert len(clips) == 3
    assert clips[0].frames().shape == (180, 16, 16, 3)
    assert clips[0].wave().shape == (180,)
    assert clips[0].meta["skin_color"]
    with np.load(clips[0].path) as archive:
        assert archive["stmap"].shape == (64, 180, 6)


def test_shards_of_a_cache_are_one_cache(generated, tmp_path):
    for part in ("1/2", "2/2"):
        words = ("--size", 16, "-q", "-o", tmp_path / "c", "--shard", part)
        assert vcli("preprocess", generated / "videos/manifest.csv", *words) == 0
    found = {clip.id: clip for clip in read_cache(tmp_path / "c")}
    for clip in read_cache(generated / "cache"):
        np.testing.assert_array_equal(found[clip.id].frames(), clip.frames())
    clips = read_cache(merge_run(tmp_path / "c"))
    assert [(clip.id, clip.meta) for clip in clips] == [(c.id, c.meta) for c in read_cache(generated / "cache")]
    assert [clip.path.parent.parent.name for clip in clips] == ["shard-1-of-2", "shard-2-of-2", "shard-1-of-2"]
