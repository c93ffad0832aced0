"""Documents for the COCO API, with pycocotools as the reader."""

from __future__ import annotations

import contextlib
import io

import numpy as np
from pycocotools.coco import COCO

from vision_cli.core.runs.files import write_json
from vision_cli.fewshot_seg.runs.coco import CocoPicture, coco_dataset, coco_result, mask_box


def test_pycocotools_loads_dataset_and_results_with_the_same_masks(tmp_path):
    rng = np.random.default_rng(0)
    pictures = [CocoPicture("a.jpg", 20, 31), CocoPicture("b/c.png", 7, 9)]
    masks = [rng.random((picture.height, picture.width)) < 0.3 for picture in pictures]
    truths = [coco_result(number, 1, mask, 1.0) for number, mask in enumerate(masks, 1)]
    results = [coco_result(number, number, ~mask, 0.5) for number, mask in enumerate(masks, 1)]
    write_json(tmp_path / "dataset.json", coco_dataset(pictures, ["cat", "dog"], truths))
    write_json(tmp_path / "predictions.json", results)
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = COCO(tmp_path / "dataset.json")
        loaded = dataset.loadRes(str(tmp_path / "predictions.json"))
    assert [entry["name"] for entry in dataset.loadCats([1, 2])] == ["cat", "dog"]
    for number, mask in enumerate(masks, 1):
        (truth,) = dataset.imgToAnns[number]
        (result,) = loaded.imgToAnns[number]
        np.testing.assert_array_equal(dataset.annToMask(truth).astype(bool), mask)
        np.testing.assert_array_equal(loaded.annToMask(result).astype(bool), ~mask)
        assert results[number - 1]["area"] == np.count_nonzero(~mask)
        assert (result["category_id"], result["score"]) == (number, 0.5)


def test_boxes_hold_the_mask_and_nothing_else():
    mask = np.zeros((20, 30), dtype=bool)
    mask[4:9, 7:8] = mask[6, 20] = True
    assert mask_box(mask) == [7, 4, 14, 5]
    assert mask_box(mask & False) == [0, 0, 0, 0]


def test_an_empty_mask_is_no_result():
    assert coco_result(1, 1, np.zeros((3, 4), dtype=bool), 0.1) is None
