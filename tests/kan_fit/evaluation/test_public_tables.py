"""The public tables of the benchmark, and the ratios that are required on them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from vision_cli.core.compute.benchmark import Results
from vision_cli.kan_fit.evaluation.benchmark import benchmark_of
from vision_cli.kan_fit.evaluation.public_tables import FOLDS, TABLES, read_public_table, write_fold
from vision_cli.kan_fit.options import BenchmarkOptions

ROWS = {"diabetes": 442, "iris": 150, "wine": 178, "cancer": 569, "tips": 244, "gapminder": 1704}


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_their_rows_and_a_target_of_numbers(name):
    frame = read_public_table(name)
    assert len(frame) == ROWS[name]
    assert frame.iloc[:, -1].dtype.kind in "fi"


def test_folds_divide_a_table(tmp_path):
    tested = []
    for fold in range(FOLDS):
        train, test = write_fold("iris", fold, 0, tmp_path)
        tested.append(pd.read_csv(test))
        assert len(pd.read_csv(train)) + len(tested[-1]) == 150
    together = pd.concat(tested).sort_values(list(tested[0])).to_numpy()
    assert np.allclose(together, read_public_table("iris").sort_values(list(tested[0])).to_numpy())


def test_ours_is_measured_against_the_best_baseline_of_each_table():
    plan = BenchmarkOptions(suite="tables", baselines={"ridge": None, "mlp": None})
    errors = {"ours": 1.0, "ridge": 1.25, "mlp": 0.8}
    rows = [
        {"problem": f"iris-{fold}", "method": method, "error": error}
        for fold in range(FOLDS)
        for method, error in errors.items()
    ]
    bars = {bar.name.partition(":")[0]: bar for bar in benchmark_of(plan).bars(Results(rows, "problem"))}
    assert bars["iris"].measured == pytest.approx(1.25)
    assert bars["iris"].met is False
    assert bars["wine"].measured is None
