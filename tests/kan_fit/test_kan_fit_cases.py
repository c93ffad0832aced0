"""Tables that were once read or fitted wrongly: each with the right value."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.options import SearchOptions
from vision_cli.kan_fit.tables.data import training_data
from vision_cli.kan_fit.tables.pipeline import fit
from vision_cli.kan_fit.tables.reading import read_table
from vision_cli.kan_fit.tables.splits import split_rows

CASES = Path(__file__).resolve().parents[2].parent / "shared" / "cases" / "kan-fit"
ADDITIVE = SearchOptions(hidden=((),), pool=("cheby",), refine=(5,), restarts=1)


def case(name):
    path = CASES / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return path


def test_row_names_of_r_do_not_displace_the_target():
    data = training_data(read_table(case("f1_row_names/r_rownames.csv")))
    assert data.names == ("a", "b")
    assert data.target_name == "y"
    assert (data.inputs[0].tolist(), data.target[0]) == ([0.273923, -0.311380], 5.617808)


def test_commas_within_quoted_names_do_not_separate():
    data = training_data(read_table(case("f6_csv_reader/quoted_comma.csv")))
    assert data.names == ("x, cm", "z, cm")
    assert data.inputs[0].tolist() == [0.273923, -0.311380]


def test_marks_among_numbers_are_missing_values():
    frame = read_table(case("f7_missing_words/na_words.csv"))
    with pytest.raises(InputError, match="values of b are missing or infinite, first in row 8"):
        training_data(frame)
    assert training_data(frame, impute=True).names[:2] == ("a", "b")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["f3_tiny_units/pico.csv", "f4_onnx_offset/unixhour.csv"])
def test_columns_of_tiny_or_shifted_numbers_are_used(name):
    data = training_data(read_table(case(name)))
    split = split_rows(len(data.target), 0.2, 0.2, 0)
    model = fit(data.inputs, data.target, split, data, [()], ADDITIVE).model
    error = model.predict(data.inputs[split.test]) - data.target[split.test]
    # Of a target with a standard deviation of about 0.8, to which both columns contribute.
    assert np.sqrt(np.mean(error**2)) < 0.02 * data.target.std()


@pytest.mark.slow
def test_gaussian_columns_are_not_extrapolated_wildly():
    train = training_data(read_table(case("f2_extrapolation/gauss_train.csv")))
    test = training_data(read_table(case("f2_extrapolation/gauss_test.csv")))
    split = split_rows(len(train.target), 0.2, 0.0, 0)
    model = fit(train.inputs, train.target, split, train, [()], ADDITIVE).model
    design = np.column_stack([train.inputs, np.ones(len(train.target))])
    linear = np.linalg.lstsq(design, train.target)[0]
    least = np.sqrt(np.mean((np.column_stack([test.inputs, np.ones(len(test.target))]) @ linear - test.target) ** 2))
    error = model.predict(test.inputs) - test.target
    assert np.sqrt(np.mean(error**2)) < 1.05 * least
