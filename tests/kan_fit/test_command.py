"""`vcli kan-fit` as it is typed: outputs, exit codes, interruption."""

from __future__ import annotations

import csv
import json
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import sympy

from tests.program import start, vcli, wait_for
from vision_cli.cli import app
from vision_cli.core.command.invoke import launch
from vision_cli.core.runs.records import read_metrics

FITTED = {
    "candidates.csv",
    "comparison.csv",
    "history.csv",
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
QUICK = ("--width", "1", "--refine", "5,10", "--pool", "cheby,fourier", "--rows", "400")


def run(*words, cwd):
    return vcli("kan-fit", *words, cwd=cwd)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    directory = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, (2, 300))
    rows = np.column_stack([a, b, np.exp(a) * 2 + b**2 + rng.normal(scale=0.02, size=300)])
    np.savetxt(directory / "t.csv", rows, delimiter=",", header="a,b,strength", comments="")
    return directory / "t.csv"


@pytest.fixture(scope="module")
def fitted(table):
    out = table.parent / "fit"
    done = run("fit", table, "--width", "0", "--refine", "5,10", "-o", out, cwd=table.parent)
    assert done.returncode == 0, done.stderr
    return out, done


def test_a_table_is_fitted_and_compared(fitted):
    out, done = fitted
    assert {path.name for path in out.iterdir()} - {"log.txt"} == FITTED
    found = read_metrics(out)
    assert found["test_rmse"] < 0.03
    assert found["test_rows"] == 60
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["model", "parameters", "val", "RMSE", "test", "RMSE", "seconds"]
    assert "S-KAN" in lines[2]
    assert "MLP" in lines[3]
    assert "gradient boosting" in lines[4]
    record = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "done"
    with (out / "comparison.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["test_rmse"]) == found["test_rmse"]
    assert float(rows[0]["test_rmse"]) < min(float(row["test_rmse"]) for row in rows[1:])


def test_a_budget_ends_the_search(tmp_path):
    words = ("--function", "xy", "--rows", "300", "--budget", "0.001s", "--no-compare", "--no-pictures")
    done = run("fit", *words, "-o", "f", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "before all networks were tried (--budget)" in done.stderr
    with (tmp_path / "f" / "candidates.csv").open(encoding="utf-8") as stream:
        assert len(list(csv.DictReader(stream))) == 1


def test_the_report_loads_nothing_from_elsewhere(fitted):
    page = (fitted[0] / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") == 4
    assert 'src="http' not in page


def test_the_report_says_how_good_the_fit_is_and_how_to_read_each_picture(fitted):
    page = (fitted[0] / "report.html").read_text(encoding="utf-8")
    rmse = read_metrics(fitted[0])["test_rmse"]
    assert f'<p class="verdict good">The network predicts test rows with an RMSE of {rmse:.4g}' in page
    assert "; the best other model, MLP 64-64 (scikit-learn), has " in page
    captions = re.findall(r"<figcaption>.*?</figcaption>", page)
    assert len(captions) == 4
    assert all(re.search(r"<span>[A-Z][^<]+\.</span>", caption) for caption in captions)


def test_a_model_predicts_another_table(fitted, table, tmp_path):
    out, _ = fitted
    (tmp_path / "new.csv").write_text("b,a,other\n0.5,0.25,9\n0,5,9\n", encoding="utf-8")
    done = run("predict", out, tmp_path / "new.csv", "--interval", "0.9", "-o", "p", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows_extrapolated"] == 1
    assert "1 of 2 rows lie outside the range" in done.stderr
    with (tmp_path / "p" / "predictions.csv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[0]["yhat"]) == pytest.approx(2 * np.exp(0.25) + 0.25, abs=0.05)
    assert float(rows[0]["lo"]) < float(rows[0]["yhat"]) < float(rows[0]["hi"])
    assert [row["extrapolated"] for row in rows] == ["0", "1"]


def test_a_formula_is_found_and_exported(tmp_path):
    fit = run("--expr", "exp(sin(pi*x) + y**2)", *QUICK, "--no-compare", "--no-pictures", "-o", "f", cwd=tmp_path)
    assert fit.returncode == 0, fit.stderr
    done = run("explain", "f", "--symbolic", "--save", "pt2,latex,python", "-o", "e", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["formula"] == "exp(y**2 + sin(pi*x))"
    names = {path.name for path in (tmp_path / "e").iterdir()}
    assert {"model.pt2", "formula.tex", "formula.py", "formula.json", "report.html"} <= names
    assert "formula.txt" not in names
    page = (tmp_path / "e" / "report.html").read_text(encoding="utf-8")
    assert "It is y = exp(y**2 + sin(pi*x)), with an RMSE of" in page
    assert page.count("<span>Read it from") == 1
    assert page.count("<span>The marks below") == 3
    edges = {path.name for path in (tmp_path / "e" / "plots").iterdir()}
    assert edges == {"net.svg", "edge_0_0_0.svg", "edge_0_1_0.svg", "edge_1_0_0.svg"}


def test_pruning_an_explanation_keeps_a_model(fitted, tmp_path):
    done = run("explain", fitted[0], "--prune", "0.5", "--picture-format", "png", "-o", "e", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters_pruned"] < found["parameters"]
    assert found["sample_rmse_pruned"] > found["sample_rmse"]
    again = run("explain", tmp_path / "e", "-o", "e2", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["parameters"] == found["parameters_pruned"]


def test_the_same_seed_gives_the_same_metrics(tmp_path):
    for name in ("a", "b"):
        done = run("fit", "--function", "xy", *QUICK, "--no-pictures", "-o", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    for name in ("metrics.json", "model.safetensors", "history.csv", "selection.csv", "comparison.csv"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_an_interrupted_fit_resumes_to_the_same_result(tmp_path, signum):
    words = ("fit", "--function", "kinkchirp", "--width", "5", "--rows", "600", "--no-compare", "--no-pictures")
    whole = run(*words, "-o", "whole", cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    running = start("kan-fit", *words, "-o", "part", cwd=tmp_path)
    stages = tmp_path / "part" / "stages"
    # The mixed network, whose selective phase is the second, is being fitted once the single spaces are done.
    wait_for((stages / "2-5-1_cheby.json").exists, running=running)
    running.signal(signum)
    ended = running.wait()
    assert ended.returncode == (75 if signum == signal.SIGTERM else -signal.SIGKILL), ended.stderr
    resumed = run(*words, "-o", "part", "--resume", cwd=tmp_path)
    assert resumed.returncode == 0, resumed.stderr
    assert read_metrics(tmp_path / "part") == read_metrics(tmp_path / "whole")
    assert (tmp_path / "part" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()
    assert not stages.exists()


FAULTS = {
    "nothing": (("fit",), 2, "no input given; DATA, --function or --expr expected"),
    "no file": (("fit", "none.csv"), 3, "none.csv: no such file"),
    "two sources": (("fit", "t.csv", "--function", "xy"), 2, "more than one of DATA, --function, --expr and --sample"),
    "range alone": (("fit", "--range", "0:1"), 2, "--range without --expr"),
    "no space": (("fit", "--pool", "chebi"), 2, "--pool: chebi found"),
    "no function": (("fit", "--function", "besel"), 2, "--function: besel found"),
    "no formula": (("fit", "--expr", "sin("), 2, "--expr: the end at character 5"),
    "division": (("fit", "--expr", "1/x", "--range", "x=0:0.0000001", "--expr", "1/floor(x)"), 3, "not finite at"),
    "width": (("fit", "--width", "a"), 2, "--width: a found"),
    "refine": (("fit", "--refine", "10,5"), 2, "--refine: 10,5 found"),
    "budget": (("fit", "--budget", "soon"), 2, "--budget: soon found; a time, as in 120s, 5m or 1h, expected."),
    "share": (("fit", "--test-fraction", "1.5"), 2, "Invalid value for '--test-fraction'"),
    "target": (("fit", "t.csv", "--target", "strenght"), 3, "no column strenght"),
    "no model": (("predict", "nowhere", "t.csv"), 3, "nowhere"),
    "format": (("explain", "fit", "--save", "gif"), 2, "--save: gif found"),
    "device": (("fit", "--function", "xy", "--device", "cuda"), 2, "cuda"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_are_one_line_and_a_code(fitted, capsys, monkeypatch, fault, tmp_path):
    out, _ = fitted
    monkeypatch.chdir(out.parent)
    words, code, message = FAULTS[fault]
    if fault == "device":
        import torch

        if torch.cuda.is_available():
            pytest.skip("this machine has a CUDA device")
    assert launch(app, ["kan-fit", *words, "-o", str(tmp_path / "o"), "-q"]) == code
    errors = capsys.readouterr().err.splitlines()
    assert errors[0].startswith("vcli: error: ")
    assert message in errors[0]
    assert len(errors) <= 2


def test_a_damaged_model_is_said(fitted, capsys, tmp_path, table):
    for name in ("model.json", "model.safetensors", "sample.safetensors"):
        (tmp_path / name).write_bytes((fitted[0] / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\0" * 100)
    assert launch(app, ["kan-fit", "predict", str(tmp_path), str(table), "-o", str(tmp_path / "o")]) == 3
    assert "model.json: the network does not fit its description" in capsys.readouterr().err


def test_the_test_data_can_be_another_table(table, tmp_path):
    words = ("fit", table, "--test", table, "--width", "0", "--refine", "5", "--no-compare", "--no-pictures")
    done = run(*words, "-o", "o", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test_rows"] == 300


def test_the_law_of_the_sample_is_found(tmp_path):
    words = ("--width", "1", "--refine", "5,10", "--pool", "bspline,cheby", "--no-compare", "--no-pictures")
    done = run("--sample", *words, "-o", "f", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # The noise on the target is 0.02 mm.
    assert json.loads(done.stdout)["test_rmse"] < 0.03
    record = json.loads((tmp_path / "f" / "run.json").read_text(encoding="utf-8"))
    assert record["options"]["data"] is None
    assert Path(record["inputs"]["data"]["path"]).name == "thin_lens.csv"
    assert (record["device"], record["precision"]) == ("cpu", "float64")
    explained = run("explain", "f", "--symbolic", "-o", "e", "--json", cwd=tmp_path)
    assert explained.returncode == 0, explained.stderr
    f, d = sympy.symbols("focal_mm object_mm")
    formula = sympy.lambdify((f, d), sympy.sympify(json.loads(explained.stdout)["formula"]))
    assert formula(50.0, 500.0) == pytest.approx(1 / (1 / 50 - 1 / 500), rel=1e-3)


def test_help_names_the_sample_where_nothing_is_given(capsys):
    assert launch(app, ["kan-fit"]) == 2
    assert "`vcli kan-fit --sample`" in capsys.readouterr().err
    assert launch(app, ["kan-fit", "classify"]) == 2
    assert "`vcli kan-fit classify --sample`" in capsys.readouterr().err
