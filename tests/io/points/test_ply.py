"""PLY files that others write: ASCII, either byte order, polygons; and files that are damaged."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import import_open3d, read_mesh, read_points
from vision_cli.io.points.ply import read_ply

ASCII = """ply
format ascii 1.0
comment made by hand
element vertex 4
property float x
property float y
property float z
property uchar label
element face 1
property list uchar int vertex_indices
end_header
0 0 0 1
1 0 0 0
1 1 nan 0
0 1 0 1
4 0 1 2 3
"""


def written(tmp_path, content):
    path = tmp_path / "x.ply"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def binary(order, faces, count=2):
    header = (
        f"ply\nformat binary_{'little' if order == '<' else 'big'}_endian 1.0\nelement vertex 4\nproperty double x\n"
        f"property float y\nproperty short z\nelement face {count}\nproperty list uchar uint vertex_index\n"
        "property uchar flag\nend_header\n"
    )
    rows = np.zeros(4, np.dtype([("x", f"{order}f8"), ("y", f"{order}f4"), ("z", f"{order}i2")]))
    rows["x"], rows["y"], rows["z"] = [0.1, 1, 1, 0], [0, 0, 1, 1], [5, -6, 7, 8]
    listed = b"".join(bytes([len(face)]) + np.array(face, f"{order}u4").tobytes() + b"\1" for face in faces)
    return header.encode() + rows.tobytes() + listed


def test_ascii_is_read_with_its_nan(tmp_path):
    ply = read_ply(written(tmp_path, ASCII))
    assert np.isnan(ply.columns["z"]).tolist() == [False, False, True, False]
    np.testing.assert_array_equal(ply.columns["label"], [1, 0, 0, 1])
    np.testing.assert_array_equal(ply.triangles, [[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("faces", "triangles"),
    [([[0, 1, 2], [0, 2, 3]], [[0, 1, 2], [0, 2, 3]]), ([[0, 1, 2, 3], [3, 2, 1]], [[0, 1, 2], [0, 2, 3], [3, 2, 1]])],
)
def test_either_byte_order_and_polygons_are_read(order, faces, triangles, tmp_path):
    mesh = read_mesh(written(tmp_path, binary(order, faces)))
    np.testing.assert_array_equal(mesh.triangles, triangles)
    np.testing.assert_array_equal(mesh.vertices[1], [1, 0, -6])


@pytest.mark.parametrize("encoding", ["ascii", "binary"])
def test_meshes_of_trimesh_and_open3d_are_read(encoding, tmp_path):
    box = trimesh.creation.icosphere(subdivisions=1)
    mesh = read_mesh(written(tmp_path, trimesh.exchange.ply.export_ply(box, encoding=encoding)))
    np.testing.assert_allclose(mesh.vertices, box.vertices, atol=1e-6)
    o3d = import_open3d()
    theirs = o3d.geometry.TriangleMesh(
        o3d.utility.Vector3dVector(box.vertices), o3d.utility.Vector3iVector(box.faces.astype(np.int32))
    )
    o3d.io.write_triangle_mesh(str(tmp_path / "x.ply"), theirs, write_ascii=encoding == "ascii")
    np.testing.assert_array_equal(read_mesh(tmp_path / "x.ply").triangles, box.faces)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (ASCII.replace("vertex 4", "vertex 9").split("0 1 0 1")[0], "header declares 9 points, 3 found"),
        (ASCII.rsplit("\n", 2)[0], "header declares 1 faces, 0 found"),
        (ASCII + "9 9 9 9\n", "header declares 5 rows, 6 found"),
        (ASCII.replace("1 0 0 0", "1 0 0"), "has 3 numbers; 4 expected"),
        (ASCII.replace("4 0 1 2 3", "4 0 1 2 9"), "a face names vertex 9; 0 to 3 expected"),
        (ASCII.replace("4 0 1 2 3", "4 0 1"), "corners expected"),
        (ASCII.replace("4 0 1 2 3", "2 0 1"), "a face of fewer than 3 corners"),
        (ASCII.replace("property float z\n", ""), "has 4 numbers; 3 expected"),
        (ASCII.replace("float x", "complex x"), "cannot be understood"),
        (ASCII.replace("ascii 1.0", "gzip 1.0"), "format 'gzip'"),
        (ASCII.split("end_header", maxsplit=1)[0], "no line end_header"),
        (ASCII.replace("element vertex", "element point"), "no vertices with simple properties"),
        ("xyz" + ASCII, "does not begin with ply"),
        (ASCII.replace("vertex 4", "vertex 100000000000"), "header declares 100000000000 points, 5 found"),
        (binary("<", [[0, 1, 2]], 2), "header declares 2 faces, 1 found"),
        (binary("<", [[0, 1, 2], [0, 2, 3]])[:-20], "header declares 2 faces, 0 found"),
        (binary("<", [[0, 1, 2], [0, 2, 3]]) + b"\0", "1 bytes after the last element"),
        (
            binary("<", [[0, 1, 2], [0, 2, 3]]).split(b"end_header\n")[0] + b"end_header\n" + b"\0" * 20,
            "4 points, 1 found",
        ),
        (binary("<", [[0, 1, 2], [0, 2, 3]]).replace(b"vertex 4", b"vertex 99999999999"), "99999999999 points"),
    ],
)
def test_damaged_files_are_refused(content, message, tmp_path):
    with pytest.raises(InputError, match=message):
        read_points(written(tmp_path, content))


RANGE_GRID = (
    b"ply\nformat binary_little_endian 1.0\ncomment before end_header there is more\nobj_info num_cols 3\n"
    b"element vertex 2\nproperty float X\nproperty float Y\nproperty float Z\n"
    b"element range_grid 3\nproperty list uchar int vertex_indices\nend_header\n"
    + np.array([[1, 2, 3], [4, 5, 6]], "<f4").tobytes()
    + b"\0"
    + b"\1\0\0\0\0"
    + b"\1\1\0\0\0"
)


def test_range_grids_are_skipped_and_capitals_and_comments_understood(tmp_path):
    np.testing.assert_array_equal(read_points(written(tmp_path, RANGE_GRID)).points, [[1, 2, 3], [4, 5, 6]])
    with pytest.raises(InputError, match="header declares 3 range_grid, 2 found"):
        read_points(written(tmp_path, RANGE_GRID[:-2]))


@pytest.mark.parametrize("storage", ["ascii", "binary"])
@pytest.mark.parametrize("lists", [[[7, 8], [9, 9]], [[7], []]])
def test_lists_of_vertices_are_left_out(storage, lists, tmp_path):
    kind = "ascii" if storage == "ascii" else "binary_little_endian"
    header = (
        f"ply\nformat {kind} 1.0\nelement vertex 2\nproperty float x\nproperty list uint double descriptor\n"
        "property float y\nproperty float z\nend_header\n"
    )
    points = [[1, 2, 3], [4, 5, 6]]
    if storage == "ascii":
        rows = "".join(
            " ".join(map(str, [p[0], len(more), *more, *p[1:]])) + "\n" for p, more in zip(points, lists, strict=True)
        ).encode()
    else:
        rows = b"".join(
            np.array(p[:1], "<f4").tobytes()
            + np.array([len(more)], "<u4").tobytes()
            + np.array(more, "<f8").tobytes()
            + np.array(p[1:], "<f4").tobytes()
            for p, more in zip(points, lists, strict=True)
        )
    np.testing.assert_array_equal(read_points(written(tmp_path, header.encode() + rows)).points, points)
    with pytest.raises(InputError, match=r"2 points, 1 found|a vertex '4 "):
        read_points(written(tmp_path, header.encode() + rows[:-5]))
