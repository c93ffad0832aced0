from __future__ import annotations

import json
from pathlib import Path

import pytest

from vision_cli.core.errors import InputError
from vision_cli.register.data.pairs import l2r_name, read_pairs


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def write_list(folder, text, name="pairs.csv"):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def write_dataset(folder, **splits):
    return write_list(folder, json.dumps({"name": "set", **splits}), "dataset.json")


def entry(fixed, moving):
    return {"fixed": f"./imagesTr/{fixed}.nii.gz", "moving": f"./imagesTr/{moving}.nii.gz"}


def test_a_table_gives_its_pairs_in_order_with_paths_from_its_folder(tmp_path):
    touch(tmp_path, "a.nii", "b.nii", "sub/c.nii", "labels.nii")
    path = write_list(tmp_path, "id,fixed,moving,fixed_label\nx,a.nii,b.nii,\ny,sub/c.nii,a.nii,labels.nii\n")
    first, second = read_pairs(path)
    assert (first.id, second.id) == ("x", "y")
    assert first.files.given() == {"fixed": tmp_path / "a.nii", "moving": tmp_path / "b.nii"}
    assert second.files.fixed_label == tmp_path / "labels.nii"
    assert second.files.fixed == tmp_path / "sub" / "c.nii"


def test_every_role_of_a_table_is_read(tmp_path):
    roles = ["fixed", "moving"] + [f"{s}_{k}" for s in ("fixed", "moving") for k in ("label", "mask", "points")]
    touch(tmp_path, *roles)
    path = write_list(tmp_path, f"id,{','.join(roles)}\nx,{','.join(roles)}\n")
    assert read_pairs(path)[0].files.given() == {role: tmp_path / role for role in roles}


def test_absolute_paths_of_a_table_are_kept(tmp_path):
    touch(tmp_path, "images/a.nii")
    image = tmp_path / "images" / "a.nii"
    (tmp_path / "lists").mkdir()
    path = write_list(tmp_path / "lists", f"id,fixed,moving\nx,{image},{image}\n")
    assert read_pairs(path)[0].files.fixed == image


def test_a_table_that_names_a_missing_file_is_refused(tmp_path):
    touch(tmp_path, "a.nii")
    path = write_list(tmp_path, "id,fixed,moving\nx,a.nii,gone.nii\n")
    with pytest.raises(InputError, match=r"pair x: moving .*gone\.nii: no such file"):
        read_pairs(path)


@pytest.mark.parametrize("name", [".hidden", "../up", "a/b", "a\\b"])
def test_an_id_that_cannot_name_a_folder_is_refused(tmp_path, name):
    touch(tmp_path, "a.nii")
    path = write_list(tmp_path, f"id,fixed,moving\n{name},a.nii,a.nii\n")
    with pytest.raises(InputError, match="a valid name of a folder expected"):
        read_pairs(path)


def test_ids_that_occur_twice_are_refused(tmp_path):
    touch(tmp_path, "a.nii")
    path = write_list(tmp_path, "id,fixed,moving\nx,a.nii,a.nii\nx,a.nii,a.nii\n")
    with pytest.raises(InputError, match="x"):
        read_pairs(path)


@pytest.mark.parametrize(("row", "lacking"), [("x,a.nii,", "moving"), ("x,,a.nii", "fixed"), (",a.nii,a.nii", "id")])
def test_a_row_that_lacks_a_needed_cell_is_refused(tmp_path, row, lacking):
    touch(tmp_path, "a.nii")
    path = write_list(tmp_path, f"id,fixed,moving\n{row}\n")
    with pytest.raises(InputError, match=f"line 2 has no {lacking}"):
        read_pairs(path)


def test_a_table_without_a_needed_column_is_refused(tmp_path):
    path = write_list(tmp_path, "id,fixed\nx,a.nii\n")
    with pytest.raises(InputError, match="moving"):
        read_pairs(path)


def test_a_table_without_rows_is_refused(tmp_path):
    path = write_list(tmp_path, "id,fixed,moving\n")
    with pytest.raises(InputError, match=r"pairs\.csv"):
        read_pairs(path)


@pytest.mark.parametrize("name", ["gone.csv", "gone.json"])
def test_a_list_that_does_not_exist_is_refused(tmp_path, name):
    with pytest.raises(InputError, match=name):
        read_pairs(tmp_path / name)


def test_a_learn2reg_set_gives_its_validation_pairs_with_their_labels(tmp_path):
    names = ["OASIS_0001_0000", "OASIS_0002_0000"]
    touch(tmp_path, *[f"{folder}/{name}.nii.gz" for folder in ("imagesTr", "labelsTr", "masksTr") for name in names])
    touch(tmp_path, *(f"keypointsTr/{name}.csv" for name in names))
    path = write_dataset(
        tmp_path,
        registration_val=[entry(*names)],
        training_paired_images=[entry(*reversed(names))],
    )
    (pair,) = read_pairs(path)
    assert pair.id == "0001_0002"
    assert pair.files.fixed_label == tmp_path / "labelsTr" / "OASIS_0001_0000.nii.gz"
    assert pair.files.moving_mask == tmp_path / "masksTr" / "OASIS_0002_0000.nii.gz"
    assert pair.files.fixed_points == tmp_path / "keypointsTr" / "OASIS_0001_0000.csv"
    assert pair.files.points_space == "voxel"
    (tmp_path / "keypointsTr" / "OASIS_0002_0000.csv").unlink()
    (alone,) = read_pairs(path)
    assert (alone.files.fixed_points, alone.files.moving_points, alone.files.points_space) == (None, None, None)


def test_a_learn2reg_set_without_validation_pairs_gives_its_training_pairs(tmp_path):
    names = ["T_0003_0000", "T_0003_0001"]
    touch(tmp_path, *[f"imagesTr/{name}.nii.gz" for name in names])
    path = write_dataset(tmp_path, registration_val=[], training_paired_images=[entry(*names)])
    assert [pair.id for pair in read_pairs(path)] == ["0003_0003"]


def test_a_learn2reg_set_without_pairs_is_refused(tmp_path):
    with pytest.raises(InputError, match="no pairs found"):
        read_pairs(write_dataset(tmp_path, training=[]))


@pytest.mark.parametrize(
    "text",
    ["{", "[]", '{"registration_val": [{"fixed": "a"}]}', '{"registration_val": 3}', '{"registration_val": [1]}'],
)
def test_a_damaged_learn2reg_set_is_refused(tmp_path, text):
    with pytest.raises(InputError, match="not a Learn2Reg data set"):
        read_pairs(write_list(tmp_path, text, "dataset.json"))


@pytest.mark.parametrize(
    ("fixed", "moving", "name"),
    [
        ("OASIS_0001_0000", "OASIS_0002_0000", "0001_0002"),
        ("ThoraxCBCT_0011_0000", "ThoraxCBCT_0011_0001", "0011_0011"),
        ("AbdomenMRCT_0001_0001", "AbdomenMRCT_0001_0000", "0001_0001_0001_0000"),
        ("case_0001", "case_0002", "0001_0002"),
        ("left", "right", "left_right"),
    ],
)
def test_a_pair_of_learn2reg_is_named_as_its_submission(fixed, moving, name):
    assert l2r_name(Path(f"{fixed}.nii.gz"), Path(f"{moving}.nii.gz")) == name
