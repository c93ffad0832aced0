from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.io.volumes.volumes import write_volume
from vision_cli.register.data.layouts import _IXI_NUMBERS, ImageFile, read_collection, read_image

SHAPE = (6, 7, 8)


def image(path, labels=False):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    values = rng.integers(0, 4, SHAPE).astype(np.int16) if labels else rng.random(SHAPE).astype(np.float32)
    write_volume(path, values, np.diag([2.0, 2.0, 2.0, 1.0]))
    return path


def subject(path, protocol=4, label_type=np.uint8):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(1).random(SHAPE).astype(np.float32)
    path.write_bytes(pickle.dumps((values, np.rint(values * 40).astype(label_type)), protocol=protocol))
    return path


def summary(collection):
    return {file.id: (file.label is not None, file.subset) for file in collection.images}


def test_a_table_of_images(tmp_path):
    for name in "abc":
        image(tmp_path / f"{name}.nii.gz")
    image(tmp_path / "al.nii.gz", labels=True)
    (tmp_path / "t.csv").write_text(
        "id,image,label,split\n1,a.nii.gz,al.nii.gz,train\n2,b.nii.gz,,val\n3,c.nii.gz,,\n", encoding="utf-8"
    )
    collection = read_collection(tmp_path / "t.csv", "csv")
    assert summary(collection) == {"1": (True, "train"), "2": (False, "validation"), "3": (False, None)}
    assert collection.pairs == ()
    values, labels = read_image(collection.images[0])
    assert values.shape == labels.shape == SHAPE
    assert labels.data.dtype == np.int32
    assert read_image(collection.images[1])[1] is None


def test_a_table_of_pairs(tmp_path):
    for name in "abc":
        image(tmp_path / f"{name}.nii.gz")
    image(tmp_path / "bl.nii.gz", labels=True)
    (tmp_path / "t.csv").write_text(
        "id,fixed,moving,moving_label,split\n1,a.nii.gz,b.nii.gz,bl.nii.gz,train\n2,b.nii.gz,c.nii.gz,,test\n",
        encoding="utf-8",
    )
    collection = read_collection(tmp_path / "t.csv", "csv")
    assert [(pair.fixed, pair.moving, pair.subset) for pair in collection.pairs] == [
        ("a.nii.gz", "b.nii.gz", "train"),
        ("b.nii.gz", "c.nii.gz", "test"),
    ]
    assert {file.id: file.label is not None for file in collection.images} == {
        "a.nii.gz": False,
        "b.nii.gz": True,
        "c.nii.gz": False,
    }


