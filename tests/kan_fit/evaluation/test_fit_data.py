"""The data of a fit: tables, sampled functions, other tables to test on."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.evaluation.fit_data import read_fit_data, sampled_function
from vision_cli.kan_fit.options import TableSource


def test_a_function_is_sampled_within_its_ranges_and_noise_is_on_the_training_rows_alone():
    source = TableSource(expression="2*x + y", ranges="x=0:1,y=1:3", rows=100, noise=0.5)
    data = read_fit_data(source, 0)
    assert data.bounds.tolist() == [[0, 1], [1, 3]]
    assert data.test_target == pytest.approx(data.test_inputs @ [2, 1])
    noise = data.target - data.table.inputs @ [2, 1]
    assert 0.3 < noise.std() / (data.table.inputs @ [2, 1]).std() < 0.7
    assert (len(data.split.train), len(data.split.val), len(data.split.test)) == (80, 20, 0)


def test_a_table_is_tested_on_its_own_rows_or_on_another_table(table):
    own = read_fit_data(TableSource(table), 0)
    assert np.array_equal(own.test_inputs, own.table.inputs[own.split.test])
    other = read_fit_data(TableSource(table, test=table), 0)
    assert np.array_equal(other.test_inputs, other.table.inputs)
    assert len(other.split.test) == 0
    assert sampled_function(TableSource(table)) is None


def test_a_test_table_needs_the_target(table, tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"no column strength found; the target expected"):
        read_fit_data(TableSource(table, test=tmp_path / "t.csv"), 0)
