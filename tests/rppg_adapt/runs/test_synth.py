"""`synth` writes videos with a manifest, in shards as in one run."""

from __future__ import annotations

from tests.rppg_adapt.conftest import (
    merge_run,
    read_rows,
    vcli,
)
from vision_cli.rppg_adapt.data.layouts import find_recordings


def test_videos_are_made_with_their_manifest(generated):
    listed = read_rows(generated / "videos/manifest.csv")
    assert [row["subject"] for row in listed] == ["subject1", "subject2", "subject3"]
    for row in listed:
        assert (generated / "videos" / row["path"]).is_file()
        assert (generated / "videos" / row["subject"] / "boxes.csv").is_file()
        assert row["skin_color"] in {"light", "medium"}


def test_merged_shards_of_videos_are_a_data_set(generated, tmp_path):
    words = ("-n", 3, "--seconds", 6, "--preset", "easy", "--size", "128x96", "-q", "-o", tmp_path / "v")
    for part in ("1/2", "2/2"):
        assert vcli("synth", *words, "--shard", part) == 0
    listed = read_rows(merge_run(tmp_path / "v") / "manifest.csv")
    assert [row["path"] for row in listed] == [
        "shard-1-of-2/subject1/vid.mp4",
        "shard-2-of-2/subject2/vid.mp4",
        "shard-1-of-2/subject3/vid.mp4",
    ]
    assert (tmp_path / "v/items.csv").read_bytes() == (generated / "videos/items.csv").read_bytes()
    found = find_recordings(tmp_path / "v/manifest.csv", "manifest")
    assert [one.id for one in found] == ["subject1", "subject2", "subject3"]
    assert [one.path.read_bytes() for one in found] == [
        (generated / "videos" / row["path"]).read_bytes() for row in read_rows(generated / "videos/manifest.csv")
    ]