@pytest.mark.parametrize(
    ("header", "cells", "message"),
    [
        ("id,image,label", "7,a.nii.gz,gone.nii.gz", r"row 7: label .*gone\.nii\.gz: no such file"),
        ("id,fixed,moving", "7,a.nii.gz,gone.nii.gz", r"row 7: moving .*gone\.nii\.gz: no such file"),
        ("id,fixed,moving,fixed_label", "7,a.nii.gz,a.nii.gz,gone.nii.gz", "row 7: fixed_label"),
    ],
)
def test_a_row_of_a_table_that_names_a_missing_file_is_said(tmp_path, header, cells, message):
    image(tmp_path / "a.nii.gz")
    (tmp_path / "t.csv").write_text(f"{header}\n{cells}\n", encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_collection(tmp_path / "t.csv", "csv")


@pytest.mark.parametrize("nested", [True, False])
def test_a_folder(tmp_path, nested):
    home = tmp_path / "images" if nested else tmp_path
    for name in ("s2.nii.gz", "s1.nrrd"):
        image(home / name)
    np.savez(home / "s3.npz", vol=np.random.default_rng(0).random(SHAPE), seg=np.ones(SHAPE, np.int16))
    np.savez(home / "s4.npz", vol=np.ones(SHAPE, np.float32))
    (home / "notes.txt").write_text("x", encoding="utf-8")
    image(tmp_path / "labels" / "s2.nii.gz", labels=True)
    collection = read_collection(tmp_path, "folder")
    assert summary(collection) == {
        "s1": (False, None),
        "s2": (True, None),
        "s3": (True, None),
        "s4": (False, None),
    }
    assert read_image(collection.images[2])[1].data.max() == 1


@pytest.mark.parametrize("listed", [True, False])
@pytest.mark.parametrize(("dim", "kind", "labels"), [(3, "aligned", "seg35"), (2, "slice", "seg24")])
def test_neurite_oasis(tmp_path, listed, dim, kind, labels):
    names = ["OASIS_OAS1_0001_MR1", "OASIS_OAS1_0002_MR1"]
    for name in names:
        for which in ("aligned_norm", "aligned_seg35", "slice_norm", "slice_seg24", "norm", "seg35"):
            image(tmp_path / name / f"{which}.nii.gz")
    if listed:
        (tmp_path / "subjects.txt").write_text("\n".join(names[::-1]) + "\n", encoding="utf-8")
    collection = read_collection(tmp_path, "oasis", dim)
    assert [file.id for file in collection.images] == (names[::-1] if listed else names)
    assert collection.aligned
    assert {file.image.name for file in collection.images} == {f"{kind}_norm.nii.gz"}
    assert {file.label.name for file in collection.images} == {f"{kind}_{labels}.nii.gz"}


def test_the_list_of_neurite_oasis_may_begin_with_a_byte_order_mark(tmp_path):
    image(tmp_path / "OASIS_1" / "aligned_norm.nii.gz")
    (tmp_path / "subjects.txt").write_text("OASIS_1\n", encoding="utf-8-sig")
    assert summary(read_collection(tmp_path, "oasis")) == {"OASIS_1": (False, None)}


@pytest.mark.parametrize("root", ["", "IXI_data"])
def test_ixi(tmp_path, root):
    home = tmp_path / root
    for folder, numbers in (("Train", (1, 10, 2)), ("Val", (3,)), ("Test", (4, 5))):
        for number in numbers:
            subject(home / folder / f"subject_{number}.pkl")
    subject(home / "atlas.pkl")
    collection = read_collection(tmp_path, "ixi")
    assert [file.id for file in collection.images][:3] == ["Train subject_1", "Train subject_2", "Train subject_10"]
    assert [file.subset for file in collection.images] == ["train"] * 3 + ["validation"] + ["test"] * 2 + [None]
    assert collection.atlas == collection.images[-1].id == "atlas"
    assert collection.aligned
    values, labels = read_image(collection.images[0])
    assert values.shape == labels.shape == SHAPE
    assert values.data.dtype == np.float32
    assert labels.data.max() > 30


def test_the_structures_of_ixi_are_those_of_its_protocol(tmp_path):
    subject(tmp_path / "Train" / "subject_1.pkl")
    subject(tmp_path / "atlas.pkl")
    structures = read_collection(tmp_path, "ixi").structures
    labels = [label for own in structures.values() for label in own]
    assert len(_IXI_NUMBERS) == len(set(_IXI_NUMBERS)) == 46
    assert len(structures) == 17
    assert len(labels) == len(set(labels)) == 30
    assert 0 not in labels
    # The left thalamus is FreeSurfer's 10, which stands behind 0, 2, 3, 4, 5, 7 and 8.
    assert structures["thalamus"] == (7, 27)


def test_hearts_by_subject(tmp_path):
    for name in ("s1", "s2"):
        for which in ("sa_ED", "sa_ES", "label_sa_ED"):
            image(tmp_path / name / f"{which}.nii.gz")
    collection = read_collection(tmp_path, "cmr")
    assert summary(collection) == {
        f"{name}-{phase}": (phase == "ED", None) for name in ("s1", "s2") for phase in ("ED", "ES")
    }
    assert [(pair.fixed, pair.moving) for pair in collection.pairs] == [("s1-ED", "s1-ES"), ("s2-ED", "s2-ES")]
    assert collection.structures == {"RV": (1,), "myocardium": (2,), "LV": (3,)}


def test_acdc(tmp_path):
    for folder, frames in (("training", (1, 12)), ("testing", (1, 9))):
        home = tmp_path / folder / f"patient{frames[1]:03d}"
        for frame in frames:
            image(home / f"{home.name}_frame{frame:02d}.nii.gz")
            image(home / f"{home.name}_frame{frame:02d}_gt.nii.gz", labels=True)
        (home / "Info.cfg").write_text(f"ED: {frames[0]}\nES: {frames[1]}\nGroup: DCM\n", encoding="utf-8")
    collection = read_collection(tmp_path, "cmr")
    assert [(pair.fixed, pair.subset) for pair in collection.pairs] == [
        ("patient012-ED", "train"),
        ("patient009-ED", "test"),
    ]
    assert all(file.label is not None for file in collection.images)
    assert collection.images[1].image.name == "patient012_frame12.nii.gz"


@pytest.mark.parametrize("given", ["file", "folder"])
def test_learn2reg(tmp_path, given):
    names = [f"./imagesTr/T_000{n}_0000.nii.gz" for n in range(4)]
    for name in names:
        image(tmp_path / name)
    image(tmp_path / "labelsTr" / "T_0002_0000.nii.gz", labels=True)
    document = {
        "training": [{"image": name} for name in names[:2]],
        "training_paired_images": [{"fixed": names[0], "moving": names[1]}],
        "registration_val": [{"fixed": names[2], "moving": names[3]}],
    }
    path = tmp_path / "T_dataset.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    collection = read_collection(path if given == "file" else tmp_path, "l2r")
    assert summary(collection) == {
        names[0]: (False, "train"),
        names[1]: (False, "train"),
        names[2]: (True, "validation"),
        names[3]: (False, "validation"),
    }
    assert [pair.subset for pair in collection.pairs] == ["train", "validation"]


def test_labels_that_a_learn2reg_entry_names_go_before_those_beside_its_image(tmp_path):
    names = [f"imagesTr/T_000{n}_0000.nii.gz" for n in (1, 2)]
    for name in names:
        image(tmp_path / name)
        image(tmp_path / name.replace("images", "labels"), labels=True)
    image(tmp_path / "segmented" / "one.nii.gz", labels=True)
    training = [{"image": names[0], "label": "./segmented/one.nii.gz"}, {"image": names[1]}]
    (tmp_path / "T_dataset.json").write_text(json.dumps({"training": training}), encoding="utf-8")
    collection = read_collection(tmp_path, "l2r")
    assert [file.label.relative_to(tmp_path).as_posix() for file in collection.images] == [
        "segmented/one.nii.gz",
        "labelsTr/T_0002_0000.nii.gz",
    ]


def test_labels_of_other_axes_than_their_image_are_refused(tmp_path):
    write_volume(tmp_path / "flat.nii.gz", np.ones(SHAPE[:2], np.int16), np.eye(3))
    file = ImageFile("a", image(tmp_path / "a.nii.gz"), tmp_path / "flat.nii.gz")
    with pytest.raises(InputError, match="2D labels found; 3D, as"):
        read_image(file)


def broken(tmp_path, name):
    image(tmp_path / "a.nii.gz")
    made = {
        "absent": lambda: None,
        "empty": (tmp_path / "d").mkdir,
        "oasis": lambda: (tmp_path / "d" / "OASIS_1").mkdir(parents=True),
        "no atlas": lambda: subject(tmp_path / "d" / "Train" / "subject_1.pkl"),
        "info": lambda: (image(tmp_path / "d" / "p" / "x.nii.gz").with_name("Info.cfg")).write_text("ED: 1\n"),
        "info text": lambda: image(tmp_path / "d" / "p" / "x.nii.gz").with_name("Info.cfg").write_bytes(b"ED: \xff"),
        "subjects text": lambda: image(tmp_path / "d" / "x.nii.gz").with_name("subjects.txt").write_bytes(b"\xff"),
        "split": lambda: (tmp_path / "d").write_text("id,image,split\n1,a.nii.gz,later\n"),
        "missing": lambda: (tmp_path / "d").write_text("id,image\n1,b.nii.gz\n"),
        "doubled": lambda: (image(tmp_path / "d" / "a.nii.gz"), image(tmp_path / "d" / "a.nrrd")),
        "json": lambda: (tmp_path / "d").write_text('{"training": [{"picture": "a"}]}'),
        "two": (tmp_path / "d").mkdir,
        "file": lambda: (tmp_path / "d").write_text("x"),
    }
    made[name]()
    return tmp_path / "d"


@pytest.mark.parametrize(
    ("name", "layout", "message"),
    [
        ("absent", "folder", "no such file or folder"),
        ("empty", "folder", "no images found; images in the layout folder expected"),
        ("empty", "cmr", "no images found; images in the layout cmr expected"),
        ("oasis", "oasis", "neither aligned_norm.nii.gz nor aligned_orig.nii.gz"),
        ("no atlas", "ixi", "the atlas of the data set expected"),
        ("info", "cmr", "no frame numbers of ED and ES"),
        ("info text", "cmr", r"Info\.cfg: not UTF-8 text"),
        ("subjects text", "oasis", r"subjects\.txt: not UTF-8 text"),
        ("split", "csv", "split 'later' found; train, validation or test expected"),
        ("missing", "csv", "b.nii.gz: no such file"),
        ("doubled", "folder", "two images named a found;"),
        ("json", "l2r", "not a Learn2Reg data set"),
        ("two", "l2r", r"0 files \*_dataset.json found"),
        ("file", "oasis", "the folder of a data set, with --layout"),
    ],
)
def test_what_is_not_in_the_layout_is_refused(tmp_path, name, layout, message):
    with pytest.raises(InputError, match=message) as caught:
        read_collection(broken(tmp_path, name), layout)
    assert caught.value.hint
    assert "\n" not in caught.value.message
