"""What pandas would guess wrongly in a table is read right, and said."""

from __future__ import annotations

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
    "a comment at the end": ("a,b,y\n" + body("{half},{m},{n}\n") + "# end\n", ("a", "b"), None),
}


@pytest.mark.parametrize("kind", READ)
def test_the_target_and_the_inputs_are_those_of_the_file(tmp_path, kind):
    text, names, said = READ[kind]
    data = training_data(read_table(written(tmp_path, text)))
    assert data.names == names
    assert np.array_equal(data.inputs, [[n / 2, n % 5] for n in ROWS])
    assert np.array_equal(data.target, ROWS)
    assert [said in note for note in data.notes] == ([True] if said else [])


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
