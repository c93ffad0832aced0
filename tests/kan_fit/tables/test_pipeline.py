"""A fit of arrays."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.formulas.suites import find_function
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.data import Column, TableData
from vision_cli.kan_fit.tables.pipeline import auto_widths, fit
from vision_cli.kan_fit.tables.selection import OutOfBudget
from vision_cli.kan_fit.tables.splits import split_rows


def test_a_fit_that_is_out_of_time_before_all_rows_says_so(monkeypatch):
    monkeypatch.setattr("vision_cli.kan_fit.tables.pipeline._SEARCH_ROWS", 200)
    target = find_function("xy")
    inputs, values = target.sample(600, np.random.default_rng(0))
    table = TableData(inputs, target.variables, values, tuple(Column(name) for name in target.variables), "y")
    settings = SearchOptions(pool=("cheby",), refine=(5,), steps=2, outside="linear")

    def no_time_for_all_rows(name, compute):
        if name == "all rows":
            raise OutOfBudget
        return compute()

    found = fit(inputs, values, split_rows(600, 0.2, 0.0, 0), table, [()], settings, cached=no_time_for_all_rows)
    assert found.selection.is_cut_short
    assert not found.final.name.endswith("all rows")


@pytest.mark.parametrize(
    ("inputs", "widths"),
    [(1, ((), (5,), (1, 1))), (2, ((), (1,), (2,), (5,), (1, 1))), (4, ((), (1,), (2,), (5,), (1, 1), (4, 2)))],
)
def test_hidden_widths_follow_from_the_number_of_inputs(inputs, widths):
    assert auto_widths(inputs) == widths


def test_a_constant_target_is_refused():
    table = TableData(np.zeros((50, 1)), ("x",), np.ones(50), (Column("x"),), "y")
    with pytest.raises(InputError, match="the target is 1 in every training row"):
        fit(table.inputs, table.target, split_rows(50, 0.2, 0.0, 0), table, [()], SearchOptions())
