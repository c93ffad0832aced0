"""Rows of faces."""

from __future__ import annotations

import numpy as np

from vision_cli.figures.style import AMBER, rgb
from vision_cli.forgery_detect.figures.face_sheets import SheetFace, draw_sheet


def test_faces_lie_in_rows_and_wrong_ones_are_framed():
    bright, small = np.full((200, 200, 3), 250, np.uint8), np.full((32, 32, 3), 90, np.uint8)
    right, wrong = SheetFace(bright, "0.10  real", False), SheetFace(small, "0.90  real", True)
    sheet = draw_sheet([("most", [right, wrong]), ("least", [wrong])])
    assert sheet.dtype == np.uint8
    assert sheet.shape[1] > 2 * 128
    is_amber = (sheet == rgb(AMBER)).all(axis=2)
    middle = sheet.shape[0] // 2
    # One frame in each row, of the second face of the first one.
    assert is_amber[:middle].any()
    assert is_amber[middle:].any()
    assert not is_amber[:middle, : sheet.shape[1] // 2].any()
    assert (sheet == 250).all(axis=2).sum() == 128 * 128
    assert (sheet == 90).all(axis=2).sum() > 2 * 110 * 110
