"""Points and meshes in all formats: what is written is read, other readers agree, faults are named."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.points import clouds as pointclouds
from vision_cli.io.points.clouds import (
    Mesh,
    PointCloud,
    import_open3d,
    read_labels,
    read_mesh,
    read_points,
    read_points_or_mesh,
    write_ply,
)
from vision_cli.io.points.pcd import write_pcd

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "pcd-anomaly"
CLOUDS = (
    "pcd/biwi_face_database/model.pcd",
    "pcd/segmentation/mOSD/learn/learn0.pcd",
    "pcd/tutorials/room_scan1.pcd",
    "scans/bunny_part1.xyz",
    "scans/dragon1.xyz",
)
MESHES = ("meshes/fandisk.obj", "meshes/rocker-arm.obj", "meshes/featuretype.STL")


@pytest.fixture(scope="module")
def o3d():
    return import_open3d()


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(50, 3)) * 20


def real(name):
    path = DATA / name
    if not path.is_file():
        pytest.skip(f"no real data: {path.name} is not beside the checkout")
    return path


@pytest.mark.parametrize("name", CLOUDS)
def test_real_clouds_are_read_as_open3d_reads_them(name, o3d):
    path = real(name)
    theirs = o3d.io.read_point_cloud(str(path), remove_nan_points=False, remove_infinite_points=False)
    np.testing.assert_array_equal(read_points(path).points, np.asarray(theirs.points))


@pytest.mark.parametrize("name", MESHES)
def test_real_meshes_are_read_as_trimesh_reads_them(name):
    path = real(name)
    ours, theirs = read_mesh(path), trimesh.load_mesh(path, process=False)
    np.testing.assert_allclose(ours.vertices[ours.triangles], theirs.vertices[theirs.faces], rtol=0, atol=1e-5)


def test_corners_at_one_place_become_one_vertex():
    mesh = read_mesh(real("meshes/featuretype.STL"))
    assert len(np.unique(mesh.vertices, axis=0)) == len(mesh.vertices)
    assert len(mesh.vertices) < len(mesh.triangles)


@settings(max_examples=30)
@given(
    points=arrays(np.float64, st.tuples(st.integers(1, 20), st.just(3)), elements=st.floats(-1e9, 1e9)),
)
def test_ply_keeps_every_bit_of_the_coordinates(points, tmp_path_factory):
    path = tmp_path_factory.mktemp("ply") / "x.ply"
    write_ply(path, points)
    np.testing.assert_array_equal(read_points(path).points, points)


def test_ply_keeps_normals_colours_and_scalars(points, tmp_path):
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    colours = np.arange(150, dtype=np.uint8).reshape(50, 3)
    write_ply(tmp_path / "x.ply", points, normals, colours, {"score": points[:, 0]})
    cloud = read_points(tmp_path / "x.ply")
    np.testing.assert_allclose(cloud.normals, normals, atol=1e-7)
    np.testing.assert_array_equal(cloud.scalars["green"], colours[:, 1])
    np.testing.assert_array_equal(cloud.scalars["score"], points[:, 0].astype(np.float32))


def test_ply_is_read_by_open3d_far_from_the_origin(points, tmp_path, o3d):
    far = points + np.array([500_000.0, 5_400_000.0, 100.0])
    write_ply(tmp_path / "x.ply", far, colours=np.zeros((50, 3), np.uint8))
    np.testing.assert_array_equal(np.asarray(o3d.io.read_point_cloud(str(tmp_path / "x.ply")).points), far)


def test_ply_refuses_columns_of_other_lengths(points, tmp_path):
    with pytest.raises(ValueError, match="score: 3 values for 50 points"):
        write_ply(tmp_path / "x.ply", points, scalars={"score": np.zeros(3)})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".stl", ".obj", ".ply"])
def test_meshes_that_trimesh_writes_are_read(suffix, tmp_path):
    box = trimesh.creation.icosphere(subdivisions=2)
    box.export(tmp_path / f"box{suffix}")
    mesh = read_mesh(tmp_path / f"box{suffix}")
    assert (mesh.vertices.shape, mesh.triangles.shape) == (box.vertices.shape, box.faces.shape)
    assert trimesh.Trimesh(mesh.vertices, mesh.triangles, process=False).volume == pytest.approx(box.volume, rel=1e-5)
    assert isinstance(read_points_or_mesh(tmp_path / f"box{suffix}"), Mesh)
    assert len(read_points(tmp_path / f"box{suffix}").points) == len(box.vertices)


def test_a_mesh_written_as_ply_is_read_back(tmp_path):
    box = trimesh.creation.box()
    write_ply(tmp_path / "box.ply", np.asarray(box.vertices), triangles=np.asarray(box.faces))
    mesh = read_mesh(tmp_path / "box.ply")
    np.testing.assert_array_equal(mesh.triangles, box.faces)


def test_polygons_of_an_obj_become_triangles(tmp_path):
    (tmp_path / "quad.obj").write_text("v 0 0 0 1 0 0\nv 1 0 0\nv 1 1 0 # corner\nv 0 1 0\nf 1/1/1 2//2 -2 -1\n")
    mesh = read_mesh(tmp_path / "quad.obj")
    np.testing.assert_array_equal(mesh.triangles, [[0, 1, 2], [0, 2, 3]])


def test_points_of_an_obj_without_faces_are_points(tmp_path):
    (tmp_path / "x.obj").write_text("v 0 0 0\nv 1 0 0\n")
    assert isinstance(read_points_or_mesh(tmp_path / "x.obj"), PointCloud)
    with pytest.raises(InputError, match="no triangles; a mesh expected"):
        read_mesh(tmp_path / "x.obj")


def test_ascii_stl_is_read(tmp_path):
    box = trimesh.creation.box()
    (tmp_path / "box.stl").write_text(box.export(file_type="stl_ascii"))
    assert len(read_mesh(tmp_path / "box.stl").vertices) == 8


def test_npy_is_read_and_its_claim_checked(points, tmp_path):
    np.save(tmp_path / "x.npy", points.astype(np.float32))
    np.testing.assert_array_equal(read_points(tmp_path / "x.npy").points, points.astype(np.float32))
    content = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(content[:-120])
    with pytest.raises(InputError, match="header declares 50 points, 40 found"):
        read_points(tmp_path / "x.npy")


@pytest.mark.parametrize("shape", [(3, 50), (3, 5, 50)])
def test_npy_of_a_point_a_column_is_turned(shape, tmp_path):
    values = np.random.default_rng(0).normal(size=shape)
    np.save(tmp_path / "x.npy", values)
    np.testing.assert_array_equal(read_points(tmp_path / "x.npy").points, values.reshape(3, -1).T)


def test_npy_of_named_numbers_is_read_by_its_names(points, tmp_path):
    fields = [("intensity", "<u2"), ("z", "<f4"), ("y", "<f8"), ("x", "<f8")]
    values = np.zeros(len(points), dtype=fields)
    for k, name in enumerate("xyz"):
        values[name] = points[:, k]
    values["intensity"] = 7
    np.save(tmp_path / "x.npy", values)
    found = read_points(tmp_path / "x.npy")
    np.testing.assert_allclose(found.points, points, rtol=1e-6)
    assert (found.scalars["intensity"] == 7).all()
    np.save(tmp_path / "x.npy", np.zeros(5, dtype=[("x", "<f8", (3,)), ("label", "<i4")]))
    with pytest.raises(InputError, match="numbers of shape"):
        read_points(tmp_path / "x.npy")


def test_npy_never_loads_objects(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match=r"type object; numbers of shape \(N, 3\) expected"):
        read_points(tmp_path / "x.npy")


@pytest.mark.parametrize("suffix", pointclouds.POINT_SUFFIXES)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty, 0 bytes; points expected"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "a web page; a point cloud or mesh expected"),
        (b"\x8f\x1b nonsense \xff\xfe\n" * 30, "expected|declares .* found"),
    ],
)
def test_files_that_hold_no_points_are_refused(suffix, content, message, tmp_path):
    path = tmp_path / f"x{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        read_points_or_mesh(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_missing_files_folders_and_other_suffixes_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_points(tmp_path / "x.pcd")
    (tmp_path / "y.ply").mkdir()
    with pytest.raises(InputError, match="a folder; a point cloud or mesh expected"):
        read_points(tmp_path / "y.ply")
    with pytest.raises(InputError, match=r"suffix \.dxf; pcd, ply"):
        read_points(tmp_path / "x.dxf")
    with pytest.raises(InputError, match=r"suffix \.pcd; stl, obj, ply expected"):
        read_mesh(tmp_path / "x.pcd")


def test_a_binary_stl_that_is_cut_short_says_how_many_triangles_it_holds(tmp_path):
    content = trimesh.creation.box().export(file_type="stl")
    (tmp_path / "box.stl").write_bytes(content[: 84 + 50 * 7 + 3])
    with pytest.raises(InputError, match="header declares 12 triangles, 7 found"):
        read_mesh(tmp_path / "box.stl")


def test_an_ascii_stl_that_is_cut_short_is_refused(tmp_path):
    text = trimesh.creation.box().export(file_type="stl_ascii")
    (tmp_path / "box.stl").write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match="three each and endsolid expected"):
        read_mesh(tmp_path / "box.stl")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f 1 2 9", "line 5 is 'f 1 2 9'; vertices 1 to 4 expected"),
        ("f 1 2", "three corners or more expected"),
        ("f 1 2 x", "numbers of vertices expected"),
        ("v 1 2", "three coordinates expected"),
        ("f 0 1 2", "vertices 1 to 4 expected"),
    ],
)
def test_damaged_lines_of_an_obj_are_named(line, message, tmp_path):
    (tmp_path / "x.obj").write_text(f"v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n{line}\n")
    with pytest.raises(InputError, match=message):
        read_mesh(tmp_path / "x.obj")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("1 2 3 0\n4 5 6 1\n", [0, 1]),
        ("1,2,3,0.0\n4,5,6,1.0\n", [0, 1]),
        ("0\n1\n1\n", [0, 1, 1]),
        ("x,y,z,label\n1,2,3,0\n4,5,6,2\n", [0, 1]),
    ],
)
def test_labels_come_as_rows_or_alone(text, labels, tmp_path):
    (tmp_path / "gt.txt").write_text(text)
    found = read_labels(tmp_path / "gt.txt")
    assert found.labels.tolist() == labels
    assert (found.points is None) == (len(labels) == 3)


def test_a_list_of_defective_points_has_no_labels(tmp_path):
    (tmp_path / "gt.txt").write_text("1 2 3\n4 5 6\n")
    assert read_labels(tmp_path / "gt.txt").labels is None


def test_labels_that_cannot_be_are_refused(tmp_path):
    (tmp_path / "gt.txt").write_text("1 2\n3 4\n")
    with pytest.raises(InputError, match="2 columns; x y z label expected"):
        read_labels(tmp_path / "gt.txt")
    (tmp_path / "gt.txt").write_text("1 2 3 nan\n")
    with pytest.raises(InputError, match="labels that are NaN"):
        read_labels(tmp_path / "gt.txt")
    write_ply(tmp_path / "gt.ply", np.zeros((2, 3)))
    with pytest.raises(InputError, match="label expected"):
        read_labels(tmp_path / "gt.ply")


def test_labels_are_read_from_a_ply(tmp_path):
    write_ply(tmp_path / "gt.ply", np.zeros((2, 3)), scalars={"label": np.array([0, 1])})
    assert read_labels(tmp_path / "gt.ply").labels.tolist() == [0, 1]


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory, points, o3d):
    """A folder with one file of each kind."""
    home = tmp_path_factory.mktemp("whole")
    cloud, ball = (
        o3d.geometry.PointCloud(o3d.utility.Vector3dVector(points)),
        trimesh.creation.icosphere(subdivisions=1),
    )
    o3d.io.write_point_cloud(str(home / "ascii.pcd"), cloud, write_ascii=True)
    o3d.io.write_point_cloud(str(home / "packed.pcd"), cloud, compressed=True)
    write_pcd(home / "binary.pcd", points)
    write_ply(home / "points.ply", points, scalars={"s": points[:, 0]})
    write_ply(home / "mesh.ply", np.asarray(ball.vertices), triangles=np.asarray(ball.faces))
    (home / "ascii.ply").write_bytes(trimesh.exchange.ply.export_ply(ball, encoding="ascii"))
    (home / "ascii.stl").write_text(ball.export(file_type="stl_ascii"))
    ball.export(home / "binary.stl")
    ball.export(home / "mesh.obj")
    np.save(home / "rows.npy", points)
    np.savetxt(home / "rows.xyz", points)
    np.savetxt(home / "rows.csv", points, delimiter=",", header="x,y,z")
    return home


@settings(max_examples=300)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_and_nothing_else(data, whole_files, tmp_path_factory):
    name = data.draw(st.sampled_from(sorted(path.name for path in whole_files.iterdir())))
    content = bytearray((whole_files / name).read_bytes())
    # The header is where a flipped bit does most.
    for place in data.draw(st.lists(st.integers(0, min(len(content), 300) - 1), max_size=3)):
        content[place] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(content)
    refusal = None
    try:
        read_points_or_mesh(path)
    except InputError as error:
        refusal = error
    assert refusal is None or (name in refusal.message and "\n" not in refusal.message and refusal.hint)


@pytest.mark.parametrize(
    "name", ["binary.pcd", "packed.pcd", "ascii.pcd", "points.ply", "ascii.ply", "binary.stl", "rows.npy"]
)
@settings(max_examples=15)
@given(share=st.floats(0.3, 0.995))
def test_a_file_that_is_cut_short_is_never_read_as_a_whole_one(name, share, whole_files, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / name
    content = (whole_files / name).read_bytes()
    # Of text that ends within its last line nobody can tell whether digits are missing.
    end = content.rstrip().rfind(b"\n") if name.startswith("ascii") else len(content)
    path.write_bytes(content[: min(int(share * len(content)), end)])
    with pytest.raises(InputError):
        read_points_or_mesh(path)


def test_no_heavy_library_is_imported_before_it_is_used():
    modules = [
        "io.points.clouds",
        "phantoms.parts.specimens",
        "pcd_anomaly.data.layouts",
        "pcd_anomaly.data.scans",
        "pcd_anomaly.figures.figures",
    ]
    heavy = ["open3d", "torch", "pandas", "matplotlib", "trimesh", "manifold3d", "cv2"]
    lines = [f"import vision_cli.{module}" for module in modules]
    code = "\n".join(["import sys", *lines, f"print([name for name in {heavy} if name in sys.modules])"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_open3d_that_cannot_be_imported_is_a_missing_dependency(monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    with pytest.raises(MissingError, match="open3d cannot be imported"):
        import_open3d()
