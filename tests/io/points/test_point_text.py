"""Rows of numbers as text: separators, comments, headers, counts, and rows that are damaged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import read_points
from vision_cli.io.points.point_text import read_rows


def written(tmp_path, text, name="x.txt"):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@settings(max_examples=60)
@example(values=np.array([[0, np.inf, -np.inf, np.nan]]), separator=", ", end="\n")
@example(values=np.array([[0, np.inf, -np.inf, np.nan]]), separator="\t", end="")
@given(
    values=arrays(
        np.float64, st.tuples(st.integers(1, 8), st.integers(3, 7)), elements=st.floats(allow_infinity=True, width=64)
    ),
    separator=st.sampled_from([" ", ",", ", ", ";", "\t", "   "]),
    end=st.sampled_from(["\n", "\r\n", ""]),
)
def test_numbers_written_in_full_are_read_to_the_last_bit(values, separator, end, tmp_path_factory):
    lines = [separator.join(repr(float(value)) for value in row) for row in values]
    path = tmp_path_factory.mktemp("rows") / "x.txt"
    path.write_text(("\n" if end == "" else end).join(lines) + end, newline="")
    np.testing.assert_array_equal(read_rows(path).values, values)


@pytest.mark.parametrize(
    "text",
    [
        "x,y,z,label\n1,2,3,0\n4,5,6,1\n",
        "//X Y Z label\n1 2 3 0\n4 5 6 1\n",
        "\ufeff# x y z label\n\n1 2 3 0\n\n4 5 6 1\n",
        '"x";"y";"z";"label"\n1,0;2,0;3,0;0\n4,0;5,0;6,0;1\n',
    ],
)
def test_names_of_columns_are_found(text, tmp_path):
    rows = read_rows(written(tmp_path, text))
    assert tuple(name.lower() for name in rows.names) == ("x", "y", "z", "label")
    np.testing.assert_array_equal(rows.values, [[1, 2, 3, 0], [4, 5, 6, 1]])


def test_columns_are_taken_by_their_names(tmp_path):
    cloud = read_points(written(tmp_path, "label,z,y,x,nx,ny,nz\n1,3,2,1,0,0,1\n", "x.csv"))
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3]])
    np.testing.assert_array_equal(cloud.normals, [[0, 0, 1]])
    np.testing.assert_array_equal(cloud.scalars["label"], [1])


def test_unit_vectors_are_normals_and_colours_are_not(tmp_path):
    with_normals = read_points(written(tmp_path, "1 2 3 0 0.6 0.8 9\n", "x.xyz"))
    np.testing.assert_array_equal(with_normals.normals, [[0, 0.6, 0.8]])
    assert list(with_normals.scalars) == ["column_7"]
    with_colours = read_points(written(tmp_path, "1 2 3 255 0 10\n", "x.asc"))
    assert with_colours.normals is None
    assert list(with_colours.scalars) == ["column_4", "column_5", "column_6"]


def test_a_count_in_the_first_line_is_checked(tmp_path):
    assert len(read_rows(written(tmp_path, "2\n1 2 3\n4 5 6\n")).values) == 2
    with pytest.raises(InputError, match="header declares 3 points, 2 found"):
        read_rows(written(tmp_path, "3\n1 2 3\n4 5 6\n"))


def test_one_number_a_line_is_no_count(tmp_path):
    np.testing.assert_array_equal(read_rows(written(tmp_path, "0\n1\n0\n")).values.ravel(), [0, 1, 0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3\n4 5 6\n7 8\n", "line 3 has 2 numbers; 3 expected"),
        ("# made\n1 2 3\n4 5 6 7\n", "line 3 has 4 numbers; 3 expected"),
        ("1,2,3\n4,,6\n", "line 2 is '4,,6'; 3 numbers expected"),
        ("1 2 3\n4 five 6\n", "line 2 is '4 five 6'; 3 numbers expected"),
        ("1 two 3\n", "line 1 is '1 two 3'; numbers expected"),
        ("# only a comment\n\n", "no rows of numbers; points expected"),
        ("x y z\n", "no rows of numbers; points expected"),
        (b"1 2 3\n\0\0\0", "binary data; rows of numbers expected"),
    ],
)
def test_damaged_rows_are_named(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_rows(written(tmp_path, text))


def test_two_columns_are_no_points(tmp_path):
    with pytest.raises(InputError, match="2 columns; x, y and z expected"):
        read_points(written(tmp_path, "1 2\n3 4\n"))


@pytest.mark.parametrize(
    "header",
    [
        "Points:2,Points:0,Points:1,i",
        "Z [mm],X [mm],Y [mm],i",
        "z_coord;x_coord;y_coord;i",
        '"Z (m)","X (m)","Y (m)","a, b"',
        "Elevation\tEasting\tNorthing\tPoint ID",
        "Z [mm] X [mm] Y [mm] i",
        "POINT_Z,POINT_X,POINT_Y,OBJECTID",
        "positionZ,positionX,positionY,nx",
        "# Z X Y i",
    ],
)
def test_coordinates_are_found_by_the_names_that_programs_give_them(header, tmp_path):
    separator = "," if "," in header else ";" if ";" in header else "\t" if "\t" in header else " "
    path = written(tmp_path, header + "\n" + separator.join(["3", "1", "2", "9"]) + "\n", "x.csv")
    np.testing.assert_array_equal(read_points(path).points, [[1, 2, 3]])


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_quoted_numbers_are_numbers(separator, tmp_path):
    lines = [["x", "y", "z"], ["1.5", "2", "3"], ["4", "5", "6.25"]]
    text = "".join(separator.join(f'"{cell}"' for cell in line) + "\n" for line in lines)
    np.testing.assert_array_equal(read_points(written(tmp_path, text, "x.csv")).points, [[1.5, 2, 3], [4, 5, 6.25]])


@pytest.mark.parametrize("text", ["x,y,z,\n1,2,3,\n4,5,6,\n", "1;2;3;\r\n4;5;6; \r\n", "1,2,3\n4,5,6,\n"])
def test_separators_at_the_ends_of_lines_are_no_cells(text, tmp_path):
    path = written(tmp_path, text, "x.csv")
    if text.count(",\n") == 1:  # One line alone may have lost a number.
        with pytest.raises(InputError):
            read_points(path)
    else:
        np.testing.assert_array_equal(read_points(path).points, [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_texts_with_a_byte_order_mark_are_read(encoding, tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("x,y,z,µ\n1,2,3,4\n".encode(encoding))
    np.testing.assert_array_equal(read_points(path).points, [[1, 2, 3]])


def test_normals_are_found_by_their_names(tmp_path):
    path = written(tmp_path, "Points:0,Points:1,Points:2,Normals:0,Normals:1,Normals:2\n1,2,3,0,0,1\n", "x.csv")
    np.testing.assert_array_equal(read_points(path).normals, [[0, 0, 1]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("intensity,u,v,w\n1,2,3,4\n", "fields intensity, u, v, w; x, y and z expected among them"),
        ("x_left,x_right,y,z\n1,2,3,4\n", "fields x_left, x_right, y, z; x, y and z expected among them"),
        ("x,y,z,i\n1,2,3\n", r"4 names of columns \(x, y, z, i\), 3 numbers a row"),
        ("x,x,y,z\n1,2,3,4\n", "columns x, x, y, z; each name once expected"),
    ],
)
def test_columns_whose_names_are_no_coordinates_are_refused_with_their_names(text, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_points(written(tmp_path, text, "x.csv"))


def test_a_comment_that_is_no_list_of_names_says_nothing_of_the_columns(tmp_path):
    path = written(tmp_path, "# made by us\n1 2 3\n")
    np.testing.assert_array_equal(read_points(path).points, [[1, 2, 3]])


@pytest.mark.parametrize("separator", [" ", "\t", ";"])
def test_decimal_commas_are_read_beside_blanks_tabs_and_semicolons(separator, tmp_path):
    text = "\n".join(separator.join(row) for row in (["0,145", "-1,5", "3"], ["4", "5,25e1", "6,0"]))
    np.testing.assert_array_equal(read_rows(written(tmp_path, text)).values, [[0.145, -1.5, 3], [4, 52.5, 6]])


def test_commas_in_comments_are_no_decimal_commas(tmp_path):
    path = written(tmp_path, "# 1,5 mm\n1.5 2 3\n1.5 2 3 # 0,1\n")
    np.testing.assert_array_equal(read_rows(path).values, [[1.5, 2, 3]] * 2)


def test_what_is_not_finite_is_read_as_old_windows_programs_print_it(tmp_path):
    path = written(tmp_path, "1.#QNAN -1.#IND 1.#QNAN00\n1.#INF -1.#INF 2\n", "x.xyz")
    np.testing.assert_array_equal(read_points(path).points, [[np.nan] * 3, [np.inf, -np.inf, 2]])


def test_pts_has_a_count_first(tmp_path):
    cloud = read_points(written(tmp_path, "2\n1 2 3 -5 10 20 30\n4 5 6 -7 40 50 60\n", "x.pts"))
    np.testing.assert_array_equal(cloud.points, [[1, 2, 3], [4, 5, 6]])


def test_a_column_that_counts_the_rows_is_no_coordinate(tmp_path):
    rows = np.column_stack([np.arange(1, 41), np.random.default_rng(0).normal(size=(40, 3))])
    np.savetxt(tmp_path / "x.txt", rows)
    with pytest.raises(InputError, match="the first of 4 columns counts the rows; x, y and z expected first"):
        read_points(tmp_path / "x.txt")
    np.savetxt(tmp_path / "x.txt", rows, header="id x y z")
    np.testing.assert_array_equal(read_points(tmp_path / "x.txt").points, rows[:, 1:])
