from __future__ import annotations

import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.data.sources import FileSource
from vision_cli.enhance_eval.pipeline.tasks.predictions import ReadyDetections, detections_document
from vision_cli.enhance_eval.values import Detections, Sample

CLASSES = ("Cat", "People")


@pytest.fixture
def samples(tmp_path):
    return [Sample(name, FileSource(tmp_path / name)) for name in ("Cat/2015_1", "Cat/2015_2", "Dog/2015_2")]


def put(folder, name, document):
    (folder / name).write_text(json.dumps(document))


def test_what_is_written_is_read_back(tmp_path, samples):
    found = [
        Detections(np.float32([[1, 2, 3, 5], [0, 0, 9, 9]]), np.float32([0.9, 0.25]), np.array([1, 0])),
        Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64)),
        Detections(np.float32([[4, 4, 6, 6]]), np.float32([0.5]), np.array([0])),
    ]
    document = detections_document([sample.name for sample in samples], found, CLASSES)
    put(tmp_path, "det__builtin__ev-4__gamma.json", document)
    read, dropped = ReadyDetections(tmp_path, CLASSES).read("ev-4", "gamma", samples)
    assert dropped == 0
    for ours, theirs in zip(read, found, strict=True):
        np.testing.assert_allclose(ours.corners, theirs.corners)
        np.testing.assert_allclose(ours.scores, theirs.scores)
        assert ours.labels.tolist() == theirs.labels.tolist()


def test_a_list_of_results_by_names(tmp_path, samples):
    rows = [
        {"image_id": "2015_1.png", "category_id": "person", "bbox": [1, 2, 3, 4], "score": 0.3},
        {"image_id": "Cat/2015_2", "category_id": "zebra", "bbox": [1, 2, 3, 4], "score": 0.3},
        {"image_id": "elsewhere", "category_id": "cat", "bbox": [1, 2, 3, 4], "score": 0.3},
        {"image_id": "2015_2", "category_id": "cat", "bbox": [1, 2, 3, 4], "score": 0.3},
    ]
    put(tmp_path, "gamma.json", rows)
    read, dropped = ReadyDetections(tmp_path, CLASSES).read("as-is", "gamma", samples)
    assert dropped == 1
    # 2015_2 is two pictures, and stands for neither.
    assert [len(boxes.scores) for boxes in read] == [1, 0, 0]
    np.testing.assert_array_equal(read[0].corners, [[1, 2, 4, 6]])
    assert read[0].labels.tolist() == [1]


def test_a_list_of_results_by_numbers_needs_what_explains_them(tmp_path, samples):
    rows = [{"image_id": 4, "category_id": 17, "bbox": [0, 0, 2, 2], "score": 0.5}]
    put(tmp_path, "as-is__gamma.json", rows)
    with pytest.raises(InputError, match="result 0: KeyError: 4; image_id, category_id, bbox and score expected"):
        ReadyDetections(tmp_path, CLASSES).read("as-is", "gamma", samples)
    explained = {
        "images": [{"id": 4, "file_name": "Cat/2015_1.jpg"}],
        "categories": [{"id": 17, "name": "cat"}],
        "annotations": [],
    }
    (tmp_path / "truth").mkdir()
    put(tmp_path, "truth/instances.json", explained)
    ready = ReadyDetections(tmp_path, CLASSES, tmp_path / "truth" / "instances.json")
    read, _ = ready.read("as-is", "gamma", samples)
    assert read[0].labels.tolist() == [0]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("text", "neither a document nor a list"),
        ([{"image_id": "a"}], "KeyError"),
        ([3], "TypeError"),
        ([{"image_id": "a", "category_id": "cat", "bbox": [0, 0, 1], "score": 1}], "ValueError"),
        ({"images": [], "categories": [], "annotations": []}, "lacks 3 pictures, such as Cat/2015_1"),
    ],
)
def test_damaged_files_are_refused(tmp_path, samples, document, reason):
    put(tmp_path, "as-is__gamma.json", document)
    with pytest.raises(InputError, match=reason):
        ReadyDetections(tmp_path, CLASSES).read("as-is", "gamma", samples)


def test_a_missing_file_is_named(tmp_path):
    put(tmp_path, "as-is__gamma.json", [])
    with pytest.raises(InputError, match=r"0 files .* for lime on ev-2 .as-is__gamma\.json.; ev-2__lime"):
        ReadyDetections(tmp_path, CLASSES).path("ev-2", "lime")
