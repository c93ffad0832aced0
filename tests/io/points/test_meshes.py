"""STL and OBJ files: corners at one place are one vertex, polygons are fans, damage is named by its line."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.points.meshes import read_obj, read_stl

SQUARE = np.array([[[0, 0, 0], [1, 0, 0], [1, 1, 0]], [[0, 0, 0], [1, 1, 0], [0, 1, 0]]], dtype=np.float32)
FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
OBJ = "# a square\nv 0 0 0\nv 1 0 0 0.5\nv 1 1 0\nv 0 1 0\nvt 0 0\n"


def binary(corners, *, start=b""):
    facets = np.zeros(len(corners), FACET)
    facets["corners"] = corners
    return start.ljust(80, b"\0") + np.uint32(len(corners)).tobytes() + facets.tobytes()


def ascii_text(corners):
    facets = (
        "facet normal 0 0 1\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in facet)
        + "endloop\nendfacet\n"
        for facet in corners
    )
    return f"solid square\n{''.join(facets)}endsolid square\n".encode()


@pytest.mark.parametrize(
    "content", [binary(SQUARE), binary(SQUARE, start=b"solid by some programs"), ascii_text(SQUARE)]
)
def test_corners_of_stl_at_one_place_are_one_vertex(tmp_path, content):
    path = tmp_path / "a.stl"
    path.write_bytes(content)
    vertices, triangles = read_stl(path)
    np.testing.assert_array_equal(vertices, [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]])
    np.testing.assert_array_equal(vertices[triangles], SQUARE)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (binary(SQUARE)[:-50], "header declares 2 triangles, 1 found"),
        (b"\1" * 20, "20 bytes; an STL header of 84 expected"),
        (binary(SQUARE[:0]), "no triangles"),
        (binary(SQUARE * np.nan), "NaN or infinite"),
        (ascii_text(SQUARE)[:-60], "3 corners|corners in 1 whole triangles"),
    ],
)
def test_a_damaged_stl_file_is_refused(tmp_path, content, message):
    path = tmp_path / "a.stl"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_stl(path)


@pytest.mark.parametrize("face", ["f 1 2 3 4", "f 1/1 2/1/1 3//1 4", "f -4 -3 -2 -1"])
def test_a_polygon_of_obj_becomes_a_fan(tmp_path, face):
    path = tmp_path / "a.obj"
    path.write_text(f"{OBJ}{face}\n", encoding="ascii")
    vertices, triangles = read_obj(path)
    assert vertices.shape == (4, 3)
    np.testing.assert_array_equal(triangles, [[0, 1, 2], [0, 2, 3]])


def test_an_obj_file_without_faces_has_points_alone(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text(OBJ, encoding="ascii")
    assert read_obj(path)[1].shape == (0, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("f 1 2 3\n", "no vertices"),
        (f"{OBJ}f 1 2\n", "line 7 is .* three corners or more expected"),
        (f"{OBJ}f 1 2 5\n", "vertices 1 to 4 expected"),
        (f"{OBJ}f 0 1 2\n", "vertices 1 to 4 expected"),
        (f"{OBJ}f a b c\n", "numbers of vertices expected"),
        ("v 1 2\n", "line 1 is .* three coordinates expected"),
    ],
)
def test_a_damaged_obj_file_is_refused_by_its_line(tmp_path, text, message):
    path = tmp_path / "a.obj"
    path.write_text(text, encoding="ascii")
    with pytest.raises(InputError, match=message):
        read_obj(path)


def test_a_backslash_continues_a_line_of_obj(tmp_path):
    path = tmp_path / "x.obj"
    path.write_text("v 0 0 0\nv 1 0 \\\n0\nv 0 1 0\r\nf 1 \\\r\n 2 3\n")
    points, triangles = read_obj(path)
    np.testing.assert_array_equal(points, [[0, 0, 0], [1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(triangles, [[0, 1, 2]])
