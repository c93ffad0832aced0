"""Figures have the size asked for, and only the axes that carry numbers."""

from __future__ import annotations

from vision_cli.figures.charts import new_chart, new_figure, new_sheet
from vision_cli.figures.style import CHART, DARK


def test_figures_have_the_size_and_the_ground_asked_for():
    for figure, ground in ((new_figure(4, 3), CHART.ground), (new_sheet(4, 3, DARK), DARK.ground)):
        assert tuple(figure.get_size_inches()) == (4, 3)
        assert figure.patch.get_facecolor() == ((1, 1, 1, 1) if ground == "white" else (0, 0, 0, 1))


def test_a_chart_draws_the_two_axes_that_carry_numbers():
    _, axes = new_chart(4, 3)
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]
