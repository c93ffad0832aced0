"""The background is what is never near a face or below it."""

from __future__ import annotations

import numpy as np

from vision_cli.io.videos.videos import Frame
from vision_cli.rppg_adapt.faces.background import Surroundings


def frames(light):
    for k, level in enumerate(light):
        pixels = np.full((120, 160, 3), 50, np.uint8)
        pixels[:, :60] = level
        # A face and a body of other brightness.
        pixels[30:, 70:150] = 200 - level
        yield Frame(k, k / 30, pixels)


def test_the_trace_follows_the_background_and_not_the_face():
    light = (100 + 20 * np.sin(np.arange(60))).astype(np.uint8)
    surroundings = Surroundings()
    for frame in frames(light):
        surroundings.add([frame], [np.array([[80.0, 30.0, 50.0, 50.0]])])
    trace = surroundings.trace()
    assert trace.shape == (60, 3)
    assert np.corrcoef(trace[:, 1], light)[0, 1] > 0.999


def test_a_face_that_fills_the_picture_leaves_no_background():
    surroundings = Surroundings()
    surroundings.add(list(frames([100])), [np.array([[20.0, 10.0, 120.0, 110.0]])])
    assert surroundings.trace() is None


def test_cells_near_any_face_at_any_time_are_left_out():
    surroundings = Surroundings()
    for box in ([0.0, 20, 40, 40], [110.0, 20, 40, 40]):
        surroundings.add(list(frames([100])), [np.array([box])])
    assert surroundings.trace() is not None
    surroundings.add(list(frames([100])), [np.array([[50.0, 0, 60, 60]])])
    assert surroundings.trace() is None
