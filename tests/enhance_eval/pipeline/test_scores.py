from __future__ import annotations

import json

import numpy as np
import pytest

from vision_cli.core.errors import InputError
from vision_cli.enhance_eval.pipeline.scores import Cell, Decision, SampleScores, read_scores, scores_document
from vision_cli.enhance_eval.values import Boxes, Detections

SCORES = SampleScores(
    "day/one",
    {"light": "Low"},
    {"ev-4": 12.3456},
    {"ev-4": float("nan")},
    Boxes(np.float32([[1, 2, 30, 40]]), np.array([3]), np.array([False]), None, np.array([99.5])),
    [
        Cell(
            "ev-4",
            "none",
            {"psnr": 12.5, "loe": None},
            Detections(np.float32([[1, 2, 29, 41]]), np.float32([0.75]), np.array([3])),
            [Decision(3, 3, 0.5), Decision(1, 2, -0.25)],
            milliseconds=4.0,
        ),
        Cell("ev-4", "lime", error="returned 3 values of NaN"),
    ],
)


def test_scores_come_back_from_their_file(tmp_path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(scores_document(SCORES), allow_nan=False))
    back = read_scores(path)
    assert (back.name, back.attributes, back.luma, back.noise) == (
        "day/one",
        {"light": "Low"},
        {"ev-4": 12.346},
        {"ev-4": None},
    )
    assert back.boxes is not None
    np.testing.assert_array_equal(back.boxes.corners, SCORES.boxes.corners)
    np.testing.assert_array_equal(back.boxes.areas, [99.5])
    good, failed = back.cells
    assert good.measures == {"psnr": 12.5, "loe": None}
    np.testing.assert_array_equal(good.detections.corners, SCORES.cells[0].detections.corners)
    assert good.decisions == [Decision(3, 3, 0.5), Decision(1, 2, -0.25)]
    assert [one.is_right for one in good.decisions] == [True, False]
    assert failed.error == "returned 3 values of NaN"
    assert back.failed == [failed]


def test_the_time_of_a_method_is_not_in_the_file():
    assert "milliseconds" not in json.dumps(scores_document(SCORES))


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": 99}'])
def test_other_files_are_no_scores(tmp_path, content):
    path = tmp_path / "one.json"
    path.write_text(content)
    with pytest.raises(InputError, match="scores of"):
        read_scores(path)
