"""The script that fits the baselines."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from vision_cli.core.compute.baselines import read_packages
from vision_cli.kan_fit.evaluation import baseline_runner, baselines
from vision_cli.kan_fit.names import BASELINES


def test_the_runner_and_the_list_know_the_same_baselines():
    assert tuple(baseline_runner.BASELINES) == BASELINES == tuple(read_packages(baselines.PACKAGES))


def test_a_baseline_writes_its_predictions_and_its_cost(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    x = np.linspace(-1, 1, 60)[:, None]
    np.savez(tmp_path / "data.npz", x_train=x, y_train=3 * x[:, 0], x_test=x[::7])
    assert baseline_runner.main(["mlp", "regress", "data.npz", ".", "1"]) == 0
    with np.load(tmp_path / "prediction.npz") as stored:
        assert stored["values"] == pytest.approx(3 * x[::7, 0], abs=0.1)
    assert json.loads((tmp_path / "fit.json").read_text())["parameters"] == 2 * 64 + 64 * 65 + 65


@pytest.mark.parametrize("method", ["mlp", "ridge"])
def test_baselines_of_tables_choose_on_validation_rows(tmp_path, monkeypatch, method):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 2))
    y = 5 + x @ [3.0, -1.0]
    parts = {"train": slice(0, 40), "val": slice(40, 60), "test": slice(60, 90)}
    arrays = {f"{name}_{part}": rows[where] for part, where in parts.items() for name, rows in (("x", x), ("y", y))}
    np.savez(tmp_path / "data.npz", **{name: values for name, values in arrays.items() if name != "y_test"})
    assert baseline_runner.main([method, "regress", "data.npz", ".", "1"]) == 0
    with np.load(tmp_path / "prediction.npz") as stored:
        assert np.sqrt(np.mean((stored["values"] - y[60:]) ** 2)) < {"mlp": 0.8, "ridge": 0.01}[method]


def test_a_package_that_is_missing_has_its_status(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "kan", None)
    np.savez(tmp_path / "data.npz", x_train=np.zeros((2, 1)), y_train=np.zeros(2), x_test=np.zeros((2, 1)))
    assert baseline_runner.main(["pykan", "regress", "data.npz", ".", "1"]) == baseline_runner.MISSING
    assert "pykan: the environment has no package kan" in capsys.readouterr().err
