"""What pandas would guess wrongly in a table is read right, and said."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.tables.data import prediction_data, training_data
from vision_cli.kan_fit.tables.reading import read_table

ROWS = range(12)


def written(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def body(form):
    return "".join(form.format(n=n, m=n % 5, half=n / 2, name=f'"{n + 1}"', word=("None", "low")[n % 2]) for n in ROWS)


READ = {
    "row names, as R's write.table": ('"a","b","y"\n' + body("{name},{half},{m},{n}\n"), ("a", "b"), "row name"),
    "the same with blanks": ('"a" "b" "y"\n' + body("{name} {half} {m} {n}\n"), ("a", "b"), "row name"),
    "row names, as R's write.csv": ('"","a","b","y"\n' + body("{name},{half},{m},{n}\n"), ("a", "b"), "no name"),
    "header in a comment": ("# by hand\n# a,b,y\n" + body("{half},{m},{n}\n"), ("a", "b"), None),
    "the same with blanks after it": ("# a b y\n" + body("{half} {m} {n}\n"), ("a", "b"), None),
    "separators within names": ('"a, cm","b; d",y\n' + body("{half},{m},{n}\n"), ("a, cm", "b; d"), None),
    "separator at the end": ("a,b,y\n" + body("{half},{m},{n},\n"), ("a", "b"), None),
    "a comma in a name between semicolons": ("a, cm;b;y\n" + body("{half};{m};{n}\n"), ("a, cm", "b"), None),
    "units below the names": ("a,b,y\nm,s,kN\n" + body("{half},{m},{n}\n"), ("a", "b"), "units"),
    "names of several words between blanks": (
        "a [m]  the b  y\n" + body("{half}  {m}  {n}\n"),
        ("a [m]", "the b"),
        None,
    ),
    "Excel's line of the separator": ("sep=;\na;b;y\n" + body("{half};{m};{n}\n"), ("a", "b"), None),
    "bars": ("a|b|y\n" + body("{half}|{m}|{n}\n"), ("a", "b"), None),
    "names in a comment of MATLAB": ("% a b y\n" + body("{half} {m} {n}\n"), ("a", "b"), None),
    "an index that pandas wrote and read": ("Unnamed: 0,a,b,y\n" + body("{n},{half},{m},{n}\n"), ("a", "b"), "no name"),
    "a column without a name": ("a,,y\n" + body("{half},{m},{n}\n"), ("a", "column 2"), None),
    "money and percentages": ("a,b,y\n" + body("${half},{m}%,{n}\n"), ("a", "b"), "signs"),
    "an empty column": ("a,e,b,y\n" + body("{half},,{m},{n}\n"), ("a", "b"), "empty"),
    "dates of which most differ": ("day,a,b,y\n" + body("day {n},{half},{m},{n}\n"), ("a", "b"), "identifiers"),
    "a comment at the end": ("a,b,y\n" + body("{half},{m},{n}\n") + "# end\n", ("a", "b"), None),
}


@pytest.mark.parametrize("kind", READ)
def test_the_target_and_the_inputs_are_those_of_the_file(tmp_path, kind):
    text, names, said = READ[kind]
    data = training_data(read_table(written(tmp_path, text)))
    assert data.names == names
    assert np.array_equal(data.inputs, [[n / 2, n % 5] for n in ROWS])
    assert np.array_equal(data.target, ROWS)
    assert data.notes if said else not data.notes
    assert all(said in note for note in data.notes)


def test_decimal_commas_beside_dates_and_thousands(tmp_path):
    rows = "".join(f"{n + 1:02}.01.2024;1.{n:03},5;{n},25\n" for n in ROWS)
    data = training_data(read_table(written(tmp_path, f"day;a;y\n{rows}")))
    assert data.inputs.tolist() == [[1000.5 + n] for n in ROWS]
    assert data.target.tolist() == [n + 0.25 for n in ROWS]
    assert data.notes == ("day has 12 different texts, as identifiers have, and was left out",)


def test_none_is_a_category_and_a_mark_among_numbers_is_missing(tmp_path):
    rows = "".join(f"{('None', 'low')[n % 2]},{'?' if n == 3 else n},{n}\n" for n in ROWS)
    frame = read_table(written(tmp_path, f"kind,a,y\n{rows}"))
    assert frame.notes == ("1 cells of a hold ? and were read as missing values",)
    with pytest.raises(InputError, match="1 values of a are missing or infinite, first in row 4"):
        training_data(frame)
    assert training_data(frame, impute=True).names == ("kind=None", "kind=low", "a")


def test_a_word_among_numbers_is_no_category(tmp_path):
    rows = "".join(f"{'x12' if n == 5 else n},{n}\n" for n in range(30))
    with pytest.raises(InputError, match="column a is 'x12' in row 6; a number expected"):
        training_data(read_table(written(tmp_path, f"a,y\n{rows}")))


def test_that_a_value_is_missing_is_an_input_of_its_own(tmp_path):
    rows = "".join(f"{'' if n % 2 else n},{n}\n" for n in range(20))
    data = training_data(read_table(written(tmp_path, f"a,y\n{rows}")), impute=True)
    assert data.names == ("a", "a is missing")
    assert data.inputs[:3].tolist() == [[0, 0], [9, 1], [2, 0]]
    other = prediction_data(read_table(written(tmp_path, "a\n\n3\nNA\n", "o.csv")), data.columns)
    assert other.inputs.tolist() == [[3, 0], [9, 1]]


def test_a_missing_category_is_one_of_its_own(tmp_path):
    rows = "".join(f"{('', 'low')[n % 2]},{n},{n}\n" for n in ROWS)
    frame = read_table(written(tmp_path, f"kind,a,y\n{rows}"))
    with pytest.raises(InputError, match="6 missing values in kind, first in row 1; a category expected"):
        training_data(frame)
    data = training_data(frame, impute=True)
    assert data.names == ("kind=(missing)", "kind=low", "a")
    assert data.inputs[:2].tolist() == [[1, 0, 0], [0, 1, 1]]
    assert data.notes == ("6 missing values of kind are a category of their own",)
    assert np.array_equal(prediction_data(frame, data.columns).inputs, data.inputs)


def test_decimals_and_time_spans_of_parquet_are_numbers(tmp_path):
    spans, exact = pd.to_timedelta([*ROWS], unit="min"), [Decimal(n) / 4 for n in ROWS]
    pd.DataFrame({"span": spans, "exact": exact, "y": [*ROWS]}).to_parquet(tmp_path / "t.parquet")
    data = training_data(read_table(tmp_path / "t.parquet"))
    assert data.inputs.tolist() == [[60 * n, n / 4] for n in ROWS]
    assert data.notes == ("span holds time spans, which were read in seconds",)


def test_fewer_cells_than_names_are_refused(tmp_path):
    path = written(tmp_path, "a,b,c,y\n" + body("{half},{m},{n}\n"))
    with pytest.raises(InputError, match="rows of 3 cells under a header of 4 found"):
        read_table(path)


def test_the_index_of_a_parquet_file_is_a_column(tmp_path):
    table = pd.DataFrame({"b": np.arange(12.0) ** 2, "y": np.arange(12.0)}, index=pd.Index(np.arange(12) * 3, name="a"))
    table.to_parquet(tmp_path / "t.parquet")
    data = training_data(read_table(tmp_path / "t.parquet"))
    assert data.names == ("a", "b")
    assert data.notes == ("the index a was read as a column",)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("t.json", '[{"a": 1}]', "t.json: JSON found; CSV, TSV, Parquet or NPZ expected"),
        ("t.txt", '{"a": [1, 2]}', "t.txt: JSON found"),
        ("t.xlsx", "PK", "t.xlsx: an Excel workbook found"),
    ],
)
def test_tables_of_other_formats_are_named(tmp_path, name, text, message):
    with pytest.raises(InputError, match=message):
        read_table(written(tmp_path, text, name))
    with pytest.raises(InputError, match="a folder found; one file with a table expected") as caught:
        read_table(tmp_path)
    assert "classify" in str(caught.value.hint)


def test_cells_without_a_name_are_not_cut_off(tmp_path):
    with pytest.raises(InputError, match="rows of 4 cells under a header of 2 found"):
        read_table(written(tmp_path, "a,y\n" + body("{half},{m},{n},{n}\n")))
