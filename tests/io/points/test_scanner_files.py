"""E57, LAS and LAZ: what their libraries write is read back in its order; faults are named."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from vision_cli.core.errors import InputError, InputTooLarge, MissingError
from vision_cli.io.points.clouds import read_labels, read_points

WHY = "the extra scanners is not installed"
TURN = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
SHIFT = np.array([1.0, 2, 3])
FAR = np.array([500_000, 4e6, 100])


@pytest.fixture(scope="module")
def points():
    return np.random.default_rng(0).normal(size=(3000, 3)) * 5


@pytest.fixture(scope="module")
def las(points, tmp_path_factory):
    """Files of both kinds, far from the origin, with labels and normals as extra dimensions."""
    laspy = pytest.importorskip("laspy", reason=WHY)
    folder = tmp_path_factory.mktemp("las")
    far = points + FAR
    header = laspy.LasHeader(point_format=3, version="1.4")
    header.scales, header.offsets = [1e-4] * 3, far.mean(axis=0)
    header.add_extra_dim(laspy.ExtraBytesParams("label", np.uint8))
    header.add_extra_dim(laspy.ExtraBytesParams("normals", "3f8"))
    data = laspy.LasData(header)
    data.x, data.y, data.z = far.T
    data.label = points[:, 0] > 0
    data.normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    for suffix in ("las", "laz"):
        data.write(folder / f"scan.{suffix}")
    return folder


@pytest.fixture(scope="module")
def e57(points, tmp_path_factory):
    """Two scans: one turned and shifted by its pose, with every tenth point invalid, and one in polar coordinates."""
    pye57 = pytest.importorskip("pye57", reason=WHY)
    path = tmp_path_factory.mktemp("e57") / "scan.e57"
    x, y, z = points.T
    distance = np.linalg.norm(points, axis=1)
    with pye57.E57(str(path), mode="w") as file:
        first = {"cartesianX": x, "cartesianY": y, "cartesianZ": z, "cartesianInvalidState": is_invalid(points)}
        half = np.sqrt(0.5)
        file.write_scan_raw(first, rotation=np.array([half, 0, 0, half]), translation=SHIFT)
        write_polar(pye57.libe57, file, distance, np.arctan2(y, x), np.arcsin(z / distance))
    return path


def write_polar(libe57, file, *columns):
    """Append a scan in polar coordinates, which pye57 reads but does not write."""
    image, scan = file.image_file, libe57.StructureNode(file.image_file)
    names = ["sphericalRange", "sphericalAzimuth", "sphericalElevation"]
    prototype = libe57.StructureNode(image)
    for name in names:
        prototype.set(name, libe57.FloatNode(image, 0.0, libe57.E57_DOUBLE, -100.0, 100.0))
    points = libe57.CompressedVectorNode(image, prototype, libe57.VectorNode(image, True))
    scan.set("points", points)
    file.data3d.append(scan)
    arrays, buffers = file.make_buffers(names, len(columns[0]))
    for name, values in zip(names, columns, strict=True):
        arrays[name][:] = values
    writer = points.writer(buffers)
    writer.write(len(columns[0]))
    writer.close()


def is_invalid(points):
    return (np.arange(len(points)) % 10 == 0).astype(np.int8)


@pytest.mark.parametrize("suffix", ["las", "laz"])
def test_las_keeps_points_labels_and_normals_in_order(las, suffix, points):
    path = las / f"scan.{suffix}"
    cloud = read_points(path)
    np.testing.assert_allclose(cloud.points, points + FAR, atol=0.51e-4)
    np.testing.assert_allclose(cloud.normals, points / np.linalg.norm(points, axis=1, keepdims=True))
    np.testing.assert_array_equal(read_labels(path).labels, points[:, 0] > 0)


def test_scans_of_e57_are_moved_by_their_poses_and_invalid_points_keep_their_rows(e57, points):
    found = read_points(e57).points
    moved = points @ TURN.T + SHIFT
    moved[is_invalid(points) == 1] = np.nan
    np.testing.assert_allclose(found, np.concatenate([moved, points]), atol=1e-6)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
@pytest.mark.parametrize("suffix", ["las", "laz", "e57"])
def test_files_that_are_cut_short_are_refused(suffix, share, request, tmp_path):
    whole = request.getfixturevalue("e57") if suffix == "e57" else request.getfixturevalue("las") / f"scan.{suffix}"
    content = whole.read_bytes()
    path = tmp_path / f"cut.{suffix}"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"damaged or cut short|header declares 3000 points, \d+ found"):
        read_points(path)
    assert path.is_file()


def test_a_flipped_byte_of_e57_is_found_by_its_checksum(e57, tmp_path):
    content = bytearray(e57.read_bytes())
    content[2000] ^= 255
    (tmp_path / "x.e57").write_bytes(content)
    with pytest.raises(InputError, match=r"checksum mismatch.*an E57 file expected"):
        read_points(tmp_path / "x.e57")


def test_a_declared_number_that_the_file_cannot_hold_takes_no_memory(las, tmp_path):
    content = bytearray((las / "scan.las").read_bytes())
    content[247:255] = (1 << 50).to_bytes(8, "little")
    (tmp_path / "x.las").write_bytes(content)
    with pytest.raises(InputError, match=f"header declares {1 << 50} points"):
        read_points(tmp_path / "x.las")


@pytest.mark.parametrize("suffix", ["laz", "e57"])
def test_points_that_do_not_fit_into_memory_are_refused(suffix, request, monkeypatch):
    path = request.getfixturevalue("e57") if suffix == "e57" else request.getfixturevalue("las") / "scan.laz"
    monkeypatch.setattr("vision_cli.io.limits.available_memory", lambda: 100_000)
    with pytest.raises(InputTooLarge, match=r"header declares [36]000 points"):
        read_points(path)


@pytest.mark.parametrize(("suffix", "magic", "library"), [("las", b"LASF", "laspy"), ("e57", b"ASTM-E57", "pye57")])
def test_without_the_library_the_extra_is_named(suffix, magic, library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    path = tmp_path / f"x.{suffix}"
    path.write_bytes(magic + bytes(500))
    with pytest.raises(MissingError, match=f"{library} is not installed") as caught:
        read_points(path)
    assert "--extra scanners" in caught.value.hint
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match=f"begins with .*; {magic.decode()} expected"):
        read_points(path)
