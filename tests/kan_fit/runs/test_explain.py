"""`vcli kan-fit explain` as it is typed: formula, exports, pruning."""

from __future__ import annotations

import json

import pytest

from tests.kan_fit.fits import KEPT, kan_fit


@pytest.mark.slow
def test_a_formula_is_found_and_exported(tmp_path):
    done = kan_fit("explain", KEPT, "--symbolic", "--save", "pt2,latex,python", "-o", "e", "--json", cwd=tmp_path)
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


@pytest.mark.slow
def test_pruning_an_explanation_keeps_a_model(tmp_path):
    done = kan_fit("explain", KEPT, "--prune", "0.9", "--picture-format", "png", "-o", "e", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["parameters_pruned"] < found["parameters"]
    assert found["sample_rmse_pruned"] > found["sample_rmse"]
    again = kan_fit("explain", tmp_path / "e", "-o", "e2", "--json", cwd=tmp_path)
    assert json.loads(again.stdout)["parameters"] == found["parameters_pruned"]
