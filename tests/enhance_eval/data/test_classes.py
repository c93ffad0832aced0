from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.data.classes import COCO, EXDARK, VOC, map_classes
from vision_cli.enhance_eval.values import Detections


def test_exdark_is_covered_by_coco_and_the_rest_is_dropped_and_counted():
    found = map_classes(COCO, EXDARK)
    assert (len(COCO), len(found.unknown), found.uncovered) == (80, 68, ())
    names = {COCO[place]: EXDARK[target] for place, target in enumerate(found.positions) if target >= 0}
    assert names["motorcycle"] == "Motorbike"
    assert names["person"] == "People"
    assert names["dining table"] == "Table"
    assert all(names[name.lower()] == name for name in EXDARK if name not in {"Motorbike", "People", "Table"})
    labels = np.array([COCO.index(name) for name in ("person", "zebra", "cup")])
    boxes = Detections(np.arange(12, dtype=np.float32).reshape(3, 4), np.float32([0.9, 0.8, 0.7]), labels)
    kept, dropped = found.apply(boxes)
    assert dropped == 1
    assert [EXDARK[label] for label in kept.labels] == ["People", "Cup"]
    np.testing.assert_array_equal(kept.scores, np.float32([0.9, 0.7]))


def test_names_of_voc_map_to_coco_and_back():
    assert map_classes(COCO, VOC).uncovered == ()
    assert map_classes(VOC, COCO).unknown == ()
    assert map_classes(["unicorn"], VOC).unknown == ("unicorn",)
