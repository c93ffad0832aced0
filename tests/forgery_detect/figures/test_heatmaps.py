"""A face beside itself under its heat."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.figures.style import AMBER, rgb
from vision_cli.forgery_detect.figures.heatmaps import draw_heat


@pytest.mark.parametrize("side", [64, 320, 500])
def test_the_face_stands_on_the_left_and_grey_on_the_right_without_heat(side):
    face = np.zeros((side, side, 3), np.uint8)
    face[...] = (30, 60, 90)
    drawn = draw_heat(face, np.zeros((7, 7), np.float32))
    assert (drawn.shape, drawn.dtype) == ((320, 640, 3), np.uint8)
    assert (drawn[:, :320] == (30, 60, 90)).all()
    assert (drawn[:, 320:] == 60).all()


def test_heat_is_where_the_map_says():
    face = np.full((320, 320, 3), 100, np.uint8)
    heat = np.zeros((4, 4), np.float32)
    heat[0, 3] = 1
    right = draw_heat(face, heat)[:, 320:].astype(float)
    away = np.abs(right - 100).sum(axis=2)
    row, column = divmod(int(away.argmax()), 320)
    assert row < 80
    assert column >= 240
    # Nearer to the colour of the heat than the face was.
    assert np.abs(right[40, 280] - rgb(AMBER)).sum() < 0.5 * np.abs(100.0 - np.array(rgb(AMBER))).sum()
    # Cubic interpolation swings a little.
    assert away[160:, :160].max() <= 6
