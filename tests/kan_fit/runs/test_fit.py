"""`vcli kan-fit fit` as it is typed: outputs, report, budget, interruption."""

from __future__ import annotations

import csv
import json
import re
import signal
from pathlib import Path

import pytest
import sympy

from tests.kan_fit.fits import kan_fit, rows_of
from tests.program import start, wait_for
from vision_cli.core.runs.records import read_metrics

FITTED = {
    "candidates.csv",
    "comparison.csv",
    "history.csv",
    "importance.csv",
    "metrics.json",
    "model.json",
    "model.safetensors",
    "plots",
    "predictions.csv",
    "report.html",
    "run.json",
    "sample.safetensors",
    "selection.csv",
}


SHORT = ("--width", "1", "--refine", "5,10", "--pool", "cheby,fourier", "--rows", "400")


@pytest.fixture(scope="module")
def fitted_run(table):
    out = table.parent / "fit"
    words = ("--width", "0", "--refine", "5", "--pool", "cheby,bspline")
    done = kan_fit("fit", table, *words, "-o", out, cwd=table.parent)
    assert done.returncode == 0, done.stderr
    return out, done


def test_a_table_is_fitted_and_compared(fitted_run):
    out, done = fitted_run
    assert {path.name for path in out.iterdir()} - {"log.txt"} == FITTED
    found = read_metrics(out)
    assert found["test_rmse"] < 0.03
    assert found["test_rows"] == 60
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["model", "parameters", "val", "RMSE", "test", "RMSE", "seconds"]
    assert "S-KAN" in lines[2]
    assert "MLP" in lines[3]
    assert "gradient boosting" in lines[4]
    assert "ridge" in lines[5]
    assert "strength depends most on a (RMSE + " in done.stderr
    assert "target strength; 2 inputs: a, b; 180 rows to train, 60 to validate, 60 to test" in done.stderr
    assert re.search(r"test RMSE 0\.0[12]\d*: ahead of all; the next is .*MLP", done.stderr)
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    with (out / "comparison.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["test_rmse"]) == found["test_rmse"]
    assert float(rows[0]["test_rmse"]) < min(float(row["test_rmse"]) for row in rows[1:])


@pytest.mark.slow
def test_folds_are_compared_with_intervals(table, tmp_path):
    words = ("--width", "0", "--refine", "5", "--pool", "cheby", "--folds", "2", "--no-pictures")
    done = kan_fit("fit", table, *words, "-o", "f", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].endswith("mean of folds")
    assert re.search(r"over 2 folds 0\.0\d+, (ahead of|within the noise of) the best other, MLP", done.stderr)
    assert len(rows_of(tmp_path / "f" / "folds.csv")) == 10


def test_a_budget_ends_the_search(tmp_path):
    words = ("--function", "xy", "--rows", "300", "--budget", "0.001s", "--no-compare", "--no-pictures")
    done = kan_fit("fit", *words, "-o", "f", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "before all networks were tried (--budget)" in done.stderr
    with (tmp_path / "f" / "candidates.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 1


def test_the_report_loads_nothing_from_elsewhere(fitted_run):
    page = (fitted_run[0] / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert 'src="http' not in page


def test_the_report_says_how_good_the_fit_is_and_how_to_read_each_picture(fitted_run):
    page = (fitted_run[0] / "report.html").read_text(encoding="utf-8")
    rmse = read_metrics(fitted_run[0])["test_rmse"]
    assert f'<p class="verdict good">The network predicts test rows with an RMSE of {rmse:.4g}' in page
    assert "; the best other model, " in page
    captions = re.findall(r"<figcaption>.*?</figcaption>", page)
    assert len(captions) == 4
    assert all(re.search(r"<span>[A-Z][^<]+\.</span>", caption) for caption in captions)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_metrics(tmp_path):
    for name in ("a", "b"):
        done = kan_fit("fit", "--function", "xy", *SHORT, "--no-pictures", "-o", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ("metrics.json", "model.safetensors", "history.csv", "selection.csv", "comparison.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_an_interrupted_fit_resumes_to_the_same_result(tmp_path, signum):
    words = ("fit", "--function", "kinkchirp", "--width", "5", "--rows", "600", "--no-compare", "--no-pictures")
    whole = kan_fit(*words, "-o", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    running = start("kan-fit", *words, "-o", "part", cwd=tmp_path)
    stages = tmp_path / "part" / "stages"
    # The mixed network, whose selective phase is the second, is being fitted once the single spaces are done.
    wait_for((stages / "2-5-1_cheby.json").exists, running=running)
    running.signal(signum)
    ended = running.wait()
    assert ended.returncode == (75 if signum == signal.SIGTERM else -signal.SIGKILL), ended.stderr
    resumed = kan_fit(*words, "-o", "part", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert read_metrics(tmp_path / "part") == read_metrics(tmp_path / "whole")
    assert (tmp_path / "part" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()
    assert not stages.exists()


@pytest.mark.slow
def test_the_test_data_can_be_another_table(table, tmp_path):
    words = ("fit", table, "--test", table, "--width", "0", "--refine", "5", "--no-compare", "--no-pictures")
    done = kan_fit(*words, "-o", "o", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test_rows"] == 300


def test_the_law_of_the_sample_is_found(tmp_path):
    words = ("--width", "1", "--refine", "5,10", "--pool", "bspline,cheby", "--no-compare", "--no-pictures")
    done = kan_fit("--sample", *words, "-o", "f", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # The noise on the target is 0.02 mm.
    assert json.loads(done.stdout)["test_rmse"] < 0.03
    record = json.loads((tmp_path / "f" / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["data"] is None
    assert Path(record["inputs"]["data"]["path"]).name == "thin_lens.csv"
    assert (record["device"], record["precision"]) == ("cpu", "float64")
    # A small library makes the search short.
    (tmp_path / "library.txt").write_text("x\n1/x\n", encoding="utf-8")
    explained = kan_fit("explain", "f", "--symbolic", "--library", "library.txt", "-o", "e", "--json", cwd=tmp_path)
    assert explained.returncode == 0, explained.stderr
    f, d = sympy.symbols("focal_mm object_mm")
    formula = sympy.lambdify((f, d), sympy.sympify(json.loads(explained.stdout)["formula"]))
    assert formula(50.0, 500.0) == pytest.approx(1 / (1 / 50 - 1 / 500), rel=1e-3)
