"""Columns of coordinates and normals by the names that programs write."""

from __future__ import annotations

import pytest

from vision_cli.io.points.columns import find_coordinates, find_normals


@pytest.mark.parametrize(
    "names",
    [
        ["i", "x", "y", "z"],
        ["nx", "X", "Y", "Z"],
        ["i", "X [mm]", "Y [mm]", "Z [mm]"],
        ["i", "x_coord", "y_coord", "z_coord"],
        ["i", "Points:0", "Points:1", "Points:2"],
        ["i", "Points_m_XYZ:0", "Points_m_XYZ:1", "Points_m_XYZ:2"],
        ["i", "Points[0]", "Points[1]", "Points[2]"],
        ["i", "position_1", "position_2", "position_3"],
        ["OBJECTID", "POINT_X", "POINT_Y", "POINT_Z"],
        ["i", "PosX", "PosY", "PosZ"],
        ["i", "Easting", "Northing", "Height"],
        ["x_mean", "x", "y", "z"],
    ],
)
def test_coordinates_are_columns_two_to_four(names):
    assert find_coordinates(names) == (1, 2, 3)


@pytest.mark.parametrize(
    "names",
    [["a", "b", "c"], ["0", "1", "2"], ["nx", "ny", "nz"], ["x_left", "y", "z"], ["x [mm]", "x_coord", "y", "z"], []],
)
def test_other_names_and_ambiguous_ones_are_no_coordinates(names):
    assert find_coordinates(names) is None


@pytest.mark.parametrize(
    "names", [["nx", "ny", "nz"], ["Normal_X", "Normal_Y", "Normal_Z"], ["Normals:0", "Normals:1", "Normals:2"]]
)
def test_normals_are_found(names):
    assert find_normals(["x", "y", "z", *names]) == (3, 4, 5)
    assert find_normals(["x", "y", "z"]) is None
