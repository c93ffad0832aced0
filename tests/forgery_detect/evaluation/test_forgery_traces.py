"""Traces of resizes, encodings and overlays in pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vision_cli.forgery_detect.evaluation.traces import (
    PERIODS,
    PLACES,
    QUALITIES,
    border_patterns,
    encoding_traces,
    period_traces,
    window_side,
)
from vision_cli.io.pictures.encodings import through_jpeg
from vision_cli.io.pictures.luma import luma


def photograph(number, side):
    rng = np.random.default_rng(number)
    noise = cv2.GaussianBlur(rng.normal(0, 90, (side, side, 3)), (0, 0), 2) + rng.normal(0, 4, (side, side, 3))
    return np.clip(128 + noise, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(("before", "after", "period"), [(512, 384, (1, 3)), (480, 320, (1, 2)), (320, 400, (1, 5))])
def test_a_resize_by_area_leaves_the_period_of_its_ratio(before, after, period):
    place = PERIODS.index(period)
    interpolation = cv2.INTER_AREA if after < before else cv2.INTER_LINEAR
    resized, plain = [], []
    for number in range(6):
        picture = cv2.resize(photograph(number, before), (after, after), interpolation=interpolation)
        resized.append(period_traces(luma(picture))[place])
        plain.append(period_traces(luma(photograph(number, after)))[place])
    assert min(resized) > max(plain)


def test_blocks_of_jpeg_have_period_eight():
    place = PERIODS.index((1, 8))
    found = [period_traces(luma(through_jpeg(photograph(n, 256), 40)))[place] for n in range(4)]
    assert min(found) > max(period_traces(luma(photograph(n, 256)))[place] for n in range(4))


@pytest.mark.parametrize("quality", [60, 75, 90])
def test_a_former_quality_is_where_encoding_changes_least(quality):
    found = encoding_traces(through_jpeg(photograph(0, 128), quality))
    assert QUALITIES[1:-1][int(found.argmin())] == quality


def test_small_pictures_have_no_traces():
    tiny = photograph(0, 12)
    assert not period_traces(luma(tiny)).any()
    assert not encoding_traces(tiny).any()
    assert window_side(12, 20) == 3


def test_windows_lie_along_the_border_and_hold_squashed_edges():
    grey = np.zeros((90, 130))
    grey[85, 120] = 100
    patterns = border_patterns(grey, 22)
    assert patterns.shape == (8, 2 * 22 * 22)
    assert [place for place, pattern in zip(PLACES, patterns, strict=True) if pattern.any()] == ["bottom right"]
    # An edge of 8 levels counts half as much as any stronger one.
    assert patterns.max() == round(127 * 100 / 108) == -patterns.min()
