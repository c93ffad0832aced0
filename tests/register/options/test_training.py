"""Settings of a training."""

from __future__ import annotations

from vision_cli.register.options.training import SyntheticPairs


def test_the_source_of_synthetic_pairs_is_described(tmp_path):
    assert SyntheticPairs().files == []
    assert SyntheticPairs().description == "generated heads"
    maps = tmp_path / "maps"
    (maps / "folder").mkdir(parents=True)
    for name in ("b.nii", "a.nii"):
        (maps / name).touch()
    pairs = SyntheticPairs(label_maps=maps)
    assert [path.name for path in pairs.files] == ["a.nii", "b.nii"]
    assert pairs.description == "2 label maps of maps"
