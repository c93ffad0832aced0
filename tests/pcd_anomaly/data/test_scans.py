"""Scans with their truth: in order, out of order, listed, organised, and not fitting."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh

from vision_cli.core.errors import InputError
from vision_cli.io.points.clouds import Mesh, PointCloud, write_ply
from vision_cli.io.points.pcd import write_pcd
from vision_cli.pcd_anomaly.data.layouts import Sample
from vision_cli.pcd_anomaly.data.scans import load_prototype, load_scan, match_labels, read_true_scans


@pytest.fixture
def points():
    return (np.random.default_rng(0).normal(size=(300, 3)) * 10).astype(np.float32).astype(np.float64)


@pytest.fixture
def labels(points):
    return (points[:, 0] > 8).astype(np.uint8)


def sample(path, truth=None, *, is_defective=True, layout="real3d"):
    return Sample("part", path.stem, path, "test", is_defective, None, truth, layout)


def truth_of(path, points, labels, separator=" "):
    rows = [separator.join([*(f"{value:.6f}" for value in p), str(n)]) for p, n in zip(points, labels, strict=True)]
    path.write_text("\n".join(rows) + "\n")
    return path


def test_labels_in_the_order_of_the_scan_are_taken_as_they_come(points, labels, tmp_path):
    write_pcd(tmp_path / "a.pcd", points)
    loaded = load_scan(sample(tmp_path / "a.pcd", truth_of(tmp_path / "a.txt", points, labels)))
    np.testing.assert_array_equal(loaded.points, points)
    np.testing.assert_array_equal(loaded.labels, labels)
    assert loaded.notes == ()


def test_labels_in_another_order_go_to_their_points(points, labels, tmp_path):
    order = np.random.default_rng(1).permutation(len(points))
    truth = truth_of(tmp_path / "a.txt", points[order], labels[order], ",")
    found, notes = match_labels(truth, points)
    np.testing.assert_array_equal(found, labels)
    assert notes == ("points and rows of the truth were matched by nearest neighbours",)


def test_a_scan_that_was_centred_finds_its_truth(points, labels, tmp_path):
    truth = truth_of(tmp_path / "a.txt", points + 100, labels)
    found, notes = match_labels(truth, points)
    np.testing.assert_array_equal(found, labels)
    assert "both were centred first" in notes


def test_rows_that_are_nan_keep_their_place(points, labels, tmp_path):
    truth = truth_of(tmp_path / "a.txt", points, labels)
    holed = points.copy()
    holed[5] = np.nan
    found, _ = match_labels(truth, holed)
    np.testing.assert_array_equal(found, labels)


def test_a_truth_that_does_not_fit_is_refused_with_how_much(points, labels, tmp_path):
    truth = truth_of(tmp_path / "a.txt", points[:200], labels[:200] * 0)
    with pytest.raises(
        InputError, match=r"33\.3 % of the points of the scan have no row within .*; at most 1 % expected"
    ):
        match_labels(truth, points)
    (tmp_path / "b.txt").write_text("0\n1\n")
    with pytest.raises(InputError, match="2 labels; 300, one a point of the scan, expected"):
        match_labels(tmp_path / "b.txt", points)


def test_labels_alone_and_lists_of_defective_points_are_understood(points, labels, tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(map(str, labels)))
    np.testing.assert_array_equal(match_labels(tmp_path / "a.txt", points)[0], labels)
    np.savetxt(tmp_path / "b.txt", points[labels == 1])
    np.testing.assert_array_equal(match_labels(tmp_path / "b.txt", points)[0], labels)
    truth_of(tmp_path / "c.txt", points[labels == 1], labels[labels == 1])
    np.testing.assert_array_equal(match_labels(tmp_path / "c.txt", points)[0], labels)
    np.savetxt(tmp_path / "d.txt", points[labels == 1] + 50)
    with pytest.raises(InputError, match=r"100\.0 % of the rows lie farther than"):
        match_labels(tmp_path / "d.txt", points)


def test_the_protocol_takes_the_points_of_the_truth(points, labels, tmp_path):
    write_pcd(tmp_path / "a.pcd", points[::2])
    truth = truth_of(tmp_path / "a.txt", points, labels)
    loaded = load_scan(sample(tmp_path / "a.pcd", truth), points_from="truth")
    assert len(loaded.points) == len(points)
    np.savetxt(tmp_path / "b.txt", points)
    with pytest.raises(InputError, match="no rows x y z label"):
        load_scan(sample(tmp_path / "a.pcd", tmp_path / "b.txt"), points_from="truth")


def test_a_scan_without_truth_is_good_or_unknown(points, tmp_path):
    write_pcd(tmp_path / "a.pcd", points)
    good = load_scan(sample(tmp_path / "a.pcd", is_defective=False))
    assert good.labels.tolist() == [0] * 300
    unknown = load_scan(sample(tmp_path / "a.pcd", is_defective=None))
    assert unknown.labels is None
    assert unknown.is_defective is None


def test_the_truth_says_whether_a_scan_is_defective(points, labels, tmp_path):
    write_pcd(tmp_path / "a.pcd", points)
    for values, expected in ((labels, True), (labels * 0, False)):
        truth = truth_of(tmp_path / "a.txt", points, values)
        loaded = load_scan(sample(tmp_path / "a.pcd", truth, is_defective=None, layout="folder"))
        assert loaded.is_defective is expected


def test_mulsen_marks_the_vertices_nearest_to_its_list(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=2, radius=5)
    ball.export(tmp_path / "0.stl")
    wanted = ball.vertices[ball.vertices[:, 2] > 4]
    np.savetxt(tmp_path / "0.txt", np.hstack([wanted + 1e-3, np.full((len(wanted), 3), 128)]), delimiter=",")
    loaded = load_scan(sample(tmp_path / "0.stl", tmp_path / "0.txt", layout="mulsen"))
    assert len(loaded.points) == len(ball.vertices)
    np.testing.assert_array_equal(loaded.labels == 1, loaded.points[:, 2] > 4)
    assert isinstance(load_prototype(sample(tmp_path / "0.stl", layout="mulsen")), PointCloud)
    assert isinstance(load_prototype(sample(tmp_path / "0.stl", layout="folder")), Mesh)


def test_an_organised_cloud_loses_what_was_not_measured(tmp_path):
    pixels = np.zeros((4, 5, 3), np.float32)
    pixels[1:3, 1:4] = np.arange(18).reshape(2, 3, 3) + 1
    cv2.imwrite(str(tmp_path / "0.tiff"), pixels[..., ::-1])
    mask = np.zeros((4, 5), np.uint8)
    mask[2, 2:] = 255
    cv2.imwrite(str(tmp_path / "0.png"), mask)
    loaded = load_scan(sample(tmp_path / "0.tiff", tmp_path / "0.png", layout="mvtec"))
    np.testing.assert_array_equal(loaded.points, np.arange(18).reshape(6, 3) + 1)
    np.testing.assert_array_equal(loaded.labels, [0, 0, 0, 0, 1, 1])
    assert len(load_prototype(sample(tmp_path / "0.tiff", layout="mvtec")).points) == 6
    cv2.imwrite(str(tmp_path / "0.png"), mask[:3])
    with pytest.raises(InputError, match=r"\(3, 5\) pixels; \(4, 5\), as the scan, expected"):
        load_scan(sample(tmp_path / "0.tiff", tmp_path / "0.png", layout="mvtec"))


def test_an_organised_cloud_that_is_none_is_refused(tmp_path):
    (tmp_path / "0.tiff").write_bytes(b"II*\0")
    with pytest.raises(InputError, match="no TIFF of three channels"):
        load_scan(sample(tmp_path / "0.tiff", layout="mvtec"))
    cv2.imwrite(str(tmp_path / "0.tiff"), np.zeros((4, 5, 3), np.float32))
    with pytest.raises(InputError, match="no measured points"):
        load_scan(sample(tmp_path / "0.tiff", layout="mvtec"))


def test_a_damaged_scan_names_its_file(points, tmp_path):
    write_ply(tmp_path / "a.ply", points)
    (tmp_path / "a.ply").write_bytes((tmp_path / "a.ply").read_bytes()[:-24])
    with pytest.raises(InputError, match=r"a\.ply: header declares 300 points, 299 found"):
        load_scan(sample(tmp_path / "a.ply", layout="folder"))


def test_true_poses_that_are_missing_or_damaged_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"truth\.json: no such file; true poses expected"):
        read_true_scans(tmp_path)
    (Path(tmp_path) / "truth.json").write_text('{"samples": [{"class": "a"}]}')
    with pytest.raises(InputError, match=r"truth\.json: damaged \(KeyError"):
        read_true_scans(tmp_path)
