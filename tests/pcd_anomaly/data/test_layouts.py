"""Data sets in the layouts that users have: found, told apart, and named."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.pcd_anomaly.data.layouts import LAYOUTS, detect_layout, read_dataset, read_folders

TREES = {
    "real3d": (
        "duck/train/duck_template0.pcd",
        "duck/train/duck_prototype1.pcd",
        "duck/train/leftover.pcd",
        "duck/test/101_good.pcd",
        "duck/test/9_bulge_cut.pcd",
        "duck/test/201_sink_copy.pcd",
        "duck/test/duck_template0.pcd",
        "duck/gt/9_bulge_cut.txt",
        "duck/gt/201_sink_copy.txt",
    ),
    "shapenet": (
        "dataset/pcd/bowl0/train/bowl0_template0.pcd",
        "dataset/pcd/bowl0/test/bowl0_positive0.pcd",
        "dataset/pcd/bowl0/test/bowl0_hole1.pcd",
        "dataset/pcd/bowl0/GT/bowl0_hole1.txt",
    ),
    "mulsen": (
        "nut/Pointcloud/train/0.stl",
        "nut/Pointcloud/test/good/0.stl",
        "nut/Pointcloud/test/crack/2.stl",
        "nut/Pointcloud/test/crack/10.stl",
        "nut/Pointcloud/GT/crack/10.txt",
        "nut/RGB/GT/crack/data.csv",
    ),
    "minishift": (
        "capsule/train/good/0.txt",
        "capsule/test/good/1.txt",
        "capsule/test/Areal/hard/1.txt",
        "capsule/gt/Areal/hard/1.txt",
    ),
    "mvtec": (
        "bagel/train/good/xyz/000.tiff",
        "bagel/validation/good/xyz/000.tiff",
        "bagel/test/good/xyz/000.tiff",
        "bagel/test/crack/xyz/000.tiff",
        "bagel/test/crack/gt/000.png",
    ),
    "folder": (
        "my part/train/a.ply",
        "my part/train/cad.stl",
        "my part/test/ok/é 1.xyz",
        "my part/test/dent/2.csv",
        "my part/test/unknown.npy",
        "my part/gt/unknown.txt",
    ),
}
FOUND = {
    "real3d": [("9_bulge_cut", True, "bulge"), ("101_good", False, None), ("201_sink_copy", True, "sink")],
    "shapenet": [("bowl0_hole1", True, "hole"), ("bowl0_positive0", False, None)],
    "mulsen": [("crack/2", False, None), ("crack/10", True, "crack"), ("good/0", False, None)],
    "minishift": [("Areal/hard/1", True, "Areal"), ("good/1", False, None)],
    "mvtec": [("crack/000", True, "crack"), ("good/000", False, None)],
    "folder": [("dent/2", True, "dent"), ("ok/é 1", False, None), ("unknown", None, None)],
}


def plant(root, names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("object,rgb,infrared,points\n10,1,0,1\n2,1,1,0\n" if name.endswith(".csv") else "x")
    return root


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_layout_is_found_and_its_scans_are_known(layout, tmp_path):
    root = plant(tmp_path / "data", TREES[layout])
    assert detect_layout(root) == layout
    found = read_dataset(root)
    (name,) = found.class_names
    tests = found.of(name, "test")
    assert [(s.name, s.is_defective, s.defect) for s in tests] == FOUND[layout]
    assert all(s.path.is_file() and s.layout == layout for s in found.samples)
    assert all(
        (s.truth is not None and s.truth.is_file()) or s.is_defective is not True or s.name == "dent/2" for s in tests
    )
    assert all(s.truth is None for s in tests if s.is_defective is False)
    assert all(s.is_defective is False for s in found.of(name, "train"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_class_alone_is_a_data_set(layout, tmp_path):
    root = plant(tmp_path, TREES[layout])
    name = read_dataset(root).class_names[0]
    home = next(path for path in root.rglob(name))
    assert read_dataset(home).class_names == (name,)


def test_prototypes_are_those_whose_names_say_so(tmp_path):
    root = plant(tmp_path, TREES["real3d"])
    assert [s.name for s in read_dataset(root).of("duck", "train")] == ["duck_prototype1", "duck_template0"]


def test_without_such_names_all_scans_are_prototypes(tmp_path):
    root = plant(tmp_path, ("a/train/1.pcd", "a/train/2.pcd", "a/test/3_good.pcd", "a/gt/4.txt"))
    assert len(read_dataset(root).of("a", "train")) == 2


def test_labels_of_mulsen_come_by_order_where_names_do_not_fit(tmp_path):
    root = plant(tmp_path, TREES["mulsen"])
    table = root / "nut/RGB/GT/crack/data.csv"
    table.write_text("object,a,b,c\nfirst,0,0,1\nsecond,0,0,0\n")
    assert [s.is_defective for s in read_dataset(root).of("nut", "test")] == [True, False, False]
    table.write_text("object,a,b,c\nfirst,0,0,1\n")
    with pytest.raises(InputError, match=r"1 rows; 2, one a scan of test/crack, expected"):
        read_dataset(root)
    table.unlink()
    assert [s.is_defective for s in read_dataset(root).of("nut", "test")] == [False, True, False]


def test_classes_can_be_chosen(tmp_path):
    root = plant(tmp_path, [name.replace("duck", part) for part in ("duck", "fish") for name in TREES["real3d"]])
    assert read_dataset(root).class_names == ("duck", "fish")
    assert read_dataset(root, classes=["fish"]).class_names == ("fish",)
    with pytest.raises(InputError, match="class car not found; one of duck, fish expected"):
        read_dataset(root, classes=["car"])


def test_a_data_set_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        read_dataset(tmp_path / "none")
    with pytest.raises(InputError, match="in no layout that is known"):
        read_dataset(tmp_path)
    root = plant(tmp_path, TREES["real3d"])
    with pytest.raises(InputError, match="no classes in the layout mvtec") as caught:
        read_dataset(root, "mvtec")
    assert "xyz" in caught.value.hint


def test_two_scans_of_one_name_are_refused(tmp_path):
    root = plant(tmp_path, ("a/train/1.ply", "a/test/2.ply", "a/test/2.xyz"))
    with pytest.raises(InputError, match=r"2\.xyz: the same name as 2\.ply"):
        read_dataset(root)


def test_plain_folders_are_read_with_their_truth(tmp_path):
    root = plant(tmp_path, ("p/good/1.ply", "q/a_ok_1.ply", "q/b.ply", "q/deep/c.ply", "t/b.txt", "p/cad.stl"))
    found = read_folders(root / "p", root / "q", root / "t", class_name="valve")
    assert found.class_names == ("valve",)
    assert [(s.name, s.is_defective, s.truth is not None) for s in found.of("valve", "test")] == [
        ("a_ok_1", False, False),
        ("b", None, True),
        ("deep/c", True, False),
    ]
    assert len(read_folders(root / "p" / "cad.stl").of("p", "train")) == 1
    with pytest.raises(InputError, match="no such folder; scans expected"):
        read_folders(root / "p", root / "zzz")
    (root / "empty").mkdir()
    with pytest.raises(InputError, match="no scans found; one or more expected"):
        read_folders(root / "empty")
    tested = read_folders(None, root / "q", class_name="valve")
    assert tested.of("valve", "train") == ()
    assert len(tested.of("valve", "test")) == 3


def test_numbers_in_names_are_ordered_as_numbers(tmp_path):
    root = plant(tmp_path, ["a/train/t.ply", *(f"a/test/{n}.ply" for n in (10, 9, 1))])
    assert [s.name for s in read_dataset(root).of("a", "test")] == ["1", "9", "10"]
    np.testing.assert_equal(len(read_dataset(root).samples), 4)
