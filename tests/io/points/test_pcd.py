"""PCD files: all kinds of storage, and what is declared against what is there."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import import_open3d, read_points
from vision_cli.io.points.pcd import read_pcd, write_pcd

HEADER = """# .PCD v0.7 - Point Cloud Data file format
VERSION 0.7
FIELDS x y z
SIZE 4 4 4
TYPE F F F
COUNT 1 1 1
WIDTH {count}
HEIGHT 1
VIEWPOINT 0 0 0 1 0 0 0
POINTS {count}
DATA {storage}
"""


@pytest.fixture(scope="module")
def points():
    found = np.random.default_rng(1).normal(size=(400, 3)).astype(np.float32).astype(np.float64)
    found[7] = np.nan
    found[9, 1] = np.inf
    # What repeats is what compression refers back to.
    found[100:200] = found[100]
    return found


@pytest.mark.parametrize("storage", ["ascii", "binary", "binary_compressed"])
def test_every_storage_that_open3d_writes_is_read(storage, points, tmp_path):
    o3d = import_open3d()
    cloud = o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points))
    path = str(tmp_path / "x.pcd")
    how = {"write_ascii": storage == "ascii", "compressed": storage == "binary_compressed"}
    assert o3d.io.write_point_cloud(path, cloud, **how)
    np.testing.assert_allclose(read_points(path).points, points, rtol=1e-9)


def test_what_is_written_is_read_here_and_by_open3d(points, tmp_path):
    path = tmp_path / "x.pcd"
    write_pcd(path, points)
    np.testing.assert_array_equal(read_points(path).points, points)
    theirs = import_open3d().io.read_point_cloud(str(path), remove_nan_points=False, remove_infinite_points=False)
    np.testing.assert_array_equal(np.asarray(theirs.points), points)


@pytest.mark.parametrize(("rows", "declared"), [(2, 5), (7, 5)])
def test_ascii_rows_are_counted(rows, declared, tmp_path):
    text = HEADER.format(count=declared, storage="ascii") + "1 2 3\n" * rows
    (tmp_path / "x.pcd").write_text(text)
    with pytest.raises(InputError, match=f"header declares {declared} points, {rows} found"):
        read_points(tmp_path / "x.pcd")


def test_a_row_that_was_cut_is_named(tmp_path):
    (tmp_path / "x.pcd").write_text(HEADER.format(count=2, storage="ascii") + "1 2 3\n4 5\n")
    with pytest.raises(InputError, match="line 13 has 2 numbers; 3 expected"):
        read_points(tmp_path / "x.pcd")


def test_binary_rows_are_counted(tmp_path):
    content = HEADER.format(count=5, storage="binary").encode() + np.zeros(6, np.float32).tobytes()
    (tmp_path / "x.pcd").write_bytes(content)
    with pytest.raises(InputError, match="header declares 5 points, 2 found") as caught:
        read_points(tmp_path / "x.pcd")
    assert "cut short" in caught.value.hint


def test_the_rest_of_a_page_after_binary_rows_is_no_fault(tmp_path):
    content = HEADER.format(count=2, storage="binary").encode() + np.ones(6, np.float32).tobytes() + b"\0" * 3000
    (tmp_path / "x.pcd").write_bytes(content)
    np.testing.assert_array_equal(read_points(tmp_path / "x.pcd").points, np.ones((2, 3)))


@pytest.mark.parametrize("storage", ["binary", "binary_compressed"])
def test_a_header_that_claims_too_much_is_refused_before_memory_is_taken(storage, tmp_path):
    content = HEADER.format(count=10**13, storage=storage).encode() + b"\0" * 64
    (tmp_path / "x.pcd").write_bytes(content)
    with pytest.raises(InputError, match=r"header declares 10000000000000 points, .* GiB"):
        read_points(tmp_path / "x.pcd")


def test_an_ascii_header_that_claims_too_much_is_refused(tmp_path):
    (tmp_path / "x.pcd").write_text(HEADER.format(count=10**13, storage="ascii") + "1 2 3\n")
    with pytest.raises(InputError, match="header declares 10000000000000 points, 1 found"):
        read_points(tmp_path / "x.pcd")


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        ((10, 24, b"\x00\x00"), "cut short, 2 compressed bytes; 10 by its header"),
        ((2, 12, b"\x00\x00"), "header declares 2 points, 1 found"),
        ((2, 24, b"\x20\x05"), "a reference before the start"),
        ((2, 24, b"\x00\x01"), "1 bytes after decompression; 24 by its header"),
    ],
)
def test_damaged_compression_is_refused(packed, message, tmp_path):
    size, plain, data = packed
    content = HEADER.format(count=2, storage="binary_compressed").encode()
    (tmp_path / "x.pcd").write_bytes(content + np.array([size, plain], "<u4").tobytes() + data)
    with pytest.raises(InputError, match=message):
        read_points(tmp_path / "x.pcd")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("POINTS 2", "POINTS 3", r"declares 3 points, but WIDTH × HEIGHT is 2"),
        ("TYPE F F F", "TYPE F F", "3 fields, 3 sizes, 2 types"),
        ("SIZE 4 4 4", "SIZE 4 4 four", "cannot be understood"),
        ("DATA ascii", "DATA zip", "DATA zip"),
        ("FIELDS x y z", "FIELDS x y i", "fields x, y, i; x, y and z expected among them"),
        ("DATA ascii", "", "no line DATA; the header of a PCD file expected"),
    ],
)
def test_headers_that_cannot_be_understood_are_refused(old, new, message, tmp_path):
    text = (HEADER.format(count=2, storage="ascii") + "1 2 3\n1 2 3\n").replace(old, new)
    (tmp_path / "x.pcd").write_text(text)
    with pytest.raises(InputError, match=message):
        read_points(tmp_path / "x.pcd")


def test_fields_of_several_numbers_and_padding_are_understood(tmp_path):
    header = HEADER.format(count=2, storage="binary").replace(
        "FIELDS x y z", "FIELDS x y z _ h normal_x normal_y normal_z"
    )
    header = header.replace("SIZE 4 4 4", "SIZE 8 8 8 1 2 4 4 4").replace("TYPE F F F", "TYPE F F F U U F F F")
    header = header.replace("COUNT 1 1 1", "COUNT 1 1 1 3 2 1 1 1")
    kind = np.dtype([("p", "<f8", 3), ("_", "u1", 3), ("h", "<u2", 2), ("n", "<f4", 3)])
    rows = np.zeros(2, kind)
    rows["p"], rows["h"], rows["n"] = [[1, 2, 3], [4, 5, 1e-9]], [[7, 8], [9, 10]], [0, 0, 1]
    (tmp_path / "x.pcd").write_bytes(header.encode() + rows.tobytes())
    assert sorted(read_pcd(tmp_path / "x.pcd")) == ["h_0", "h_1", "normal_x", "normal_y", "normal_z", "x", "y", "z"]
    cloud = read_points(tmp_path / "x.pcd")
    np.testing.assert_array_equal(cloud.points, rows["p"])
    np.testing.assert_array_equal(cloud.normals, rows["n"])
    np.testing.assert_array_equal(cloud.scalars["h_1"], [8, 10])
