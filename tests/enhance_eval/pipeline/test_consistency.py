from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.pipeline.consistency import as_truth
from vision_cli.enhance_eval.values import Detections


def test_detections_of_a_reference_become_objects():
    corners = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = as_truth(Detections(corners, np.float32([0.9, 0.5, 0.4]), np.array([3, 1, 2])))
    np.testing.assert_array_equal(found.corners, corners[:2])
    assert found.labels.tolist() == [3, 1]
    assert not found.ignored.any()
