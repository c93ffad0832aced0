"""`vcli kan-fit benchmark`: its tables, and those of merged shards."""

from __future__ import annotations

import csv

import pytest

from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.compute.benchmark import Bar, Results
from vision_cli.core.errors import PartialFailure
from vision_cli.kan_fit.evaluation import benchmark
from vision_cli.kan_fit.options import BenchmarkOptions

WORDS = ("--suite", "square,sine,xy", "--baselines", "none", "--alone", "cheby,rbf", "--rows", "60")


TABLES = ("items.csv", "failures.csv", "methods.csv", "bars.csv", "metrics.json")


@pytest.fixture
def measured(monkeypatch):
    """Fits that take no time: an error and a cost that follow from problem and method; one fails."""

    def measure(plan, problem, method, pythons):
        assert (plan.rows, plan.alone, pythons) == (60, ("cheby", "rbf"), {})
        if (problem, method) == ("sine", "ours-rbf"):
            raise PartialFailure("it failed")
        error = len(problem) / len(method)
        return {"error": error, "parameters": 9, "fit_s": 1.5, "wall_s": 2.0}

    monkeypatch.setattr(benchmark, "_measure", measure)


def bench(*words):
    return launch(app, ["kan-fit", "benchmark", *WORDS, *map(str, words), "-q"])


@pytest.mark.slow
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


@pytest.mark.slow
def test_merged_shards_have_the_tables_of_the_undivided_run(measured, tmp_path):
    assert bench("-o", tmp_path / "whole") == 6
    for number in (1, 2):
        assert bench("-o", tmp_path / "parts", "--shard", f"{number}/2") in {0, 6}
    assert launch(app, ["runs", "merge", str(tmp_path / "parts"), "-q"]) in {0, 6}
    for name in TABLES:
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert (tmp_path / "parts" / "plots" / "errors.png").is_file()
    # Times and command lines differ, below.
    pages = [(tmp_path / name / "report.html").read_text(encoding="utf-8") for name in ("parts", "whole")]
    parts, whole = (page.partition('<section id="provenance">')[0] for page in pages)
    assert "<h2>Tables</h2>" in whole
    assert parts == whole


def test_a_checkout_that_is_none_is_refused(tmp_path, capsys):
    words = ["--baselines", f"efficient-kan={tmp_path}", "-o", str(tmp_path / "b")]
    assert launch(app, ["kan-fit", "benchmark", *words]) == 2
    assert "a checkout with src/efficient_kan expected" in capsys.readouterr().err
    assert not (tmp_path / "b").exists()


def results(**methods):
    """Rows of the digits or of functions: each method gives its measures by problem."""
    rows = [
        {"problem": problem, "method": name.replace("_", "-"), **measures}
        for name, found in methods.items()
        for problem, measures in found.items()
    ]
    return Results(rows, "problem")


def bar_named(plan, found, name):
    return next(bar for bar in benchmark.benchmark_of(plan).bars(found) if bar.name.startswith(name))


def test_errors_are_compared_on_functions_that_both_fitted():
    plan = BenchmarkOptions("s7", dict.fromkeys(("pykan", "mlp")), ("cheby", "rbf"))
    found = results(
        ours={"xy": {"error": 1e-4, "wall_s": 2.0}, "step": {"error": 0.1, "wall_s": 4.0}},
        pykan={"xy": {"error": 1e-2, "wall_s": 8.0}},
        ours_cheby={"xy": {"error": 2e-4}, "step": {"error": 0.2}},
        ours_rbf={"xy": {"error": 1e-3}},
    )
    assert bar_named(plan, found, "geometric mean of RMSE").measured == pytest.approx(0.01)
    assert bar_named(plan, found, "wall time").measured == pytest.approx(0.25)
    assert bar_named(plan, found, "functions better than pykan").measured == 1
    assert bar_named(plan, found, "functions better than mlp").met is None
    assert bar_named(plan, found, "worst ratio").measured == pytest.approx(0.5)


def test_formulas_and_accuracies_have_their_bars():
    noisy = BenchmarkOptions("feynman20", {"pykan": None}, noise=0.01)
    found = results(ours={"a": {"recovered": 1}, "b": {"recovered": 1}}, pykan={"a": {"recovered": 1}})
    assert (bar_named(noisy, found, "formulas recovered").required, found.over("ours", "recovered", "sum")) == (8, 2)
    assert bar_named(noisy, found, "formulas recovered, ours - 2 x").measured == -1
    digits = BenchmarkOptions("digits", {"mlp": None, "pykan": None})
    found = results(ours={"digits-0": {"accuracy": 0.99, "parameters": 9}}, mlp={"digits-0": {"accuracy": 0.98}})
    assert bar_named(digits, found, "mean accuracy, ours - mlp").measured == pytest.approx(0.01)
    assert bar_named(digits, found, "parameters").met is True
    assert "pykan" not in benchmark.methods_of(digits)


def test_the_verdict_says_which_bars_are_missed():
    bars = [Bar("error", False, 1.0, 0.5), Bar("time", False, 1.0, 2.0), Bar("wins", True, 6, None)]
    assert benchmark.verdict_of("s7", bars) == (
        "1 of the 3 bars of s7 are met; missed: time; 1 not measured, for want of a method.",
        "bad",
    )
    assert benchmark.verdict_of("s7", bars[:1]) == ("1 of the 1 bars of s7 are met.", "good")
    assert benchmark.verdict_of("s7", bars[::2])[1] == "caution"
    assert benchmark.verdict_of("xy,sine", [])[1] == "plain"
