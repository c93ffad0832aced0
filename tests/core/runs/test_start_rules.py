"""What may begin in a directory, and what is refused without a file touched."""

from __future__ import annotations

import json

import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.shards import Shard

COMMAND = {"command": "tiny count", "options": {"seed": 0, "unit": "words"}}


@pytest.fixture
def done(tmp_path):
    """The directory of a finished run, with the file of its input beside it."""
    (tmp_path / "input.txt").write_text("input", encoding="utf-8")
    with Run.open(tmp_path / "out", **COMMAND, inputs={"source": tmp_path / "input.txt"}) as run:
        run.write_metrics({"count": 4})
        run.finish()
    return tmp_path / "out"


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def refused(directory, **changed):
    """Try to open a run, and return the error, having checked that nothing changed."""
    before = contents(directory)
    with pytest.raises(UsageError) as caught:
        Run.open(directory, **{**COMMAND, **changed})
    assert contents(directory) == before
    return caught.value


def test_a_run_is_not_written_over_without_being_asked(done):
    error = refused(done)
    assert "a run with status 'done' is already here" in error.message
    assert "--resume" in error.hint
    assert "--overwrite" in error.hint


def test_files_of_no_run_are_not_mixed_with_one_even_if_asked(tmp_path):
    (tmp_path / "thesis.tex").touch()
    (tmp_path / "figure.pdf").touch()
    for wish in ({}, {"resume": True}, {"overwrite": True}):
        assert "figure.pdf and 1 more files found, but no run" in refused(tmp_path, **wish).message


def test_hidden_files_do_not_count(tmp_path):
    (tmp_path / ".DS_Store").touch()
    with Run.open(tmp_path, **COMMAND) as run:
        run.finish()


def test_both_wishes_at_once_are_refused(done):
    assert "--resume and --overwrite: both found" in refused(done, resume=True, overwrite=True).message


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_the_place_of_the_directory_is_refused(tmp_path, place):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="a file found; a directory expected"):
        Run.open(tmp_path / place, **COMMAND)


def test_other_options_are_named_with_both_values(done):
    error = refused(done, resume=True, options={"seed": 1, "unit": "words", "new": [1]})
    assert "new (null before, [1] now), seed (0 before, 1 now)" in error.message
    assert f"--config {done / 'run.json'}" in error.hint


def test_options_are_compared_as_json_holds_them(tmp_path):
    options = {"iterations": (60, 50), "limit": float("inf")}
    with Run.open(tmp_path / "out", command="tiny", options=options):
        pass
    with Run.open(tmp_path / "out", command="tiny", options=options, resume=True) as run:
        assert run.resumed


def test_another_command_is_refused(done):
    error = refused(done, resume=True, command="tiny measure")
    assert "a `tiny count` run found; `tiny measure` expected" in error.message


def test_changed_inputs_are_named(done):
    source = done.parent / "input.txt"
    for inputs, named in (({}, "source"), ({"source": source}, "source"), ({"mask": source}, "mask, source")):
        error = refused(done, resume=True, inputs=inputs)
        assert error.message.endswith(f"inputs changed since the run was started: {named}.")
        source.write_text("other", encoding="utf-8")


def test_an_absent_input_is_told_before_anything_is_made(tmp_path):
    with pytest.raises(InputError, match=r"absent\.nii: no such file \(fixed\)"):
        Run.open(tmp_path / "out", **COMMAND, inputs={"fixed": tmp_path / "absent.nii"})
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_record_can_only_be_replaced(done):
    (done / "run.json").write_text("{", encoding="utf-8")
    for resume in (False, True):
        with pytest.raises(InputError, match=r"run\.json: damaged record") as caught:
            Run.open(done, **COMMAND, resume=resume)
        assert "--overwrite" in caught.value.hint
    with Run.open(done, **COMMAND, overwrite=True) as run:
        run.finish()
    assert json.loads((done / "run.json").read_text(encoding="utf-8"))["status"] == "done"


def test_shards_of_two_divisions_are_not_mixed(tmp_path):
    Run.open(tmp_path, **COMMAND, shard=Shard(2, 8)).__exit__(None, None, None)
    with pytest.raises(UsageError, match="shards of 8 parts found; 1 parts expected"):
        Run.open(tmp_path, **COMMAND, shard=Shard(1, 1))
    with Run.open(tmp_path, **COMMAND, shard=Shard(3, 8)) as run:
        assert run.directory == tmp_path / "shard-3-of-8"


def test_shards_and_a_whole_run_are_not_mixed(tmp_path, done):
    with pytest.raises(UsageError, match="a run of the whole work found; one of shards expected"):
        Run.open(done, **COMMAND, shard=Shard(1, 2))
    Run.open(tmp_path / "parts", **COMMAND, shard=Shard(1, 2)).__exit__(None, None, None)
    for wish in ({}, {"resume": True}, {"overwrite": True}):
        with pytest.raises(UsageError, match="shards of 2 parts found; a directory without shards expected"):
            Run.open(tmp_path / "parts", **COMMAND, **wish)
