"""The list of runs tells what each was and how it ended, and no broken record keeps the others from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from vision_cli.core.errors import InputError
from vision_cli.core.runs.listing import list_runs
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.shards import Shard


def finished(directory, started, command="tiny count", failed=0, items=0, shard=None):
    with Run.open(directory, command=command, options={}, shard=shard) as run:
        for number in range(items):
            if number < failed:
                run.items.fail(f"i{number}", number, "unreadable")
            else:
                run.items.add(f"i{number}", number, {"n": number})
        if items:
            run.finish_items()
        run.finish()
    place = directory if shard is None else directory / shard.directory
    change(place, started=started, wall_seconds=2.5)
    return directory


def change(directory, **values):
    path = directory / "run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**document, **values}), encoding="utf-8")


def test_runs_are_listed_with_the_latest_first(tmp_path):
    finished(tmp_path / "a", "2026-01-02T00:00:00.000+00:00", items=3, failed=1)
    finished(tmp_path / "deep" / "down" / "b", "2026-01-03T00:00:00.000+00:00", command="tiny sum")
    finished(tmp_path / "c", "2026-01-03T01:00:00.000+02:00")
    runs = list_runs(tmp_path)
    assert [run.directory for run in runs] == [tmp_path / "deep" / "down" / "b", tmp_path / "c", tmp_path / "a"]
    assert [(run.command, run.status, run.seconds) for run in runs] == [
        ("tiny sum", "done", 2.5),
        ("tiny count", "done", 2.5),
        ("tiny count", "done", 2.5),
    ]
    assert [(run.items, run.items_failed) for run in runs] == [(None, None), (None, None), (2, 1)]


def test_a_run_is_found_at_the_directory_itself_and_nothing_inside_of_it(tmp_path):
    finished(tmp_path, "2026-01-02T00:00:00.000+00:00")
    finished(tmp_path / "inside", "2026-01-02T00:00:00.000+00:00")
    assert [run.directory for run in list_runs(tmp_path)] == [tmp_path]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1, 2]",
        b"null",
        b"\xff\xfe",
        b'{"schema_version": "x"}',
        b'{"schema_version": 99, "command": "a", "status": "done", "options": {}}',
        b"[" * 100_000,
    ],
    ids=["empty", "torn", "list", "null", "no text", "version", "later", "deep"],
)
def test_a_broken_record_is_listed_as_damaged_behind_the_others(tmp_path, content):
    finished(tmp_path / "good", "2026-01-02T00:00:00.000+00:00")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_bytes(content)
    good, bad = list_runs(tmp_path)
    assert (good.directory.name, good.status) == ("good", "done")
    assert (bad.directory.name, bad.status, bad.started) == ("bad", "damaged", None)
    assert "run.json" in bad.error


def test_odd_values_and_a_broken_journal_leave_gaps(tmp_path):
    finished(tmp_path / "odd", "2026-01-02T00:00:00.000+00:00", items=2)
    change(tmp_path / "odd", started=17, wall_seconds="long")
    (tmp_path / "odd" / "items.jsonl").write_text("no entry\n", encoding="utf-8")
    (run,) = list_runs(tmp_path)
    assert (run.status, run.started, run.seconds, run.items, run.items_failed) == ("done", None, None, None, None)


def test_a_run_that_nobody_holds_was_killed(tmp_path):
    finished(tmp_path / "run", "2026-01-02T00:00:00.000+00:00")
    change(tmp_path / "run", status="running", wall_seconds=None)
    assert [(run.status, run.seconds) for run in list_runs(tmp_path)] == [("killed", None)]


def test_a_run_at_work_tells_how_long_it_has_been(tmp_path):
    with Run.open(tmp_path / "run", command="tiny count", options={}) as run:
        change(tmp_path / "run", started="2026-01-02T00:00:00.000+00:00")
        (listed,) = list_runs(tmp_path)
        run.finish()
    assert listed.status == "running"
    assert listed.seconds > 24 * 3600


def test_shards_are_one_run(tmp_path):
    finished(tmp_path / "out", "2026-01-02T00:00:00.000+00:00", items=3, failed=1, shard=Shard(1, 2))
    (listed,) = list_runs(tmp_path)
    assert (listed.directory, listed.command, listed.status) == (tmp_path / "out", "tiny count", "unfinished")
    assert (listed.items, listed.items_failed) == (2, 1)
    assert listed.shards == {"done": 1, "missing": 1}
    finished(tmp_path / "out", "2026-01-02T00:00:10.000+00:00", items=3, shard=Shard(2, 2))
    (listed,) = list_runs(tmp_path)
    assert (listed.status, listed.shards, listed.seconds) == ("unmerged", {"done": 2}, 12.5)


def test_a_directory_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no such directory; a directory with runs expected"):
        list_runs(tmp_path / "absent")


def test_the_command_lists_runs_as_a_table_and_as_one_document(tmp_path):
    finished(tmp_path / "vcli-runs" / "first", "2026-01-02T00:00:00.000+00:00", items=3, failed=1)
    (tmp_path / "vcli-runs" / "bad").mkdir()
    (tmp_path / "vcli-runs" / "bad" / "run.json").write_text("{", encoding="utf-8")

    def listed(*words):
        command = [sys.executable, "-m", "vision_cli", "runs", "list", *words]
        environ = {**os.environ, "TZ": "UTC"}
        return subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, encoding="utf-8", check=False)

    shown = listed()
    assert shown.returncode == 0
    first, bad = shown.stdout.splitlines()[2:]
    assert first.split() == ["vcli-runs/first", "tiny", "count", "done", "2026-01-02", "00:00:00", "0:00:02", "2", "1"]
    assert bad.split()[:3] == ["vcli-runs/bad", "-", "damaged"]
    assert "damaged record of a run" in shown.stderr
    document = json.loads(listed("vcli-runs", "--json").stdout)
    assert [(run["run"], run["status"], run["items_failed"]) for run in document["runs"]] == [
        ("vcli-runs/first", "done", 1),
        ("vcli-runs/bad", "damaged", None),
    ]
    absent = listed("absent")
    assert (absent.returncode, absent.stdout) == (3, "")


def test_nothing_run_yet_is_no_mistake(tmp_path):
    command = [sys.executable, "-m", "vision_cli", "runs", "list"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "vcli: no runs below vcli-runs\n")
