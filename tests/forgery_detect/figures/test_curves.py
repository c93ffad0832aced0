"""Charts of an evaluation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from vision_cli.figures.saving import save_figure
from vision_cli.forgery_detect.figures.curves import RocCurve, ScorePanel, draw_calibration, draw_robustness, draw_roc


def curve(name, auc):
    return RocCurve(name, auc, np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.7, 1.0]))


def test_roc_has_a_panel_a_test_set_with_the_area_of_each_curve(tmp_path):
    panels = [("all", [curve("erm", 0.75), curve("mfclip", 0.5)])] + [
        (f"set {n}", [curve("erm", 0.6)]) for n in range(3)
    ]
    figure = draw_roc(panels)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[:4] == ["all", "set 0", "set 1", "set 2"]
    # Two of the six places of the grid are empty.
    assert [axes.axison for axes in figure.axes] == [True] * 4 + [False] * 2
    words = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert words == ["erm  0.75", "mfclip  0.50"]
    drawn = figure.axes[0].lines[1]
    assert np.array_equal(drawn.get_xdata(), [0, 0.2, 1])
    save_figure(figure, tmp_path / "one.png")
    save_figure(draw_roc(panels), tmp_path / "again.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_more_curves_than_colours_are_counted():
    legend = draw_roc([("all", [curve(f"{n}", 0.5) for n in range(12)])]).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()][-1] == "and 3 more"


def test_reliability_is_the_share_of_fakes_among_equal_scores():
    scores = np.repeat([0.15, 0.85], [40, 10])
    labels = np.concatenate([np.repeat([0, 1], [30, 10]), np.repeat([0, 1], [2, 8])]).astype(float)
    figure = draw_calibration([ScorePanel("erm", labels, scores, 0.2, 0.08)])
    above, below = figure.axes
    assert above.get_title(loc="left") == "erm, ECE 0.08"
    points = above.collections[0].get_offsets()
    assert np.asarray(points) == pytest.approx(np.array([[0.15, 0.25], [0.85, 0.8]]))
    assert [text.get_text() for text in below.get_legend().get_texts()] == ["real", "fake"]
    band = below.patches[0]
    assert band.get_x() == pytest.approx(0.3)
    # One class alone has a histogram alone.
    alone = draw_calibration([ScorePanel("erm", np.zeros(5), np.full(5, 0.4), 0.0, 0.4)])
    assert [text.get_text() for text in alone.axes[1].get_legend().get_texts()] == ["real"]


def test_robustness_starts_with_the_pictures_as_they_are():
    lines = [
        ("erm", "jpeg", [90, 60], [0.9, 0.8, 0.3]),
        ("mfclip", "jpeg", [90, 60], [0.8, 0.8, 0.7]),
        ("erm", "resize", [0.5], [0.9, math.nan]),
    ]
    figure = draw_robustness(lines)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["JPEG, quality", "resize, factor"]
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["none", "90", "60"]
    assert figure.axes[0].lines[1].get_ydata().tolist() == [0.9, 0.8, 0.3]
    low, high = figure.axes[0].get_ylim()
    assert (low < 0.3, high > 1) == (True, True)
