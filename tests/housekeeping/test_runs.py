"""`vcli runs` shows what a run was and where runs differ."""

from __future__ import annotations

import json
import re

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.shards import Shard


@pytest.fixture
def run(tmp_path):
    """Return a function that makes a finished run with the options and measures given."""

    def make(name, options, metrics):
        source = tmp_path / "input.txt"
        source.write_text("input", encoding="utf-8")
        with Run.open(tmp_path / name, command="tiny count", options=options, inputs={"source": source}) as run:
            run.write_metrics(metrics)
            run.finish()
        return tmp_path / name

    return make


def test_show_is_the_default_and_names_command_status_options_and_measures(run, capsys):
    directory = run("out", {"unit": "words"}, {"count": 4})
    assert launch(app, ["runs", str(directory)]) == 0
    printed = capsys.readouterr().out
    for row in (r"command +tiny count", r"status +done", r"unit +words", r"count +4"):
        assert re.search(row, printed)


def test_show_as_json_holds_the_whole_record(run, capsys):
    directory = run("out", {"unit": "words"}, {"count": 4})
    launch(app, ["runs", "show", str(directory), "--json"])
    shown = json.loads(capsys.readouterr().out)
    assert shown["run"] == json.loads((directory / "run.json").read_text(encoding="utf-8"))
    assert shown["metrics"] == {"count": 4}


def test_compare_lists_what_differs(run, capsys):
    first = run("first", {"unit": "words", "seed": 0}, {"count": 4, "same": 1})
    second = run("second", {"unit": "lines", "seed": 0}, {"count": 2, "same": 1})
    launch(app, ["runs", "compare", str(first), str(second), "--json"])
    assert json.loads(capsys.readouterr().out) == {
        "option unit": {str(first): "words", str(second): "lines"},
        "measure count": {str(first): 4, str(second): 2},
    }


def test_runs_that_do_not_differ_are_said_to(run, capsys):
    first = run("first", {"seed": 0}, {"count": 4})
    assert launch(app, ["runs", "compare", str(first), str(first)]) == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "vcli: the runs do not differ.\n")


def test_compare_lists_everything_if_asked(run, capsys):
    first = run("first", {"seed": 0}, {})
    launch(app, ["runs", "compare", str(first), str(first), str(first), "--all"])
    printed = capsys.readouterr().out
    assert "option seed" in printed
    assert "input source" in printed
    assert "version python" in printed


def test_merged_shards_have_the_bytes_of_an_unsplit_run(tmp_path, capsys):
    items = [f"item{number}" for number in range(5)]

    def work(directory, shard=None):
        with Run.open(directory, command="tiny count", options={"seed": 0}, shard=shard) as run:
            for position in shard.take(range(5)) if shard else range(5):
                if position == 3:
                    run.items.fail(items[position], position, "unreadable")
                else:
                    run.items.add(items[position], position, {"dice": position / 7})
            run.finish_items()
            run.finish()

    work(tmp_path / "whole")
    for index in (1, 2):
        work(tmp_path / "split", Shard(index, 2))
    assert launch(app, ["runs", "merge", str(tmp_path / "split"), "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["items_failed"] == 1
    for name in ("items.csv", "failures.csv", "metrics.json"):
        assert (tmp_path / "split" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_shards_that_are_missing_are_named(tmp_path, capsys):
    with Run.open(tmp_path / "split", command="tiny count", options={}, shard=Shard(1, 3)) as run:
        run.finish_items()
        run.finish()
    assert launch(app, ["runs", "merge", str(tmp_path / "split")]) == 2
    assert "2 of 3 shards are not done; missing: 2, 3." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "no run given"),
        (["show", "absent"], 3, "absent: no run.json found; the directory of a run expected."),
        (["compare", "one"], 2, "1 run found; two or more expected"),
        (["merge", "absent"], 3, "absent"),
    ],
)
def test_what_is_no_run_is_refused(capsys, arguments, code, message):
    assert launch(app, ["runs", *arguments]) == code
    assert message in capsys.readouterr().err


def shard(directory, index, count, *, failing=()):
    """Do part of the items 0 to 5."""
    part = Shard(index, count)
    with Run.open(directory, command="tiny count", options={}, shard=part) as run:
        for position in part.take(range(6)):
            if position in failing:
                run.items.fail(f"item {position}", position, "no such word")
            else:
                run.items.add(f"item {position}", position, {"value": position})
        run.finish_items()
        run.finish()


def test_show_tells_how_far_the_shards_are(tmp_path, capsys):
    shard(tmp_path, 1, 3)
    shard(tmp_path, 3, 3, failing=[5])
    assert launch(app, ["runs", str(tmp_path), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["counts"] == {"done": 2, "missing": 1}
    assert [s["state"] for s in shown["shards"]] == ["done", "missing", "done"]
    assert launch(app, ["runs", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"done +2 +3 +1", printed)
    assert re.search(r"shard-2-of-3 +missing", printed)
    assert re.search(r"shard-3-of-3 +done +1 +1", printed)
    assert "shard-1-of-3" not in printed


def test_merge_names_the_items_that_failed_and_exits_as_the_undivided_run(tmp_path, capsys):
    shard(tmp_path, 1, 2)
    shard(tmp_path, 2, 2, failing=[3])
    assert launch(app, ["runs", "merge", str(tmp_path)]) == 6
    said = capsys.readouterr().err
    assert "1 of 6 items failed: item 3." in said
    assert "--shard 2/2 --resume" in said
    assert (tmp_path / "failures.csv").exists()
    assert (tmp_path / "items.csv").exists()
