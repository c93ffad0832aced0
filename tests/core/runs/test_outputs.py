"""A run knows what it wrote, also after a kill, and removes nothing else."""

from __future__ import annotations

import pytest

from vision_cli.core.errors import InputError
from vision_cli.core.runs.outputs import Outputs


def test_names_are_known_after_a_kill_and_handed_over_at_the_end(tmp_path):
    outputs = Outputs(tmp_path, ["run-known.txt"])
    outputs.add("b/a.nii.gz")
    outputs.add("a\nb.txt")
    outputs.add("b/a.nii.gz")
    again = Outputs(tmp_path, ["run-known.txt"])
    assert again.names == outputs.names == ["a\nb.txt", "b/a.nii.gz", "run-known.txt"]
    outputs.hand_over()
    assert list(tmp_path.iterdir()) == []


def test_only_outputs_and_the_folders_that_they_leave_empty_are_removed(tmp_path):
    outputs = Outputs(tmp_path)
    for name in ("a.txt", "deep/er/b.txt", "shared/c.txt", "never-written.txt"):
        path = outputs.add(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if name != "never-written.txt":
            path.touch()
    (tmp_path / "shared" / "mine.txt").touch()
    (tmp_path / "mine.txt").touch()
    outputs.remove()
    kept = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert kept == ["mine.txt", "shared", "shared/mine.txt"]
    assert outputs.names == []


@pytest.mark.parametrize("name", ["../a.txt", "a/../../b", "", ".", "/etc/a.txt"])
def test_a_name_that_leads_out_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="a path inside the run directory expected"):
        Outputs(tmp_path).add(name)
