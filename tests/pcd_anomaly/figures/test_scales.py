"""Scales of colours: they turn at the threshold, tell signs, and end where the values do."""

from __future__ import annotations

import numpy as np
import pytest

from vision_cli.pcd_anomaly.figures.scales import deviation_colours, deviation_scale, score_colours, score_scale

GREY = [0.35, 0.35, 0.40]


def test_scores_turn_hot_at_the_threshold():
    colours = score_colours(np.array([0, 0.99, 1.0, 5.0, np.nan]), 1.0, 2.5)
    assert (colours[:2, 2] >= colours[:2, 0]).all()
    assert (colours[2:4, 0] > colours[2:4, 2]).all()
    np.testing.assert_allclose(colours[4], GREY)


def test_deviations_tell_the_sign_and_are_strong_beyond_the_tolerance():
    colours = deviation_colours(np.array([-2, -0.4, 0, 0.4, 2, np.nan]), 0.5, 1.0)
    red, blue = colours[:, 0], colours[:, 2]
    assert blue[0] > red[0]
    assert red[4] > blue[4]
    strength = colours.max(axis=1) - colours.min(axis=1)
    assert strength[0] > strength[1] > strength[2]
    assert strength[4] > strength[3] > strength[2]
    np.testing.assert_allclose(colours[5], GREY)


@pytest.mark.parametrize(("highest", "top"), [(1.6, 1.6), (9.0, 2.5), (0.3, 1.0), (np.nan, 1.0)])
def test_the_scale_of_scores_ends_at_the_highest_or_at_few_thresholds(highest, top):
    assert score_scale(np.array([0.1, highest]), 1.0).top == pytest.approx(top, abs=1e-6)


@pytest.mark.parametrize(
    ("largest", "top", "texts"),
    [
        (-0.8, 0.8, ["-0.8", "-0.5", "0", "+0.5", "+0.8"]),
        (9, 1, ["-1", "-0.5", "0", "+0.5", "+1"]),
        (0.1, 0.525, ["-0.5", "0", "+0.5"]),
    ],
)
def test_the_scale_of_deviations_ends_at_the_largest_or_at_two_tolerances(largest, top, texts):
    scale = deviation_scale(np.array([0.05, largest, np.nan]), 0.5)
    assert (scale.low, scale.top) == pytest.approx((-top, top))
    assert [text for _, text in scale.ticks] == texts
    assert scale.marks == (-0.5, 0.5)
