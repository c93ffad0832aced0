"""Every layout is recognised and read as its authors lay it out; what does not fit is named."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.enhance_eval.data.classes import EXDARK
from vision_cli.enhance_eval.data.layouts.exdark import read_class_list
from vision_cli.enhance_eval.data.opening import LAYOUTS, open_dataset

LINES = {
    "2015_00001.png": "1 2 1 1",
    "2015_00002.JPG": "1 1 2 3",
    "2015_06000.jpeg": "10 10 2 3",
    "2015_07000.jpg": "12 5 1 2",
}


def names(found) -> list[str]:
    return [sample.name for sample in found.samples]


@pytest.fixture
def exdark(tmp_path, put_pictures):
    put_pictures(tmp_path / "ExDark", "Bicycle/2015_00001.png", "Bicycle/2015_00002.JPG", "Motorbike/2015_06000.jpeg")
    put_pictures(tmp_path / "ExDark", "Table/2015_07000.jpg")
    for name, objects in {
        "Bicycle/2015_00001.png": "Bicycle 2 1 4 5 0 0 0 0 0 0 0",
        "Bicycle/2015_00002.jpg": "Bicycle 0 0 3 3 0 0 0 0 0 0 0\nPeople 5 2 2 4 0 0 0 0 0 0 0",
        "Motorbike/2015_06000.jpeg": "",
        "Table/2015_07000.jpg": "Table 1 1 2 2 0 0 0 0 0 0 0",
    }.items():
        path = tmp_path / "ExDark_Annno" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"% bbGt version=3\n{objects}\n")
    listed = "Name | Class | Light | In/Out | Train/Val/Test\r\n"
    (tmp_path / "imageclasslist.txt").write_text(
        listed + "\r\n".join(f"{name} {numbers}" for name, numbers in LINES.items())
    )
    return tmp_path


def test_exdark_as_published(exdark):
    found = open_dataset(exdark)
    assert found.layout == "exdark"
    assert found.classes == EXDARK
    assert names(found) == ["Bicycle/2015_00002", "Motorbike/2015_06000"]
    first, second = found.samples
    assert dict(first.attributes) == {"light": "Low", "place": "Outdoor", "part": "test"}
    np.testing.assert_array_equal(first.boxes.corners, [[0, 0, 3, 3], [5, 2, 7, 6]])
    assert [EXDARK[label] for label in first.boxes.labels] == ["Bicycle", "People"]
    assert EXDARK[second.label] == "Motorbike"
    assert second.boxes.corners.shape == (0, 4)
    assert found.notes == ("The part test was read; there is also train, val.",)
    assert len(open_dataset(exdark, split="all").samples) == 4
    with pytest.raises(UsageError, match="no part 'tset'"):
        open_dataset(exdark, split="tset")


def test_what_of_exdark_cannot_be_used_is_named(exdark, put_pictures):
    put_pictures(exdark / "ExDark", "Cat/2015_09999.png")
    (exdark / "ExDark_Annno/Motorbike/2015_06000.jpeg.txt").unlink()
    (exdark / "ExDark_Annno/Bicycle/2015_00002.jpg.txt").write_text("% bbGt version=3\nTandem 1 1 2 2 0\n")
    found = open_dataset(exdark)
    assert names(found) == ["Bicycle/2015_00002"]
    assert "1 left out (not in imageclasslist.txt): Cat/2015_09999.png." in found.notes
    assert "1 left out (no annotation in ExDark_Annno): Motorbike/2015_06000.jpeg." in found.notes
    assert "1 left out (an object of no class of ExDark): 2015_00002.jpg.txt: Tandem." in found.notes
    with pytest.raises(InputError, match="no class of ExDark"):
        open_dataset(exdark, strict=True)


@pytest.mark.parametrize(
    ("text", "reason"), [("0 0 1 1", "'% bbGt version=3' expected"), ("% bbGt version=3\nCat 1 x 2 2", "class l t w h")]
)
def test_a_damaged_annotation_of_exdark_is_refused(exdark, text, reason):
    (exdark / "ExDark_Annno/Bicycle/2015_00002.jpg.txt").write_text(text)
    with pytest.raises(InputError, match=reason):
        open_dataset(exdark)


def test_a_damaged_list_of_exdark_is_refused(exdark):
    with (exdark / "imageclasslist.txt").open("a") as stream:
        stream.write("\r\n2015_00009.png 13 1 1 1")
    with pytest.raises(InputError, match=r"line 6: '2015_00009\.png 13 1 1 1'; name, class 1-12"):
        open_dataset(exdark)


def test_the_published_list_of_exdark(real_data):
    found = read_class_list(real_data / "exdark" / "imageclasslist.txt")
    assert len(found) == 7363
    parts = [one.part for one in found.values()]
    assert [parts.count(part) for part in ("train", "val", "test")] == [3000, 1800, 2563]
    lights = [one.light for one in found.values()]
    assert [lights.count(light) for light in ("Low", "Ambient", "Strong", "Twilight")] == [241, 2098, 2059, 416]


VOC_XML = """<annotation><size><width>{0}</width><height>{1}</height></size>
<object><name>{2}</name><difficult>{3}</difficult>
<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>8</ymax></bndbox></object></annotation>"""


def put_xml(root, stem, name="People", difficult=0, size=(12, 8)):
    (root / "Annotations").mkdir(exist_ok=True)
    (root / "Annotations" / f"{stem}.xml").write_text(VOC_XML.format(*size, name, difficult))


def test_voc(tmp_path, put_pictures):
    put_pictures(tmp_path, "VOC2012/JPEGImages/a.jpg", "VOC2012/JPEGImages/b.jpg", "VOC2012/JPEGImages/c.jpg")
    for stem, name, difficult in (("a", "person", 0), ("b", "car", 1), ("c", "dog", 0)):
        put_xml(tmp_path / "VOC2012", stem, name, difficult)
    (tmp_path / "VOC2012/ImageSets/Main").mkdir(parents=True)
    (tmp_path / "VOC2012/ImageSets/Main/val.txt").write_text("a\nb\nmissing\n")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found), len(found.classes)) == ("voc", ["a", "b"], 20)
    np.testing.assert_array_equal(found.samples[0].boxes.corners, [[0, 1, 5, 8]])
    assert [sample.boxes.ignored.tolist() for sample in found.samples] == [[False], [True]]
    assert found.notes == ("1 left out (listed, but not in JPEGImages): missing.",)


def test_an_annotation_of_another_size_or_with_entities_is_not_used(tmp_path, put_pictures):
    put_pictures(tmp_path / "JPEGImages", "a.jpg", "b.jpg")
    put_xml(tmp_path, "a", size=(30, 30))
    put_xml(tmp_path, "b", size=(0, 0))
    found = open_dataset(tmp_path)
    assert names(found) == ["b"]
    assert found.notes == ("1 left out (its size is not the annotation's): a.jpg.",)
    (tmp_path / "Annotations/b.xml").write_text('<!DOCTYPE a [<!ENTITY b "c">]><annotation/>')
    with pytest.raises(InputError, match="defines entities"):
        open_dataset(tmp_path)


def test_exdark_as_voc_gives_its_enhanced_pictures_as_methods(tmp_path, put_pictures):
    for folder in ("IMGS", "IMGS_Kind", "IMGS_ZeroDCE"):
        put_pictures(tmp_path / "JPEGImages" / folder, "2015_1.jpg", "2015_2.png")
    put_xml(tmp_path, "2015_1")
    put_xml(tmp_path, "2015_2", "Cat")
    found = open_dataset(tmp_path)
    assert (found.layout, found.classes) == ("exdark-voc", EXDARK)
    assert dict(found.enhanced) == {
        "Kind": str(tmp_path / "JPEGImages/IMGS_Kind"),
        "ZeroDCE": str(tmp_path / "JPEGImages/IMGS_ZeroDCE"),
    }
    assert [EXDARK[sample.boxes.labels[0]] for sample in found.samples] == ["People", "Cat"]


def coco_document():
    return {
        "images": [
            {"id": 7, "file_name": "a.jpg", "height": 8, "width": 12},
            {"id": 9, "file_name": "b.jpg", "height": 8, "width": 12},
            {"id": 11, "file_name": "../secret.jpg", "height": 8, "width": 12},
        ],
        "categories": [{"id": 3, "name": "cup"}, {"id": 1, "name": "person"}],
        "annotations": [
            {"image_id": 7, "category_id": 3, "bbox": [1, 2, 3, 4], "area": 9.5, "iscrowd": 0},
            {"image_id": 7, "category_id": 1, "bbox": [0, 0, 12, 8], "iscrowd": 1},
        ],
    }


@pytest.mark.parametrize("folder", ["val2017", "images/val2017", "images", "."])
def test_coco(tmp_path, put_pictures, folder):
    put_pictures(tmp_path / "data" / folder, "a.jpg", "b.jpg")
    put_pictures(tmp_path, "secret.jpg")
    (tmp_path / "data/annotations").mkdir()
    path = tmp_path / "data/annotations/instances_val2017.json"
    path.write_text(json.dumps(coco_document()))
    found = open_dataset(tmp_path / "data")
    assert (found.layout, names(found), found.classes) == ("coco", ["a.jpg", "b.jpg"], ("person", "cup"))
    boxes = found.samples[0].boxes
    np.testing.assert_array_equal(boxes.corners, [[1, 2, 4, 6], [0, 0, 12, 8]])
    assert boxes.labels.tolist() == [1, 0]
    assert boxes.crowds.tolist() == [False, True]
    assert boxes.areas.tolist() == [9.5, 96]
    assert "../secret.jpg" in found.notes[0]
    if folder != ".":
        assert names(open_dataset(path)) == ["a.jpg", "b.jpg"]


def test_parts_of_coco(tmp_path, put_pictures):
    put_pictures(tmp_path / "train", "a.jpg", "b.jpg")
    put_pictures(tmp_path / "val", "a.jpg")
    (tmp_path / "annotations").mkdir()
    for part in ("train", "val"):
        (tmp_path / f"annotations/instances_{part}.json").write_text(json.dumps(coco_document()))
    assert len(open_dataset(tmp_path).samples) == 1
    assert len(open_dataset(tmp_path, split="train").samples) == 2


@pytest.mark.parametrize("text", ["[1, 2", '{"images": 1}', '{"images": [], "categories": [{"id": "x", "name": 1}]}'])
def test_a_damaged_file_of_coco_is_refused(tmp_path, text):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances.json").write_text(text)
    with pytest.raises(InputError, match=r"damaged JSON|not a COCO file of boxes"):
        open_dataset(tmp_path)


def test_yolo(tmp_path, put_pictures):
    put_pictures(tmp_path / "images", "val/a.jpg", "val/b.jpg", "train/c.jpg")
    (tmp_path / "labels/val").mkdir(parents=True)
    (tmp_path / "labels/val/a.txt").write_text("1 0.5 0.5 0.5 0.25\n0 0 0 0.25 0 0.25 0.5\n")
    (tmp_path / "data.yaml").write_text(
        "train: ../images/train\nval: /elsewhere/set/images/val\nnames: {0: cat, 1: dog}\n"
    )
    found = open_dataset(tmp_path)
    assert (found.layout, names(found), found.classes) == ("yolo", ["val/a", "val/b"], ("cat", "dog"))
    np.testing.assert_allclose(found.samples[0].boxes.corners, [[3, 3, 9, 5], [0, 0, 3, 4]])
    assert found.samples[0].boxes.labels.tolist() == [1, 0]
    assert "1 pictures have no label file and were taken as empty." in found.notes
    (tmp_path / "labels/val/a.txt").write_text("1 100 50 20 20\n")
    with pytest.raises(InputError, match="shares of the picture, 0 to 1, expected"):
        open_dataset(tmp_path)


def test_yolo_without_settings(tmp_path, put_pictures):
    put_pictures(tmp_path / "images", "a.jpg")
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels/a.txt").write_text("2 0.5 0.5 1 1\n")
    found = open_dataset(tmp_path)
    assert found.classes == ("0", "1", "2")
    assert "No names of classes" in found.notes[0]


def test_dark_face(tmp_path, put_pictures):
    put_pictures(tmp_path / "image", "1.png", "2.png", "3.png")
    (tmp_path / "label").mkdir()
    (tmp_path / "label/1.txt").write_text("2\n1 1 4 4\n5 2 8 6\n")
    (tmp_path / "label/2.txt").write_text("0\n")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found), found.classes) == ("dark-face", ["1", "2"], ("face",))
    assert [len(sample.boxes.labels) for sample in found.samples] == [2, 0]
    assert found.notes == ("1 left out (no file in label): 3.png.",)
    (tmp_path / "label/2.txt").write_text("3\n1 1 2 2\n")
    with pytest.raises(InputError, match="a count and as many lines x1 y1 x2 y2 expected"):
        open_dataset(tmp_path)


@pytest.mark.parametrize(
    ("layout", "files", "classes", "labels"),
    [
        ("image-folder", ["cat/1.jpg", "dog/1.jpg", "dog/2.png"], ("cat", "dog"), [0, 1, 1]),
        ("image-folder", ["train/cat/1.jpg", "train/dog/2.jpg", "test/dog/1.jpg"], ("cat", "dog"), [1]),
        ("caltech-256", ["001.ak47/001_0001.jpg", "002.yo-yo/002_0001.jpg", "257.clutter/257_0001.jpg"],
         ("ak47", "yo-yo"), [0, 1]),
        ("caltech-256", ["256_ObjectCategories/001.ak47/001_0001.jpg"], ("ak47",), [0]),
        ("imagenet", ["n01440764_tench.JPEG", "n01443537_goldfish.JPEG", "n01440764_2.JPEG"],
         ("tench", "goldfish"), [0, 0, 1]),
    ],
)  # fmt: skip
def test_pictures_of_one_class_each(tmp_path, put_pictures, layout, files, classes, labels):
    put_pictures(tmp_path, *files)
    found = open_dataset(tmp_path)
    assert (found.layout, found.classes) == (layout, classes)
    assert [sample.label for sample in found.samples] == labels


def test_clutter_and_strange_names_are_named(tmp_path, put_pictures):
    put_pictures(tmp_path / "a", "001.ak47/1.jpg", "257.clutter/2.jpg", "257.clutter/3.jpg")
    assert open_dataset(tmp_path / "a").notes == ("257.clutter is no class: its 2 pictures were dropped.",)
    put_pictures(tmp_path / "b", "n01440764_tench.JPEG", "n01443537_goldfish.JPEG", "holiday.jpg")
    assert open_dataset(tmp_path / "b").notes == ("1 left out (no WordNet number in its name): holiday.jpg.",)


@pytest.mark.parametrize(
    ("layout", "files", "found_names"),
    [
        ("lol-v1", ["our485/low/2.png", "our485/high/2.png", "eval15/low/1.png", "eval15/high/1.png"],
         ["eval15/low/1"]),
        ("lol-v2", ["Real_captured/Test/Low/low00690.png", "Real_captured/Test/Normal/normal00690.png",
                    "Synthetic/Test/Low/r1a.png", "Synthetic/Test/Normal/r1a.png"],
         ["Real_captured/Test/Low/low00690", "Synthetic/Test/Low/r1a"]),
        ("basicsr", ["Train/input/1.png", "Train/target/1.png", "Test/input/7.png", "Test/target/7.png"],
         ["Test/input/7"]),
        ("lsrw", ["Huawei/low/2001.jpg", "Huawei/high/2001.jpg", "Nikon/low/1.jpg", "Nikon/high/1.jpg"],
         ["Huawei/low/2001", "Nikon/low/1"]),
        ("lsrw", ["Eval/Nikon/low/1.jpg", "Eval/Nikon/high/1.jpg", "Training data/Nikon/low/2.jpg",
                  "Training data/Nikon/high/2.jpg"], ["Eval/Nikon/low/1"]),
        ("pairs", ["low/a_low.png", "high/a_high.jpg", "low/yellow1.png", "high/yellow1.png"],
         ["low/a_low", "low/yellow1"]),
    ],
)  # fmt: skip
def test_pairs(tmp_path, put_pictures, layout, files, found_names):
    put_pictures(tmp_path, *files)
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == (layout, found_names)
    assert all(sample.reference is not None for sample in found.samples)
    if layout == "lol-v2":
        assert [dict(sample.attributes) for sample in found.samples] == [
            {"subset": "Real_captured"},
            {"subset": "Synthetic"},
        ]


def test_a_missing_partner_two_of_them_and_another_size_are_named(tmp_path, put_pictures):
    put_pictures(
        tmp_path, "low/1.png", "high/1.png", "low/2.png", "low/3_low.png", "high/3_high.png", "high/3-normal.png"
    )
    put_pictures(tmp_path, "low/4.png")
    put_pictures(tmp_path, "high/4.png", size=(6, 8))
    found = open_dataset(tmp_path)
    assert names(found) == ["low/1"]
    assert found.notes == (
        "1 left out (no partner in high): 2.png.",
        "1 left out (several partners in high): 3_low.png.",
        "1 left out (a partner of another size): 4.png (12 x 8 against 6 x 8 pixels).",
    )
    with pytest.raises(InputError, match=r"2\.png: no partner in high"):
        open_dataset(tmp_path, strict=True)


def test_references_from_a_folder(tmp_path, put_pictures):
    put_pictures(tmp_path, "in/1.png", "in/2_low.png", "in/3.png", "ref/1.jpg", "ref/2_normal.jpg")
    found = open_dataset(tmp_path / "in", reference_dir=tmp_path / "ref")
    assert [sample.reference.path.name for sample in found.samples] == ["1.jpg", "2_normal.jpg"]
    assert found.notes == ("1 left out (no partner in ref): 3.png.",)
    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match="no pictures; references expected"):
        open_dataset(tmp_path / "in", reference_dir=tmp_path / "none")


@pytest.mark.parametrize("prefix", ["", "Dataset_Part1/"])
def test_sice(tmp_path, put_pictures, prefix):
    scenes = [f"{prefix}{scene}/{number}.JPG" for scene in ("001", "002") for number in (1, 2, 10)]
    put_pictures(tmp_path, *scenes, f"{prefix}Label/001.JPG")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("sice", [f"{prefix}001"])
    assert found.samples[0].source.path.name == "1.JPG"
    assert found.notes[-1] == f"1 left out (no picture in Label): {prefix}002."


def test_a_tree_of_pictures_and_one_picture(tmp_path, put_pictures):
    put_pictures(tmp_path, "a/1.png", "a/1.jpg", "a/deep/2.png", ".hidden/3.png")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("flat", ["a/1.jpg", "a/1.png", "a/deep/2"])
    assert found.samples[2].attributes == {"folder": "a/deep"}
    assert names(open_dataset(tmp_path / "a/1.png")) == ["1"]


def test_a_limit_takes_pictures_evenly(tmp_path, put_pictures):
    put_pictures(tmp_path, *[f"{letter}/{number}.png" for letter in "ab" for number in range(4)])
    found = open_dataset(tmp_path, limit=2)
    assert [sample.label for sample in found.samples] == [0, 1]
    assert found.notes[-1] == "2 of 8 pictures were taken, evenly spaced in the order of their names."


def test_an_unknown_layout_says_what_was_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="no known layout") as caught:
        open_dataset(tmp_path)
    assert all(f"{layout.name}: {layout.expects}" in str(caught.value) for layout in LAYOUTS)
    with pytest.raises(UsageError, match="layout 'exdrak'; auto, exdark") as wrong:
        open_dataset(tmp_path, "exdrak")
    assert "exdark" in wrong.value.hint
    with pytest.raises(InputError, match="no such file or folder"):
        open_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("layout", [layout.name for layout in LAYOUTS])
def test_a_layout_named_for_an_empty_folder_ends_in_one_line(tmp_path, layout):
    (tmp_path / "empty").mkdir()
    with pytest.raises((InputError, UsageError)) as caught:
        open_dataset(tmp_path / "empty", layout)
    assert "\n" not in str(caught.value)


def test_the_real_stacks_are_pairs_of_one_scene(real_data):
    found = open_dataset(real_data / "sice-stacks")
    assert found.layout == "stacks"
    assert len(found.samples) == 34
    for sample in found.samples[::8]:
        dark, bright = sample.source.read(), sample.reference.read()
        assert dark.shape == bright.shape == (512, 512, 3)
        assert dark.mean() < 0.26 < bright.mean()


def test_the_real_photographs_are_a_tree(real_data):
    found = open_dataset(real_data / "photos")
    assert (found.layout, len(found.samples)) == ("flat", 59)
    assert {sample.attributes["folder"] for sample in found.samples} == {
        "dicm", "lime", "sci/difficult", "sci/easy", "sci/finetune", "sci/medium"
    }  # fmt: skip
