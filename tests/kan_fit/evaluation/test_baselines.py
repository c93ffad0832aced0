"""Costs of the fits of a benchmark."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.compute.baselines import Cost
from vision_cli.kan_fit.evaluation.baselines import costs_of, run_baseline
from vision_cli.kan_fit.options import BenchmarkOptions


def test_costs_are_rounded_and_the_time_of_the_fit_may_be_unknown():
    cost = Cost(1.23456, 2.0, 300.98765)
    found = costs_of(cost, {"parameters": 7, "fit_s": 0.98765})
    assert found == {"parameters": 7, "fit_s": 0.988, "wall_s": 1.235, "cpu_s": 2.0, "peak_rss_mb": 300.988}
    assert costs_of(cost, {"parameters": None, "fit_s": None})["fit_s"] is None


@pytest.mark.slow
def test_a_baseline_runs_in_its_interpreter(tmp_path):
    x = np.linspace(-1, 1, 40)[:, None]
    data = {"x_train": x, "y_train": x[:, 0], "x_test": x[:5]}
    plan = BenchmarkOptions(baselines={"mlp": None})
    cost, fitted, arrays = run_baseline(plan, "mlp", "regress", Path(sys.executable), tmp_path, data)
    assert arrays["values"] == pytest.approx(x[:5, 0], abs=0.1)
    assert 0 < fitted["fit_s"] < cost.wall_s
