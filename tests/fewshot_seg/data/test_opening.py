"""Layouts of data sets, on small trees and on the real ones."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError, UsageError
from vision_cli.fewshot_seg.data.layouts.coco import fold_classes
from vision_cli.fewshot_seg.data.opening import LAYOUTS, UNLABELLED, open_dataset, open_unlabelled
from vision_cli.io.pictures.rle import compress_counts, mask_counts

MAP = np.zeros((10, 12), dtype=np.uint8)
MAP[2:6, 3:8] = 1
MAP[8:, :4] = 5
MAP[0] = 255


def names(found):
    return {name: [pair.name for pair in pairs] for name, pairs in found.classes.items()}


def first(found):
    """Read the first pair of the first class."""
    return next(iter(found.classes.values()))[0].read()


def put_map(put, picture, values, mask):
    put(picture, np.zeros((*values.shape[:2], 3), dtype=np.uint8))
    put(mask, values)


def test_fss_1000_in_the_order_of_numbers_and_by_its_lists(tmp_path, put_pair):
    for name in ("apple", "bus"):
        for number in range(1, 11):
            put_pair(tmp_path / name / f"{number}.jpg", tmp_path / name / f"{number}.png")
    found = open_dataset(tmp_path)
    assert found.layout == "fss1000"
    assert names(found)["apple"] == [f"apple/{number}" for number in range(1, 11)]
    assert first(found).mask.sum() == 20
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "test.txt").write_text("bus\n")
    (tmp_path / "splits" / "train.txt").write_text("apple\n")
    assert list(open_dataset(tmp_path).classes) == ["bus"]
    assert list(open_dataset(tmp_path, split="all").classes) == ["apple", "bus"]


def test_isic_by_subfolder_and_by_table(tmp_path, put_pair):
    pictures = tmp_path / "ISIC2018_Task1-2_Training_Input"
    masks = tmp_path / "ISIC2018_Task1_Training_GroundTruth"
    for name, sub in (("ISIC_1", "1"), ("ISIC_2", "2"), ("ISIC_3", "2")):
        put_pair(pictures / sub / f"{name}.jpg", masks / f"{name}_segmentation.png")
    assert names(open_dataset(tmp_path)) == {"1": ["ISIC_1"], "2": ["ISIC_2", "ISIC_3"]}
    (tmp_path / "class_id.csv").write_text("ID,Class\nISIC_1,9\nISIC_2,8\nISIC_3,8\n")
    assert names(open_dataset(tmp_path)) == {"8": ["ISIC_2", "ISIC_3"], "9": ["ISIC_1"]}


def test_isic_without_classes_says_so(tmp_path, put_pair):
    place = tmp_path / "ISIC2018_Task1-2_Test_Input" / "ISIC_1.jpg"
    put_pair(place, tmp_path / "ISIC2018_Task1_Test_GroundTruth" / "ISIC_1_segmentation.png")
    found = open_dataset(tmp_path)
    assert names(found) == {"lesion": ["ISIC_1"]}
    assert "all lesions are one class" in " ".join(found.notes)


def test_chest_x_rays_with_both_names_of_masks(tmp_path, put, put_pair):
    put_pair(tmp_path / "CXR_png" / "CHNCXR_0001_0.png", tmp_path / "masks" / "CHNCXR_0001_0_mask.png")
    put_pair(tmp_path / "CXR_png" / "MCUCXR_0001_0.png", tmp_path / "masks" / "MCUCXR_0001_0.png")
    put(tmp_path / "CXR_png" / "CHNCXR_0002_0.png", np.zeros((4, 4), dtype=np.uint8))
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("lung", {"lungs": ["CHNCXR_0001_0", "MCUCXR_0001_0"]})
    assert "1 left out (no mask in masks): CHNCXR_0002_0.png" in " ".join(found.notes)


def test_deepglobe_as_published_black_is_unknown(tmp_path, put):
    colours = np.zeros((6, 8, 3), dtype=np.uint8)
    colours[2:, :3], colours[2:, 3:] = (0, 255, 255), (255, 255, 255)
    put_map(put, tmp_path / "train" / "7_sat.jpg", colours, tmp_path / "train" / "7_mask.png")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("deepglobe", {"urban": ["7"], "barren": ["7"]})
    support = found.classes["urban"][0].read()
    np.testing.assert_array_equal(support.mask, (colours == (0, 255, 255)).all(axis=2))
    np.testing.assert_array_equal(support.ignored, (colours == 0).all(axis=2))


def test_deepglobe_in_tiles(tmp_path, put_pair):
    put_pair(tmp_path / "4" / "test" / "origin" / "a.jpg", tmp_path / "4" / "test" / "groundtruth" / "a.png")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("deepglobe-patnet", {"forest": ["4/a"]})
    assert first(found).mask.sum() == 20


def test_suim_by_folder_leaves_empty_masks_out(tmp_path, put, put_pair):
    put_pair(tmp_path / "images" / "a.jpg", tmp_path / "masks" / "FV" / "a.bmp")
    put(tmp_path / "masks" / "RO" / "a.bmp", np.zeros((10, 12), dtype=np.uint8))
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("suim", {"FV": ["a"]})


def test_suim_by_colours(tmp_path, put):
    colours = np.zeros((6, 8, 3), dtype=np.uint8)
    colours[2:, :3], colours[2:, 3:] = (255, 0, 255), (0, 0, 255)
    put_map(put, tmp_path / "images" / "a.jpg", colours, tmp_path / "masks" / "a.bmp")
    found = open_dataset(tmp_path, "suim")
    assert set(found.classes) == {"RI", "HD"}
    support = found.classes["HD"][0].read()
    np.testing.assert_array_equal(support.mask, (colours == (0, 0, 255)).all(axis=2))
    assert support.ignored is None


def test_pascal_prefers_the_maps_of_sbd_and_reads_lists(tmp_path, put):
    root = tmp_path / "VOCdevkit" / "VOC2012"
    for name in ("a", "b"):
        put_map(put, root / "JPEGImages" / f"{name}.jpg", MAP, root / "SegmentationClassAug" / f"{name}.png")
    (root / "SegmentationClass").mkdir()
    lists = root / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "val.txt").write_text("b\nmissing\n")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("pascal", {"aeroplane": ["b"], "bottle": ["b"]})
    assert "missing" in " ".join(found.notes)
    support = found.classes["bottle"][0].read()
    np.testing.assert_array_equal(support.mask, MAP == 5)
    np.testing.assert_array_equal(support.ignored, MAP == 255)


def test_camvid_has_eleven_classes_and_eleven_is_unknown(tmp_path, put):
    values = np.where(MAP == 255, 11, MAP).astype(np.uint8)
    for part in ("train", "val"):
        put_map(put, tmp_path / part / "a.png", values, tmp_path / f"{part}annot" / "a.png")
    found = open_dataset(tmp_path)
    assert names(found) == {"sky": ["val/a"], "building": ["val/a"], "tree": ["val/a"]}
    np.testing.assert_array_equal(found.classes["tree"][0].read().ignored, values == 11)
    assert names(open_dataset(tmp_path, split="all"))["sky"] == ["train/a", "val/a"]
    with pytest.raises(UsageError, match="no part 'test'"):
        open_dataset(tmp_path, split="test")


def test_perseg_and_the_generic_form_by_class(tmp_path, put_pair):
    put_pair(tmp_path / "p" / "Images" / "cat" / "00.jpg", tmp_path / "p" / "Annotations" / "cat" / "00.png", level=128)
    found = open_dataset(tmp_path / "p")
    assert (found.layout, names(found)) == ("perseg", {"cat": ["cat/00"]})
    assert first(found).mask.sum() == 20
    put_pair(tmp_path / "g" / "images" / "dog" / "x.jpg", tmp_path / "g" / "masks" / "dog" / "x.png")
    found = open_dataset(tmp_path / "g")
    assert (found.layout, names(found)) == ("folder", {"dog": ["dog/x"]})


def test_two_flat_folders_are_one_class_and_membranes_are_inverted(tmp_path, put_pair):
    put_pair(tmp_path / "cells" / "image" / "2.png", tmp_path / "cells" / "label" / "2.png")
    put_pair(tmp_path / "cells" / "image" / "10.png", tmp_path / "cells" / "label" / "10.png")
    assert names(open_dataset(tmp_path / "cells")) == {"cells": ["2", "10"]}
    found = open_dataset(tmp_path / "cells", "em-membrane")
    assert first(found).mask.sum() == 100


def test_maps_of_class_numbers(tmp_path, put):
    put_map(put, tmp_path / "images" / "a.jpg", MAP, tmp_path / "masks" / "a.png")
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("index", {"1": ["a"], "5": ["a"]})
    np.testing.assert_array_equal(found.classes["5"][0].read().mask, MAP == 5)


def test_masks_beside_pictures(tmp_path, put, put_pair):
    put_pair(tmp_path / "flat" / "cat_00.jpg", tmp_path / "flat" / "cat_00.png")
    put_pair(tmp_path / "flat" / "7.jpg", tmp_path / "flat" / "7_mask.png")
    put(tmp_path / "flat" / "alone.jpg", np.zeros((4, 4), dtype=np.uint8))
    found = open_dataset(tmp_path / "flat")
    assert (found.layout, names(found)) == ("side-by-side", {"cat": ["cat_00"], "flat": ["7"]})
    assert "alone.jpg" in " ".join(found.notes)
    put_pair(tmp_path / "t" / "MT_A" / "Imgs" / "e_1.jpg", tmp_path / "t" / "MT_A" / "Imgs" / "e_1.png")
    assert names(open_dataset(tmp_path / "t")) == {"MT_A": ["MT_A/Imgs/e_1"]}


def coco_document(mask, **options):
    size = list(mask.shape)
    polygon = [[3, 2, 8, 2, 8, 6, 3, 6]]
    text = {"size": size, "counts": compress_counts(mask_counts(mask))}
    plain = {"size": size, "counts": mask_counts(mask).tolist()}
    return {
        "images": [{"id": 5, "file_name": "a.jpg", "height": size[0], "width": size[1]}],
        "categories": [{"id": 3, "name": "dog"}, {"id": 1, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 5, "category_id": 1, "segmentation": polygon},
            {"id": 2, "image_id": 5, "category_id": 1, "segmentation": text},
            {"id": 3, "image_id": 5, "category_id": 3, "segmentation": plain},
            {"id": 4, "image_id": 5, "category_id": 3, "segmentation": {**plain, **options}, "iscrowd": 1},
        ],
    }


def test_coco_joins_the_objects_of_a_category_and_crowds_are_unknown(tmp_path, put):
    mask = np.zeros((10, 12), dtype=bool)
    mask[7:9, 1:4] = True
    put(tmp_path / "val2014" / "a.jpg", np.zeros((10, 12, 3), dtype=np.uint8))
    (tmp_path / "annotations").mkdir()
    crowd = mask_counts(~mask).tolist()
    document = coco_document(mask, counts=crowd)
    (tmp_path / "annotations" / "instances_val2014.json").write_text(json.dumps(document))
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("coco", {"cat": ["val2014/a.jpg"], "dog": ["val2014/a.jpg"]})
    expected = mask.copy()
    expected[2:6, 3:8] = True
    np.testing.assert_array_equal(found.classes["cat"][0].read().mask, expected)
    dog = found.classes["dog"][0].read()
    np.testing.assert_array_equal(dog.mask, mask)
    np.testing.assert_array_equal(dog.ignored, ~mask)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"counts": [1, 2]}, "damaged segmentation"),
        ({"counts": "\x01"}, "damaged segmentation"),
        ({"size": [1, 1]}, "damaged segmentation"),
        ({"counts": None}, "not a COCO file of segmentations"),
        ({"size": "ab"}, "not a COCO file of segmentations"),
    ],
)
def test_damaged_segmentations_are_input_errors(tmp_path, put, change, error):
    put(tmp_path / "a.jpg", np.zeros((10, 12, 3), dtype=np.uint8))
    (tmp_path / "x.json").write_text(json.dumps(coco_document(np.zeros((10, 12), dtype=bool), **change)))
    with pytest.raises(InputError, match=error):
        open_dataset(tmp_path).classes["dog"][0].read()


@pytest.mark.parametrize("name", ["../a.jpg", "/etc/passwd", ""])
def test_names_that_lead_out_of_the_folder_are_left_out(tmp_path, put, name):
    put(tmp_path / "b.jpg", np.zeros((10, 12, 3), dtype=np.uint8))
    document = coco_document(np.zeros((10, 12), dtype=bool))
    document["images"][0]["file_name"] = name
    document["images"].append({"id": 6, "file_name": "b.jpg", "height": 10, "width": 12})
    (tmp_path / "x.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match="nothing of the layout coco can be used"):
        open_dataset(tmp_path)


def test_labelme_by_label(tmp_path, put):
    put(tmp_path / "a.jpg", np.zeros((10, 12, 3), dtype=np.uint8))
    shapes = [
        {"label": "cat", "points": [[3, 2], [8, 2], [8, 6], [3, 6]], "shape_type": "polygon"},
        {"label": "ball", "points": [[6, 5], [6, 8]], "shape_type": "circle"},
        {"label": "cat", "points": [[1, 1]], "shape_type": "point"},
    ]
    document = {"imageHeight": 10, "imageWidth": 12, "imagePath": "C:\\x\\a.jpg", "shapes": shapes}
    (tmp_path / "a.json").write_text(json.dumps(document))
    found = open_dataset(tmp_path)
    assert (found.layout, names(found)) == ("labelme", {"ball": ["a"], "cat": ["a"]})
    assert found.classes["cat"][0].read().mask.sum() == 20
    assert found.classes["ball"][0].read().mask.sum() == pytest.approx(np.pi * 9, rel=0.15)
    document["shapes"][0]["points"] = [[1, 2]]
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(InputError, match=r"a\.json: not a file of LabelMe .*a polygon of 1 points"):
        open_dataset(tmp_path)


def test_folds_of_coco_take_every_fourth_class():
    words = [str(number) for number in range(80)]
    assert fold_classes(words, 1)[:3] == ("1", "5", "9")
    assert sorted(sum((fold_classes(words, fold) for fold in range(4)), ())) == sorted(words)
    with pytest.raises(ValueError, match="fold 4; 0 to 3 expected"):
        fold_classes(words, 4)


def test_classes_are_chosen_and_unknown_ones_refused(tmp_path, put_pair):
    for name in ("cat", "dog"):
        put_pair(tmp_path / "images" / name / "x.jpg", tmp_path / "masks" / name / "x.png")
    assert list(open_dataset(tmp_path, classes=["dog"]).classes) == ["dog"]
    with pytest.raises(UsageError, match="class 'dogs'; cat, dog expected"):
        open_dataset(tmp_path, classes=["dogs"])
    with pytest.raises(InputError, match="picture 'y' of class 'cat'"):
        open_dataset(tmp_path).pair("cat", "y")


def test_what_is_no_data_set_says_what_was_looked_for(tmp_path):
    with pytest.raises(InputError, match="no known layout of a data set") as caught:
        open_dataset(tmp_path)
    assert all(layout.name in caught.value.message for layout in LAYOUTS)
    with pytest.raises(InputError, match="no such file or folder"):
        open_dataset(tmp_path / "none")
    with pytest.raises(UsageError, match="layout 'fsss'"):
        open_dataset(tmp_path, "fsss")
    for layout in LAYOUTS:
        with pytest.raises(InputError):
            open_dataset(tmp_path, layout.name)


def test_strict_reading_refuses_a_missing_mask(tmp_path, put, put_pair):
    put_pair(tmp_path / "images" / "x.jpg", tmp_path / "masks" / "x.png")
    put(tmp_path / "images" / "y.jpg", np.zeros((4, 4, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"y\.jpg: no mask in masks"):
        open_dataset(tmp_path, strict=True)


def test_unlabelled_pictures_have_empty_masks(tmp_path, put):
    put(tmp_path / "a" / "x.jpg", np.zeros((4, 6, 3), dtype=np.uint8))
    found = open_unlabelled(tmp_path)
    assert names(found) == {UNLABELLED: ["a/x"]}
    support = first(found)
    assert support.is_negative
    assert support.mask.shape == (4, 6)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no pictures"):
        open_unlabelled(tmp_path / "empty")


@pytest.mark.parametrize(
    ("folder", "layout", "expected"),
    [
        ("fss1000", "folder", {"apple": 10}),
        ("perseg", "side-by-side", {"cat": 3}),
        ("suim", "suim", {"HD": 6, "WR": 2, "RO": 2, "RI": 7, "FV": 4}),
        ("magnetic-tile", "side-by-side", {"MT_Blowhole": 30, "MT_Break": 30, "MT_Uneven": 30}),
        ("em-membrane", "folder", {"em-membrane": 15}),
        ("camvid", "camvid", {"sky": 6, "road": 6, "car": 6}),
    ],
)
def test_real_data_sets_are_recognised_and_read(real_data, folder, layout, expected):
    found = open_dataset(real_data / folder)
    assert found.layout == layout
    assert {name: len(found.classes[name]) for name in expected} == expected
    support = next(iter(found.classes.values()))[-1].read()
    assert 0 < support.mask.mean() < 1
    assert support.picture.shape[:2] == support.mask.shape


def test_the_training_part_is_read_for_training(tmp_path, put):
    for part in ("train", "val"):
        for folder, values in ((part, np.zeros((8, 8, 3), np.uint8)), (f"{part}annot", np.eye(8, dtype=np.uint8))):
            put(tmp_path / folder / f"{part}.png", values)
    names = [
        {pair.name for pairs in open_dataset(tmp_path, for_training=wanted).classes.values() for pair in pairs}
        for wanted in (True, False)
    ]
    assert names == [{"train/train"}, {"val/val"}]
