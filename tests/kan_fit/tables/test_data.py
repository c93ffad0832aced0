"""The same table through all formats; what cannot be used is said by column and row."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from vision_cli.core.errors import InputError
from vision_cli.kan_fit.tables.data import prediction_data, training_data
from vision_cli.kan_fit.tables.reading import read_table


def table(rows=12):
    rng = np.random.default_rng(0)
    return pd.DataFrame({"a": rng.normal(size=rows), "b": rng.uniform(size=rows), "y": rng.normal(size=rows)})


def write_feynman(frame, path):
    np.savetxt(path, frame.to_numpy())


WRITERS = {
    "t.csv": lambda f, p: f.to_csv(p, index=False),
    "semicolons.csv": lambda f, p: f.to_csv(p, index=False, sep=";", decimal=","),
    "t.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "t.csv.gz": lambda f, p: f.to_csv(p, index=False),
    "t.parquet": lambda f, p: f.to_parquet(p),
    "vectors.npz": lambda f, p: np.savez(p, **{c: f[c].to_numpy() for c in f}),
    "matrix.npz": lambda f, p: np.savez(p, X=f[["a", "b"]].to_numpy(), y=f["y"].to_numpy()),
    "feynman.txt": write_feynman,
}


@pytest.mark.parametrize("name", WRITERS)
def test_all_formats_hold_the_same_table(tmp_path, name):
    frame = table()
    WRITERS[name](frame, tmp_path / name)
    data = training_data(read_table(tmp_path / name))
    assert np.allclose(data.inputs, frame[["a", "b"]].to_numpy(), rtol=1e-12)
    assert np.allclose(data.target, frame["y"].to_numpy(), rtol=1e-12)
    assert data.target_name == "y"


def written(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def lines(*rows, head="a,b,y"):
    body = [f"{n},{n * n % 7},{n / 2}" for n in range(12)]
    return "\n".join([head, *body, *rows]) + "\n"


def test_comments_blanks_and_a_byte_order_mark_are_passed_over(tmp_path):
    data = training_data(read_table(written(tmp_path, "\ufeff# made by hand\n" + lines())))
    assert data.names == ("a", "b")


def test_without_a_header_columns_are_numbered(tmp_path):
    path = written(tmp_path, "\n".join(lines().splitlines()[1:]))
    assert training_data(read_table(path, header=False)).names == ("x0", "x1")


def test_text_becomes_one_column_a_category_also_in_another_table(tmp_path):
    rows = "\n".join(f"{n},{'red' if n % 3 else 'blue'},{n}" for n in range(12))
    data = training_data(read_table(written(tmp_path, f"a,colour,y\n{rows}\n")))
    assert data.names == ("a", "colour=blue", "colour=red")
    other = prediction_data(read_table(written(tmp_path, "colour,a\nred,7\nred,1\n", "o.csv")), data.columns)
    assert other.inputs.tolist() == [[7, 0, 1], [1, 0, 1]]
    assert other.target is None


def test_missing_cells_are_filled_with_the_median_where_asked(tmp_path):
    path = written(tmp_path, lines(",1,3"))
    data = training_data(read_table(path), impute=True)
    assert data.inputs[-1, 0] == 5.5
    assert data.notes == ("1 missing values of a were filled with its median, 5.5",)


def test_constant_features_are_left_out_and_said(tmp_path):
    data = training_data(read_table(written(tmp_path, "a,b,y\n" + "\n".join(f"{n},3,{n}" for n in range(12)))))
    assert data.names == ("a",)
    assert data.notes == ("b has the same value in every row and was left out",)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (lines("1,,2"), {}, "1 values of b are missing or infinite, first in row 13"),
        (lines("1,inf,2"), {"impute": True}, "1 values of b are missing or infinite"),
        (lines("1,2,"), {"impute": True}, "1 values of y are missing"),
        (lines("1,2,oops"), {}, "target y is 'oops' in row 13; a number"),
        (lines(), {"target": "z"}, "no column z found; columns are a, b, y"),
        (lines(), {"features": ["a", "c"]}, "no column c"),
        (lines(), {"features": ["a", "y"]}, "the target y is among the features"),
        (lines(head="a,a,y"), {}, "column a found twice"),
        ("a,y\n1,2\n", {}, "1 rows found; 10 or more"),
        ("y\n" + "\n".join(map(str, range(12))), {}, "no column but the target"),
        ("a,y\n" + "\n".join(f"{n},5" for n in range(12)), {}, "target y is 5 in every row"),
        ("a,y\n" + "\n".join(f"name{n},{n}" for n in range(60)), {}, "every feature is constant or holds identifiers"),
        ("a,y\n" + "\n".join(f"n{n},{n}" for n in range(60)), {"features": ["a"]}, "column a has 60 different texts"),
        ("", {}, "no rows found"),
        ("1,2,3\n4,5,6\n", {}, "numbers found in the first line; names of columns"),
        (lines("1,2,3,4"), {}, r"cannot be read as a table .*line 14"),
    ],
    ids=[f"fault {n}" for n in range(16)],
)
def test_faults_are_said_in_one_line(tmp_path, text, options, message):
    path = written(tmp_path, text)
    with pytest.raises(InputError, match=message):
        training_data(read_table(path), **options)


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path / "bad.parquet")
    np.savez(tmp_path / "objects.npz", X=np.array([{}], dtype=object))
    with pytest.raises(InputError, match=r"cannot be read as a table .*pickle"):
        read_table(tmp_path / "objects.npz")
    np.savez(tmp_path / "lengths.npz", a=np.zeros(3), b=np.zeros(4))
    with pytest.raises(InputError, match=r"a \(3,\), b \(4,\)"):
        read_table(tmp_path / "lengths.npz")
    with gzip.open(tmp_path / "cut.csv.gz", "wb") as stream:
        stream.write(lines().encode() * 200)
    (tmp_path / "cut.csv.gz").write_bytes((tmp_path / "cut.csv.gz").read_bytes()[:-40])
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_table(tmp_path / "cut.csv.gz")


def test_tables_to_predict_must_have_what_the_model_knows(tmp_path):
    rows = "\n".join(f"{n},{'red' if n % 3 else 'blue'},{n}" for n in range(12))
    columns = training_data(read_table(written(tmp_path, f"a,colour,y\n{rows}\n"))).columns
    for text, message in (
        ("a\n1\n2\n", "no column colour"),
        ("a,colour\n1,green\n", "colour is 'green' in row 1; one of blue, red"),
        ("a,colour\nx,red\n", "column a is 'x' in row 1; a number"),
    ):
        frame = read_table(written(tmp_path, text, "p.csv"))
        with pytest.raises(InputError, match=message):
            prediction_data(frame, columns)


def test_a_text_target_of_two_classes_is_0_and_1(tmp_path):
    rows = "\n".join(f"{n},{('ham', 'spam', 'eggs')[n % 3]},{('no', 'yes')[n % 2]}" for n in range(12))
    frame = read_table(written(tmp_path, f"a,kind,bought\n{rows}\n"))
    data = training_data(frame)
    assert data.classes == ("no", "yes")
    assert data.target.tolist() == [0, 1] * 6
    assert data.notes == ("bought is text: 1 stands for yes (0.5 of the rows), 0 for no",)
    one = training_data(frame, target="kind=eggs")
    assert one.names == ("a", "bought=no", "bought=yes")
    assert one.target.tolist() == [0, 0, 1] * 4
    assert prediction_data(frame, one.columns, target_name="kind=eggs", classes=one.classes).target.sum() == 4
    with pytest.raises(InputError, match="no egg in kind found; one of eggs, ham, spam"):
        training_data(frame, target="kind=egg")
    other = read_table(written(tmp_path, "a,kind,bought\n1,ham,maybe\n", "o.csv"))
    with pytest.raises(InputError, match="bought is 'maybe' in row 1; no or yes expected"):
        prediction_data(other, data.columns, target_name="bought", classes=data.classes)


def test_a_text_target_of_a_few_classes_is_their_numbers(tmp_path):
    rows = "".join(f"{n},{('ham', 'spam', 'eggs')[n % 3]}\n" for n in range(18))
    data = training_data(read_table(written(tmp_path, f"a,kind\n{rows}")))
    assert data.classes == ("eggs", "ham", "spam")
    assert data.target.tolist() == [1, 2, 0] * 6
    assert data.notes == ("kind is text of 3 classes: eggs, ham, spam",)
    rows = "".join(f"{n},w{n % 21}\n" for n in range(42))
    with pytest.raises(InputError, match="21 different texts; numbers, or at most 20 classes, expected") as caught:
        training_data(read_table(written(tmp_path, f"a,kind\n{rows}", "m.csv")))
    assert "--target 'kind=w0'" in str(caught.value.hint)
    rows = "".join(f"{n},{'abc'[n % 2 + (n == 11)]}\n" for n in range(12))
    with pytest.raises(InputError, match="target kind is c in 1 rows; 5 or more of each class"):
        training_data(read_table(written(tmp_path, f"a,kind\n{rows}", "r.csv")))
