from __future__ import annotations

import numpy as np

from vision_cli.enhance_eval.figures.sheets import Shown, draw_sheet, missed_boxes
from vision_cli.enhance_eval.values import Boxes

NO_BOXES = np.zeros((0, 4), np.float32)
GREEN, ORANGE, YELLOW = (96, 214, 120), (255, 90, 31), (255, 214, 10)


def shown(**boxes):
    given = {"found": NO_BOXES, "is_right": np.zeros(0, np.bool_), "missed": NO_BOXES, **boxes}
    return Shown(np.full((112, 224, 3), 0.5, np.float32), "lime", "12.0 dB", **given)


def colours(sheet):
    return {tuple(colour) for colour in np.unique(sheet.reshape(-1, 3), axis=0).tolist()}


def test_boxes_have_the_colour_of_what_they_are():
    box = np.float32([[10, 10, 60, 60], [100, 20, 160, 90]])
    sheet = draw_sheet([shown(found=box, is_right=np.array([True, False]), missed=np.float32([[170, 5, 200, 50]]))])
    assert {GREEN, ORANGE, YELLOW} <= colours(sheet)
    assert colours(draw_sheet([shown()])).isdisjoint({GREEN, ORANGE, YELLOW})


def test_pictures_stand_in_rows_of_six_at_their_own_shape():
    one, seven = draw_sheet([shown()]), draw_sheet([shown()] * 7)
    assert one.shape == (112 + 34 + 12, 224 + 12, 3)
    assert seven.shape == (2 * (112 + 34 + 6) + 6, 6 * 230 + 6, 3)


def test_ignored_objects_are_never_missed():
    boxes = Boxes(
        np.float32([[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]]), np.zeros(3, np.int64), np.array([False, True, False])
    )
    np.testing.assert_array_equal(missed_boxes(boxes, np.array([True, False, False])), [[4, 4, 5, 5]])
    assert missed_boxes(None, np.zeros(0, np.bool_)).shape == (0, 4)
