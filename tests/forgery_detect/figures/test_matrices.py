"""Tables of AUC as pictures."""

from __future__ import annotations

import math

import numpy as np

from vision_cli.forgery_detect.figures.matrices import MatrixPanel, draw_matrices


def panel(title, values, low=None, columns=None):
    values = np.asarray(values, float)
    unknown = np.full_like(values, math.nan)
    lows = unknown if low is None else np.asarray(low, float)
    names = columns or tuple(f"c{n}" for n in range(values.shape[1]))
    return MatrixPanel(title, "trained on", "tested on", ("a", "b"), names, values, lows, lows + 0.2)


def test_cells_show_the_area_its_interval_or_that_there_is_none():
    figure = draw_matrices([panel("erm", [[0.9, 0.4], [math.nan, 0.5]], [[0.8, 0.3], [math.nan, math.nan]])])
    (axes,) = figure.axes
    words = [text.get_text() for text in axes.texts]
    assert words == ["0.90", "0.80-1.00", "0.40", "0.30-0.50", "n/a", "0.50"]
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("erm", "tested on", "trained on")
    # 0.5 is the middle of the colours.
    assert axes.images[0].get_clim() == (0, 1)


def test_panels_fill_rows_of_three_and_long_names_are_cut():
    long = "a generator of a very long name"
    figure = draw_matrices([panel(f"m{n}", np.eye(2), columns=("b", long)) for n in range(4)])
    assert [axes.axison for axes in figure.axes] == [True] * 4 + [False] * 2
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["b", "a generator of a very…"]
