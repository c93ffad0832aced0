from __future__ import annotations

import numpy as np
import pytest

from vision_cli.enhance_eval.pipeline.answers import detection_margins, score_answers
from vision_cli.enhance_eval.values import Boxes, Detections


def test_answers_and_margins():
    probabilities = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.5, 0.5, 0.0]])
    found = score_answers(probabilities, np.array([0, 1, 0]))
    assert found.right.tolist() == [True, False, False]
    np.testing.assert_allclose(found.margins, [0.5, -0.1, 0], atol=1e-12)


@pytest.mark.parametrize("labels", [[0], [0, 3], [-1, 0]])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="one a row expected"):
        score_answers(np.ones((2, 3)) / 3, np.array(labels))


def test_margins_of_detections():
    corners = np.float32([[0, 0, 10, 10], [50, 50, 60, 60]])
    truth = Boxes(corners, np.array([0, 1]), np.zeros(2, bool))
    nothing = Boxes(corners[:0], np.zeros(0, np.int64), np.zeros(0, bool))
    found = Detections(corners[:1], np.float32([0.8]), np.array([0]))
    np.testing.assert_allclose(detection_margins([truth, nothing], [found, found]), [0.4, np.nan])
