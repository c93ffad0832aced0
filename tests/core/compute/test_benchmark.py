"""Every method on every item; ratios and gains on the items that both methods did."""

from __future__ import annotations

import pytest

from vision_cli.core.command.console import Output
from vision_cli.core.compute.benchmark import (
    Bar,
    Benchmark,
    Column,
    Results,
    comparison_tables,
    items_of,
    measure_all,
    read_table,
    write_comparison,
)
from vision_cli.core.errors import PartialFailure
from vision_cli.core.runs import files
from vision_cli.core.runs.journal import Entry
from vision_cli.core.runs.records import read_metrics
from vision_cli.core.runs.runs import Run
from vision_cli.core.shards.merge import merge_shards
from vision_cli.core.shards.shards import Shard

ERRORS = {("a", "ours"): 1.0, ("b", "ours"): 2.0, ("a", "theirs"): 4.0, ("c", "theirs"): 9.0}


def bars(results):
    yield Bar("errors, ours / theirs", False, 0.5, results.ratio("ours", "theirs", "error"))
    yield Bar("gain", False, -4.0, results.gain("ours", "theirs", "error"))
    yield Bar("beside nobody", True, 0.0, results.ratio("ours", "nobody", "error"))


BENCHMARK = Benchmark(
    items=("a", "b", "c"),
    methods=("ours", "theirs"),
    item="problem",
    columns=(
        Column("items", "error", "count"),
        Column("error mean", "error"),
        Column("error / theirs", "error", beside="theirs"),
    ),
    bars=bars,
    takes=lambda item, method: (item, method) != ("b", "theirs"),
)


def measure(item, method):
    if (item, method) not in ERRORS:
        raise PartialFailure(f"{method} cannot do {item}.")
    return {"error": ERRORS[item, method]}


def measured(directory, shard=None):
    with Run.open(directory, command="tiny benchmark", options={}, shard=shard) as run:
        measure_all(run, BENCHMARK, measure, Output(quiet=True))
        write_comparison(run, run.entries, BENCHMARK)
        run.finish()


def test_methods_are_compared_on_what_both_did(tmp_path):
    measured(tmp_path)
    methods, found = comparison_tables(tmp_path)
    assert methods.columns == ("method", "items", "error mean", "error / theirs", "note")
    assert methods.rows == [["ours", 2, 1.5, 0.25, "ours cannot do c."], ["theirs", 2, 6.5, 1, None]]
    assert found.rows == [
        ["errors, ours / theirs", "≤ 0.5", 0.25, "yes"],
        ["gain", "≤ -4", -3, "no"],
        ["beside nobody", "≥ 0", None, "not measured"],
    ]


def test_metrics_hold_the_table_by_flat_names(tmp_path):
    measured(tmp_path)
    metrics = read_metrics(tmp_path)
    assert (metrics["ours_error_mean"], metrics["ours_error_over_theirs"]) == (1.5, 0.25)
    assert (metrics["bars_met"], metrics["bars_missed"], metrics["items_failed"]) == (1, 1, 1)


def test_merged_shards_are_the_benchmark_in_one_piece(tmp_path):
    measured(tmp_path / "whole")
    for index in (1, 2):
        measured(tmp_path / "parts", Shard(index, 2))
    merge_shards(tmp_path / "parts", lambda run, entries: write_comparison(run, entries, BENCHMARK))
    for name in ("items.csv", "failures.csv", "methods.csv", "bars.csv", "metrics.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_geometric_ratio_takes_each_item_alike():
    rows = [
        {"problem": item, "method": method, "error": error}
        for item, method, error in (("a", "x", 1.0), ("a", "y", 100.0), ("b", "x", 1e6), ("b", "y", 1e4))
    ]
    assert Results(rows, "problem").geometric_ratio("x", "y", "error") == pytest.approx(1.0)


def test_flags_and_words_are_no_measures():
    rows = [{"problem": "a", "method": "x", "error": True}, {"problem": "b", "method": "x", "error": "none"}]
    assert Results(rows, "problem").over("x", "error") is None
    assert Results(rows, "problem").over("x", "error", "count") == 0


def test_wins_are_items_on_which_no_method_has_less():
    rows = [
        {"problem": item, "method": method, "error": error}
        for item, method, error in (("a", "x", 1), ("a", "y", 2), ("b", "x", 3), ("b", "y", 3), ("c", "y", 9))
    ]
    found = Results(rows, "problem")
    assert [found.cell(method, Column("wins", "error", "wins")) for method in ("x", "y", "z")] == [2, 2, 0]


def test_sums_of_whole_numbers_are_whole():
    found = Results([{"pair": name, "method": "x", "folds": 2} for name in "ab"], "pair")
    assert str(found.over("x", "folds", "sum")) == "4"


def test_items_are_those_of_the_measurements_failed_ones_too():
    methods = ("greedy", "ants-greedy")
    names = ["a-greedy", "a-ants-greedy", "b-ants-greedy", "b-ants-ants-greedy"]
    entries = [Entry(name, position, {}, "it failed") for position, name in enumerate(names)]
    assert items_of(entries, methods) == ["a", "b-ants"]


def test_a_table_is_read_as_it_was_written(tmp_path):
    rows = [("=1+1", 3, 0.25, None), ("007", -1, 1e-7, "1_2"), ("1e5", 10**12, float("nan"), "-x")]
    (tmp_path / "t.csv").write_text(files.csv_text(("=name", "whole", "broken", "note"), rows), encoding="utf-8")
    found = read_table(tmp_path / "t.csv", "title")
    assert (found.title, found.columns[0]) == ("title", "=name")
    assert [list(map(repr, row)) for row in found.rows] == [list(map(repr, row)) for row in rows]
