"""Coverage of a recording, and the zone that was missed."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.gaze_predict.measures.coverage import cover
from vision_cli.gaze_predict.measures.maps import gaze_map
from vision_cli.gaze_predict.values import ScanPath

SHAPE = (90, 60)


def path_of(points, durations):
    times = np.array(durations, np.float32)
    return ScanPath(np.array(points, np.float32), times, np.cumsum(times) - times)


def test_the_truth_covers_itself():
    path = path_of([(0.2, 0.2), (0.8, 0.7)], [0.3, 0.5])
    truth = gaze_map(path, SHAPE)
    found = cover(truth, truth, path)
    assert found.coverage == 1
    assert found.missed_share == pytest.approx(0)


def test_what_is_not_predicted_is_named_by_the_side_of_the_patient():
    path = path_of([(0.1, 0.9), (0.9, 0.1)], [0.6, 0.2])
    predicted = gaze_map(path_of([(0.9, 0.1)], [1]), SHAPE, 4)
    found = cover(predicted, gaze_map(path, SHAPE, 4), path)
    assert found.coverage == pytest.approx(0.25)
    assert found.missed_zone == "right lower"
    assert found.missed_share == pytest.approx(0.75, abs=0.02)


def test_fixations_of_unknown_duration_count_alike():
    path = path_of([(0.1, 0.9), (0.9, 0.1)], [np.nan, 0.2])
    predicted = gaze_map(path_of([(0.9, 0.1)], [1]), SHAPE, 4)
    assert cover(predicted, gaze_map(path, SHAPE, 4), path).coverage == pytest.approx(0.5)
