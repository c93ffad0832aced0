"""Luma of RGB pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.io.pictures.luma import LUMA, luma, luma32


def test_luma_is_the_grey_of_opencv_before_it_is_rounded():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    # OpenCV works in fixed point, which may round the other way.
    assert luma(pixels) == pytest.approx(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), abs=0.51)


def test_white_keeps_its_value_in_both_precisions():
    white = np.ones((2, 3, 3), np.float32)
    assert sum(LUMA) == pytest.approx(1)
    assert luma(white) == pytest.approx(np.ones((2, 3)))
    assert luma32(white).dtype == np.float32
    assert luma32(white) == pytest.approx(luma(white))
