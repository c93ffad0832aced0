"""The data of a fit: rows of a table, or of a sampled function, to train, to validate and to test on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.formulas.parser import parse_expression, parse_ranges
from vision_cli.kan_fit.formulas.suites import Target, find_function
from vision_cli.kan_fit.options import TableSource
from vision_cli.kan_fit.tables.data import Column, TableData, prediction_data, training_data
from vision_cli.kan_fit.tables.reading import read_table
from vision_cli.kan_fit.tables.splits import RowSplit, split_rows

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FitData:
    """Rows to train and validate on, and rows to test on.

    Attributes
    ----------
    table
        The table to fit.
    split
        Its training, validation and test rows.
    test_inputs, test_target
        The test data, ``(M, inputs)`` and ``(M,)``: rows of the table, another table, or fresh samples of a function.
    bounds
        Lowest and highest possible inputs, ``(2, inputs)``; None where they are unknown.
    """

    table: TableData
    split: RowSplit
    test_inputs: Array
    test_target: Array
    bounds: Array | None

    @property
    def target(self) -> Array:
        """Target of the table, ``(N,)``."""
        return self.table.target if self.table.target is not None else np.zeros(0)


def sampled_function(source: TableSource) -> Target | None:
    """Return the function that the rows are sampled from; None for a table.

    Raises
    ------
    UsageError
        If there is no such function, or the formula or its ranges cannot be parsed.
    """
    if source.expression is not None:
        expression = parse_expression(source.expression)
        return Target("formula", expression, parse_ranges(source.ranges, expression.variables))
    return None if source.function is None else find_function(source.function)


def read_fit_data(source: TableSource, seed: int) -> FitData:
    """Return the data of a fit, read from a table or sampled from a function.

    Parameters
    ----------
    source
        The table, or the function and how to sample it.
    seed
        Of the split and of the samples.

    Raises
    ------
    InputError
        If the table or the samples cannot be used.
    UsageError
        If the test table lacks the target.
    """
    function = sampled_function(source)
    if function is not None:
        return _sample(source, function, seed)
    assert source.data is not None
    table = training_data(
        read_table(source.data, header=source.header),
        target=source.target,
        features=source.features,
        impute=source.impute,
    )
    assert table.target is not None
    if source.test is not None:
        other = prediction_data(
            read_table(source.test, header=source.header),
            table.columns,
            target_name=table.target_name,
            classes=table.classes,
        )
        if other.target is None:
            raise UsageError(f"--test {source.test}: no column {table.target_name} found; the target expected.")
        split = split_rows(len(table.inputs), source.val_fraction, 0.0, seed)
        return FitData(table, split, other.inputs, other.target, None)
    split = split_rows(len(table.inputs), source.val_fraction, source.test_fraction, seed)
    return FitData(table, split, table.inputs[split.test], table.target[split.test], None)


def _sample(source: TableSource, function: Target, seed: int) -> FitData:
    generator = np.random.default_rng((1, seed))
    inputs, values = function.sample(source.rows, generator)
    test_inputs, test_values = function.sample(source.rows, generator)
    values = values + source.noise * values.std() * generator.standard_normal(len(values))
    bounds = np.array([function.ranges.get(name, (-1.0, 1.0)) for name in function.variables]).T
    columns = tuple(Column(name) for name in function.variables)
    table = TableData(inputs, function.variables, values, columns, "y")
    return FitData(table, split_rows(len(inputs), source.val_fraction, 0.0, seed), test_inputs, test_values, bounds)
