"""Shards that were merged are the run that was never divided, byte for byte."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError, UsageError
from vision_cli.core.runs.runs import Run, read_run
from vision_cli.core.shards.merge import merge_shards, read_entries
from vision_cli.core.shards.shards import Shard

COMMAND = {"command": "tiny batch", "options": {"seed": 0}}


def work(directory, values, shard=None, *, finish=True, **changed):
    """Run over `values`; a negative one fails."""
    everything = list(enumerate(values))
    with Run.open(directory, **{**COMMAND, **changed}, shard=shard) as run:
        for position, value in shard.take(everything) if shard else everything:
            if value < 0:
                run.items.fail(f"item {position}", position, f"{value} found; a positive number expected.")
            else:
                run.items.add(f"item {position}", position, {"value": value, f"column {value % 3}": 1})
        run.finish_items()
        if finish:
            run.finish()


def tables(directory):
    names = ("items.csv", "failures.csv", "metrics.json")
    return {name: (directory / name).read_bytes() for name in names if (directory / name).exists()}


@given(values=st.lists(st.integers(-3, 9), max_size=9), count=st.integers(1, 4), data=st.data())
@settings(max_examples=8)
def test_merged_shards_are_the_undivided_run(tmp_path_factory, values, count, data):
    directory = tmp_path_factory.mktemp("runs")
    work(directory / "whole", values)
    for index in data.draw(st.permutations(range(1, count + 1))):
        work(directory / "parts", values, Shard(index, count))
    merge_shards(directory / "parts")
    assert tables(directory / "parts") == tables(directory / "whole")


def test_a_merged_run_is_a_run_that_is_done(tmp_path):
    for index in (1, 2):
        work(tmp_path, [1, 2, 3], Shard(index, 2))
    merged = merge_shards(tmp_path)
    assert [entry.id for entry in merged.entries] == ["item 0", "item 1", "item 2"]
    record = read_run(tmp_path)
    assert (record.status, record.command, record.options) == ("done", "tiny batch", {"seed": 0})
    assert record.document["shards"] == ["shard-1-of-2", "shard-2-of-2"]
    parts = [shard.document["cpu_seconds"] for shard in merged.shards]
    assert record.document["cpu_seconds"] == pytest.approx(sum(parts), abs=1e-3)
    with Run.open(tmp_path, **COMMAND, resume=True) as run:
        assert run.already_done


def test_entries_are_those_of_a_run_in_one_piece_or_of_its_shards(tmp_path):
    values = [3, -1, 5, 7]
    work(tmp_path / "whole", values)
    for index in (1, 2):
        work(tmp_path / "parts", values, Shard(index, 2))
    whole = list(read_entries(tmp_path / "whole"))
    assert [entry.row.get("value") for entry in whole] == [3, None, 5, 7]
    assert list(read_entries(tmp_path / "parts")) == whole
    merge_shards(tmp_path / "parts")
    assert list(read_entries(tmp_path / "parts")) == whole


def test_a_table_names_outputs_where_they_lie(tmp_path):
    def finish(run, entries):
        run.write_text("where.txt", " ".join(run.path_of(entry, "a/b.png") for entry in entries))

    for index in (1, 2):
        work(tmp_path / "parts", [1, 2, 3], Shard(index, 2))
    merge_shards(tmp_path / "parts", finish)
    assert (tmp_path / "parts/where.txt").read_text(encoding="utf-8").split() == [
        "shard-1-of-2/a/b.png",
        "shard-2-of-2/a/b.png",
        "shard-1-of-2/a/b.png",
    ]
    with Run.open(tmp_path / "whole", **COMMAND) as run:
        run.items.add("one", 0, {})
        assert run.path_of(run.items.entries[0], "a/b.png") == "a/b.png"
        run.finish()


def test_merging_again_gives_the_same_and_takes_in_what_was_mended(tmp_path):
    work(tmp_path, [1, -1], Shard(1, 2))
    work(tmp_path, [1, -1], Shard(2, 2))
    merge_shards(tmp_path)
    assert "failures.csv" in tables(tmp_path)
    work(tmp_path, [1, 2], Shard(2, 2), overwrite=True)
    merge_shards(tmp_path)
    assert "failures.csv" not in tables(tmp_path)
    assert b"item 1,2," in tables(tmp_path)["items.csv"]


def refused(directory, error, match):
    with pytest.raises(error, match=match) as caught:
        merge_shards(directory)
    assert tables(directory) == {}
    return caught.value


def test_no_shards_are_refused(tmp_path):
    refused(tmp_path, InputError, "no shard folders found; a run made with --shard expected")


def test_missing_shards_are_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/vcli", "words", "--shard", "2/5", "--overwrite"])
    for index in (2, 5):
        work(tmp_path, range(5), Shard(index, 5))
    error = refused(tmp_path, UsageError, "3 of 5 shards are not done; missing: 1, 3, 4.")
    assert error.hint == "Run for n in 1 3 4; do vcli words --shard $n/5 --resume; done"


def test_unfinished_shards_are_named(tmp_path):
    work(tmp_path, range(5), Shard(1, 2))
    work(tmp_path, range(5), Shard(2, 2), finish=False)
    error = refused(tmp_path, UsageError, r"1 of 2 shards are not done; failed: 2\.")
    assert "--shard 2/2 --resume" in error.hint


def test_shards_with_other_options_are_named(tmp_path):
    work(tmp_path, range(5), Shard(1, 2))
    work(tmp_path, range(5), Shard(2, 2), options={"seed": 1})
    refused(tmp_path, UsageError, "shards 2 had other options or inputs than shard 1: seed.")


def test_shards_with_other_inputs_are_named(tmp_path):
    for index in (1, 2):
        (tmp_path / "list.csv").write_text(f"list {index}", encoding="utf-8")
        work(tmp_path / "out", range(5), Shard(index, 2), inputs={"list": tmp_path / "list.csv"})
    refused(tmp_path / "out", UsageError, "shards 2 had other options or inputs than shard 1: list.")


def test_two_divisions_are_refused(tmp_path):
    work(tmp_path, range(5), Shard(1, 2))
    (tmp_path / "shard-1-of-3").mkdir()
    refused(tmp_path, UsageError, "shards of 2, 3 parts found; one division expected")


def test_lists_of_other_lengths_are_refused(tmp_path):
    work(tmp_path, range(7), Shard(1, 2))
    work(tmp_path, range(4), Shard(2, 2))
    refused(tmp_path, UsageError, "the shards do not hold each item of one list once")


def test_a_name_in_two_shards_is_refused(tmp_path):
    for index in (1, 2):
        with Run.open(tmp_path, **COMMAND, shard=Shard(index, 2)) as run:
            run.items.add("twin", index - 1, {})
            run.finish()
    refused(tmp_path, InputError, "twin: two items with this name found")


def test_a_whole_run_beside_the_shards_is_not_written_over(tmp_path):
    work(tmp_path / "whole", range(2))
    work(tmp_path, range(2), Shard(1, 1))
    record = (tmp_path / "whole" / "run.json").read_text(encoding="utf-8")
    (tmp_path / "run.json").write_text(record, encoding="utf-8")
    refused(tmp_path, UsageError, "a run of the whole work found beside the shards")
    assert json.loads((tmp_path / "run.json").read_text(encoding="utf-8")) == json.loads(record)
