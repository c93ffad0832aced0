"""`vcli kan-fit benchmark`: its tables, and those of merged shards."""

from __future__ import annotations

import csv

import pytest

from vision_cli.cli import app
from vision_cli.core.errors import PartialFailure
from vision_cli.core.launch import launch
from vision_cli.kan_fit import benchmark

WORDS = ("--suite", "square,sine,xy", "--baselines", "none", "--alone", "cheby,rbf", "--rows", "60")
TABLES = ("items.csv", "failures.csv", "methods.csv", "bars.csv", "metrics.json", "report.html")


@pytest.fixture
def measured(monkeypatch):
    """Fits that take no time: an error and a cost that follow from problem and method; one fails."""

    def measure(plan, problem, method, python):
        assert (plan.rows, plan.alone, python) == (60, ("cheby", "rbf"), None)
        if (problem, method) == ("sine", "ours-rbf"):
            raise PartialFailure("it failed")
        error = len(problem) / len(method)
        return {"problem": problem, "method": method, "error": error, "parameters": 9, "fit_s": 1.5, "wall_s": 2.0}

    monkeypatch.setattr(benchmark, "_measure", measure)


def bench(*words):
    return launch(app, ["kan-fit", "benchmark", *WORDS, *map(str, words), "-q"])


def test_methods_are_compared(measured, tmp_path):
    assert bench("-o", tmp_path / "b") == 6
    with (tmp_path / "b" / "methods.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["method"], row["items"], row["wins"]) for row in rows] == [
        ("ours", "3", "0"),
        ("ours-cheby", "3", "3"),
        ("ours-rbf", "2", "0"),
    ]
    assert rows[2]["note"] == "it failed"


def test_merged_shards_have_the_tables_of_the_undivided_run(measured, tmp_path):
    assert bench("-o", tmp_path / "whole") == 6
    for number in (1, 2):
        assert bench("-o", tmp_path / "parts", "--shard", f"{number}/2") in {0, 6}
    assert launch(app, ["runs", "merge", str(tmp_path / "parts"), "-q"]) in {0, 6}
    for name in TABLES:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert (tmp_path / "parts" / "plots" / "errors.png").is_file()


def test_a_checkout_that_is_none_is_refused(tmp_path, capsys):
    words = ["--baselines", f"efficient-kan={tmp_path}", "-o", str(tmp_path / "b")]
    assert launch(app, ["kan-fit", "benchmark", *words]) == 2
    assert "a checkout with src/efficient_kan expected" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()
