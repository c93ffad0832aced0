from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.tables.tables import read_csv_table, read_label_names, read_points

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "register"
MALF_NAMES = DATA / "malf" / "MICCAI-Challenge-2012-Label-Information.csv"


@pytest.fixture
def file(tmp_path):
    def write(text, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return write


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_table_of_a_spreadsheet_is_read(file, separator, encoding):
    text = "id,fixed,moving\r\na, f 1.nii ,m.nii\r\n\r\nb,ä.nii,n.nii\r\n".replace(",", separator)
    assert read_csv_table(file(text, encoding=encoding), ["id", "fixed", "moving"]) == [
        {"id": "a", "fixed": "f 1.nii", "moving": "m.nii"},
        {"id": "b", "fixed": "ä.nii", "moving": "n.nii"},
    ]


def test_an_optional_cell_may_be_empty(file):
    assert read_csv_table(file("id,fixed,mask\na,f\n"), ["fixed"]) == [{"id": "a", "fixed": "f", "mask": ""}]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "empty table"),
        ("\n \n", "empty table"),
        ("id,fixed,moving\n", "without rows"),
        ("id,fixed\na,b\n", "moving expected too"),
        ("id,fixed,moving\na,b\n", "line 2 has no moving"),
        ("id,fixed,moving\na,b,c,d\n", "line 2 has 4 cells"),
        ("id,fixed,moving\na,b,c\nx,y,z\na,d,e\n", "id a on lines 2 and 4"),
        ("id,fixed,moving,id\na,b,c,d\n", "column id twice"),
        ("id,fixed,moving\na,b," + 200_000 * "c", "line 2 cannot be read as a table row"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_by_line_and_column(file, text, match):
    with pytest.raises(InputError, match=match):
        read_csv_table(file(text), ["fixed", "moving"])


def test_a_missing_file_and_one_of_bytes_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_csv_table(tmp_path / "none.csv", [])
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(InputError, match="not UTF-8"):
        read_csv_table(binary, [])


def test_label_names_come_from_a_table_whatever_its_columns_are_called(file):
    malf = "\ufeffLabel Number,Label Name,Class\n1,Unlabeled,None\n206,Right TTG   transverse gyrus,GM\n"
    assert read_label_names(file(malf)) == {1: "Unlabeled", 206: "Right TTG transverse gyrus"}
    assert read_label_names(file("id;name\n3;left\n")) == {3: "left"}


def test_label_names_come_from_a_colour_table(file):
    text = "#No. Label Name:  R G B A\n\n0   Unknown   0 0 0 0\n 17  Left-Hippocampus  220 216 20 0\n"
    assert read_label_names(file(text, "colours.txt")) == {0: "Unknown", 17: "Left-Hippocampus"}


@pytest.mark.skipif(not MALF_NAMES.is_file(), reason="the names of the MALF labels are not on this machine")
def test_the_names_of_the_miccai_2012_labels_are_read():
    names = read_label_names(MALF_NAMES)
    assert len(names) == 201
    assert names[4] == "3rd Ventricle"
    assert names[100] == "Right ACgG anterior cingulate gyrus"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,b\n1,2\n", "a label and a name column"),
        ("label,name\nx,y\n", "label 'x' on line 2"),
        ("label,name\n4,left\n4,right\n", "label 4 is 'left', on line 3 'right'; one name"),
        ("0 Unknown 0 0 0 0\n4 a 1 1 1 0\n4 b 2 2 2 0\n", "label 4 is 'a', on line 3 'b'; one name"),
    ],
)
def test_a_table_without_labels_is_refused(file, text, match):
    with pytest.raises(InputError, match=match):
        read_label_names(file(text))


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n-4,5.5,6\n",
        "1 2 3\n\n-4\t5.5 6\n",
        "x,y,z\n1,2,3\n-4,5.5,6\n",
        "name;z;y;x\na;3;2;1\nb;6;5.5;-4\n",
    ],
)
def test_points_are_read_with_or_without_a_header(file, text):
    np.testing.assert_array_equal(read_points(file(text), space="ras"), [[1, 2, 3], [-4, 5.5, 6]])


def test_decimal_commas_between_semicolons_are_read(file):
    np.testing.assert_array_equal(read_points(file("x;y;z\n1,5;-2;3,25\n"), space="ras"), [[1.5, -2, 3.25]])


def test_points_of_a_plane_have_two_coordinates(file):
    np.testing.assert_array_equal(read_points(file("1,2\n3,4\n"), ndim=2, space="ras"), [[1, 2], [3, 4]])


@pytest.mark.parametrize(("system", "sign"), [("LPS", -1), ("1", -1), ("RAS", 1), ("0", 1)])
def test_points_of_slicer_become_ras(file, system, sign):
    text = (
        f"# Markups fiducial file version = 4.11\n# CoordinateSystem = {system}\n"
        "# columns = id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID\n"
        "1,10,20,30,0,0,0,1,1,1,0,F-1,,\n"
    )
    np.testing.assert_array_equal(read_points(file(text, "points.fcsv")), [[sign * 10, sign * 20, 30]])


@pytest.mark.parametrize(
    ("text", "name", "match"),
    [
        ("", "p.csv", "no points"),
        ("x,y,z\n", "p.csv", "no points"),
        ("1,2,3\n1,2\n", "p.csv", "line 2 is '1,2'; 3 numbers"),
        ("1,2,3\na,b,c\n", "p.csv", "line 2"),
        ("1,2,3,4\n", "p.csv", "line 1 is '1,2,3,4'; 3 numbers"),
        ("id,r,a,s\n1,2,3,4\n", "p.csv", "line 2 is '1,2,3,4'; 3 numbers"),
        ("1,2,nan\n", "p.csv", "NaN"),
        ("# CoordinateSystem = IJK\n1,1,2,3\n", "p.fcsv", "coordinate system IJK"),
    ],
)
def test_points_that_cannot_be_used_are_refused(file, text, name, match):
    with pytest.raises(InputError, match=match):
        read_points(file(text, name))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y,z,t\n1,2,3,0\n", [-1, -2, 3]),
        ("id,x_lps,y_lps,z_lps\n7,1,2,3\n", [-1, -2, 3]),
        ("x_ras,y_ras,z_ras\n1,2,3\n", [1, 2, 3]),
        ("# space: LPS\n1 2 3\n", [-1, -2, 3]),
    ],
)
def test_a_file_names_its_coordinates(file, text, expected):
    np.testing.assert_array_equal(read_points(file(text)), [expected])


def test_coordinates_that_are_not_named_are_asked_for(file):
    with pytest.raises(InputError, match="points of unnamed coordinates") as refused:
        read_points(file("x,y,z\n1,2,3\n"))
    assert "--points-space" in refused.value.hint
    with pytest.raises(InputError, match="points in LPS by its header found; RAS asked for"):
        read_points(file("x_lps,y_lps,z_lps\n1,2,3\n"), space="ras")


def test_points_in_voxels_need_the_grid_of_their_image(file):
    vox2ras = np.diag([2.0, 3, 4, 1])
    vox2ras[:3, 3] = 10, 20, 30
    np.testing.assert_array_equal(read_points(file("1,2,3\n"), space="voxel", vox2ras=vox2ras), [[12, 26, 42]])
    with pytest.raises(InputError, match="points in voxels without an image"):
        read_points(file("1,2,3\n"), space="voxel")
