"""Files appear whole or not at all, and what is written can be read back."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import math
import os
import resource
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.core.errors import ResourceError
from vision_cli.core.escapes import spreadsheet_text
from vision_cli.core.runs import files

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def names(directory):
    return sorted(path.name for path in directory.iterdir())


def test_a_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "deep" / "image.nii.gz"
    with files.atomic_path(target) as hidden:
        hidden.write_bytes(b"new")
        assert not target.exists()
        assert hidden.parent == target.parent
        assert hidden.name.startswith(".")
        assert hidden.name.endswith("-image.nii.gz")
    assert target.read_bytes() == b"new"
    assert names(target.parent) == ["image.nii.gz"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_a_failed_writer_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")

    def fail_half_way():
        with files.atomic_path(target) as hidden:
            hidden.write_text("half", encoding="utf-8")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert target.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    target = tmp_path / "a.txt"
    with files.atomic_path(target) as first, files.atomic_path(target) as second:
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert target.read_text(encoding="utf-8") == "first"
    assert names(tmp_path) == ["a.txt"]


def test_a_writer_killed_at_any_moment_leaves_no_partial_file(tmp_path, start):
    program = """
        import sys
        from pathlib import Path
        from vision_cli.core.runs.files import write_bytes
        target = Path(sys.argv[1])
        print("ready", flush=True)
        for number in range(10**9):
            write_bytes(target, bytes([number % 256]) * 200_000)
    """
    target = tmp_path / "a.bin"
    for milliseconds in (0, 3, 7, 12, 20, 31, 45):
        process = start(program, target)
        assert process.stdout.readline() == "ready\n"
        time.sleep(milliseconds / 1000)
        process.kill()
        process.wait()
        if target.exists():
            content = target.read_bytes()
            assert len(content) == 200_000
            assert len(set(content)) == 1
    files.remove_stale_temporaries(tmp_path)
    assert set(names(tmp_path)) <= {"a.bin"}


def test_temporaries_are_removed_below_too_but_not_those_of_shards(tmp_path):
    for folder in ("", "pairs/one", "shard-1-of-2"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / f"{files.TEMPORARY_PREFIX}123-a.txt").touch()
        (tmp_path / folder / "kept.txt").touch()
    files.remove_stale_temporaries(tmp_path)
    assert names(tmp_path) == ["kept.txt", "pairs", "shard-1-of-2"]
    assert names(tmp_path / "pairs" / "one") == ["kept.txt"]
    assert len(names(tmp_path / "shard-1-of-2")) == 2


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch, code):
    target = tmp_path / "a.txt"
    target.write_text("old", encoding="utf-8")

    def full(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match=r"a\.txt: no space left to write it"):
        files.write_text(target, "new")
    assert target.read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["a.txt"]


def test_a_limit_on_file_size_is_a_resource_error(tmp_path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(ResourceError, match=r"a\.bin: no space left"):
            files.write_bytes(tmp_path / "a.bin", bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_a_refused_directory_is_a_resource_error_and_a_refused_input_is_not(tmp_path):
    target = tmp_path / "out" / "a.txt"
    with (
        pytest.raises(ResourceError, match=r"a\.txt: cannot be written \(Permission denied\)"),
        files.writing(target),
    ):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "out"))
    with pytest.raises(PermissionError), files.writing(target):
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path / "in" / "b.txt"))


def test_other_faults_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(OSError, match="Input/output error"), files.atomic_path(tmp_path / "a"):
        raise OSError(errno.EIO, "Input/output error")


def test_numbers_of_other_libraries_and_paths_become_json(tmp_path):
    document = {
        "float": np.float32(0.5),
        "integer": np.int64(3),
        "path": tmp_path,
        "nested": [(1, math.nan), {"infinite": -math.inf, "none": None, "yes": True}],
        5: np.float64("nan"),
    }
    files.write_json(tmp_path / "a.json", document)
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert json.loads(text) == {
        "float": 0.5,
        "integer": 3,
        "path": str(tmp_path),
        "nested": [[1, None], {"infinite": None, "none": None, "yes": True}],
        "5": None,
    }
    assert list(json.loads(text)) == ["float", "integer", "path", "nested", "5"]


def test_what_json_cannot_hold_is_a_fault():
    with pytest.raises(TypeError, match="set: not a JSON value"):
        files.json_text({"a": {1}})


def test_a_file_name_that_is_no_text_survives_json(tmp_path):
    name = os.fsdecode(b"scan-\xff.nii")
    files.write_json(tmp_path / "a.json", {"name": name, "grüße": "日本"})
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == {"name": name, "grüße": "日本"}
    assert "日本" in text


@given(st.lists(st.lists(TEXT, min_size=3, max_size=3), max_size=6))
def test_csv_is_read_back_as_it_was_written(rows):
    columns = ["id", "a, b", 'c "d"']
    text = files.csv_text(columns, rows)
    read = [[spreadsheet_text(cell) for cell in row] for row in csv.reader(io.StringIO(text, newline=""))]
    assert read == [columns, *rows]


def test_csv_has_plain_line_ends_and_empty_cells_for_none(tmp_path):
    files.write_csv(tmp_path / "a.csv", ("id", "dice"), [("a", 0.1), ("b", None), ("c\r", True)])
    assert (tmp_path / "a.csv").read_bytes() == b'id,dice\na,0.1\nb,\n"c\r",True\n'


@given(st.floats(allow_nan=False))
def test_csv_holds_floats_exactly(value):
    (_, (cell,)) = csv.reader(files.csv_text(["x"], [[value]]).splitlines())
    assert float(cell) == value


def test_digest_and_size_of_a_file_and_of_a_series(tmp_path):
    content = bytes(range(256)) * 8192 + b"tail"
    (tmp_path / "b.dcm").write_bytes(content)
    assert files.sha256(tmp_path / "b.dcm") == hashlib.sha256(content).hexdigest()
    before = files.sha256(tmp_path)
    assert files.size(tmp_path) == files.size(tmp_path / "b.dcm") == len(content)
    (tmp_path / "b.dcm").rename(tmp_path / "c.dcm")
    assert files.sha256(tmp_path) != before


def test_lack_of_space_is_told_before_the_work(tmp_path):
    files.require_free_space(tmp_path / "not" / "yet", 1)
    with pytest.raises(ResourceError, match=r"MiB free; about 1099511627776 MiB expected"):
        files.require_free_space(tmp_path / "not" / "yet", 2**60)


def test_lines_are_added_and_a_torn_one_is_replaced(tmp_path):
    path = tmp_path / "a.jsonl"
    assert files.whole_lines(path) == []
    files.append_line(path, "one")
    files.append_line(path, "two")
    with path.open("ab") as stream:
        stream.write(b"thr")
    assert files.whole_lines(path) == [b"one", b"two"]
    files.append_line(path, "four")
    assert path.read_bytes() == b"one\ntwo\nfour\n"


def test_a_first_line_that_was_torn_is_replaced(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"on")
    assert files.whole_lines(path) == []
    files.append_line(path, "two")
    assert path.read_bytes() == b"two\n"


@pytest.fixture
def small_files():
    """Files of at most 64 KiB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_room_is_found_and_given_back(tmp_path, small_files):
    files.require_room_for(tmp_path / "a.h5", 60 * 1024)
    assert names(tmp_path) == []


def test_a_file_that_will_not_fit_is_refused_before_it_is_begun(tmp_path, small_files):
    with pytest.raises(ResourceError):
        files.require_room_for(tmp_path / "a.h5", 70 * 1024)
    assert names(tmp_path) == []


def test_a_file_system_that_cannot_reserve_does_not_stop_the_work(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.EOPNOTSUPP, "not supported")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    files.require_room_for(tmp_path / "a.h5", 10)
    assert names(tmp_path) == []
