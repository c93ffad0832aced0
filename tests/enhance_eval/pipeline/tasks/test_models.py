from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from vision_cli.core.errors import InputError, MissingError, UsageError
from vision_cli.enhance_eval.data.classes import EXDARK
from vision_cli.enhance_eval.pipeline.tasks.models import MappedDetector, open_classifier, open_detector
from vision_cli.enhance_eval.pipeline.tasks.predictions import ReadyDetections
from vision_cli.enhance_eval.values import Detections

PICTURE = np.zeros((8, 8, 3), np.float32)

MODULE = """
import numpy as np
def find(picture):
    assert picture.shape == (8, 8, 3)
    picture[:] = 7
    return [[0, 0, 4, 4], [1, 1, 2, 2]], [0.2, 0.9], [0, 1]
find.classes = ("zebra", "person")
def broken(picture):
    raise RuntimeError("no luck")
broken.classes = ("person",)
def wrong(picture):
    return [[0, 0, 4, 4]], [0.2, 0.9], [0]
wrong.classes = ("person",)
def name(picture):
    return [0.1, 0.6, 0.3]
name.classes = ("zebra", "motorcycle", "Motorbike")
def nameless(picture):
    return []
"""


@dataclass(frozen=True)
class Own:
    classes: tuple[str, ...] = ("mug",)

    def detect(self, pictures):
        return [Detections(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))] * len(
            pictures
        )

    def classify(self, pictures):
        return np.ones((len(pictures), 1), np.float32)


@pytest.fixture(autouse=True)
def module(tmp_path, monkeypatch):
    (tmp_path / "task_functions.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "task_functions", raising=False)


def detector(text, classes=EXDARK):
    return open_detector(text, builtin=Own, classes=classes)


def test_a_function_detects_with_the_classes_of_the_data_set():
    found = detector("py:task_functions:find")
    assert isinstance(found, MappedDetector)
    ((boxes, dropped),) = found.detect_counted([PICTURE])
    assert dropped == 1
    assert [EXDARK[label] for label in boxes.labels] == ["People"]
    np.testing.assert_array_equal(boxes.corners, [[1, 1, 2, 2]])
    assert (PICTURE == 0).all()
    assert found.notes()[0] == "1 classes of the model are none of the data set and were dropped."
    assert found.notes()[1].startswith("The model does not know Bicycle, Boat,")


def test_a_function_classifies_with_the_classes_of_the_data_set():
    found = open_classifier("py:task_functions:name", builtin=Own, classes=("Cat", "Motorbike"))
    np.testing.assert_allclose(found.classify([PICTURE]), [[0, 0.6]])


@pytest.mark.parametrize(
    ("name", "reason"), [("broken", "it raised RuntimeError: no luck"), ("wrong", "1 boxes, 2 scores")]
)
def test_a_function_that_fails_is_named(name, reason):
    with pytest.raises(InputError, match=f"py:task_functions:{name}: {reason}"):
        detector(f"py:task_functions:{name}").detect([PICTURE])


def test_functions_that_are_not_there_are_named():
    with pytest.raises(MissingError, match="has no attribute 'nothing'"):
        detector("py:task_functions:nothing")
    with pytest.raises(MissingError, match="No module named 'no_such_module'"):
        detector("py:no_such_module:find")
    with pytest.raises(UsageError, match="no names of classes"):
        detector("py:task_functions:nameless")
    with pytest.raises(UsageError, match=r"py:package\.module:function expected"):
        detector("py:task_functions")


def test_the_built_in_ones_are_made_when_asked_for():
    assert isinstance(detector("builtin", ("mug",)), Own)
    assert isinstance(open_classifier("builtin", builtin=Own, classes=("mug",)), Own)
    with pytest.raises(InputError, match=r"builtin: classes mug, \.\.\.; some of Bicycle, Boat"):
        detector("builtin")


def test_ready_detections_have_the_classes_of_the_data_set(tmp_path):
    assert detector(f"preds:{tmp_path}") == ReadyDetections(tmp_path, EXDARK)
    with pytest.raises(InputError, match="no such folder"):
        detector(f"preds:{tmp_path}/none")
    with pytest.raises(UsageError, match="ready predictions are those of detectors"):
        open_classifier(f"preds:{tmp_path}", builtin=Own, classes=EXDARK)
