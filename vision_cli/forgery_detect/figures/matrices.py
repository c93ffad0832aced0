"""AUC by what a detector was trained on and tested on, or by data sets, as tables of colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.figures.charts import new_figure, quiet
from vision_cli.figures.style import AROUND_GREY, CHART
from vision_cli.forgery_detect.values import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READ_MATRIX = "Blue is above chance, orange below it; small numbers are 95 % intervals."

_COLUMNS, _MOST = 3, 9
_CELL_WIDTH, _CELL_HEIGHT, _MARGIN_WIDTH, _MARGIN_HEIGHT = 1.0, 0.6, 1.7, 1.5
_LONGEST = 22


@dataclass(frozen=True)
class MatrixPanel:
    """A table of AUC.

    Attributes
    ----------
    title
        Above it.
    rows_are, columns_are
        What rows and columns stand for.
    rows, columns
        Their names.
    values, low, high
        ``(R, C)``; NaN where it is not known.
    """

    title: str
    rows_are: str
    columns_are: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats = field(repr=False)
    low: Floats = field(repr=False)
    high: Floats = field(repr=False)


def draw_matrices(panels: Sequence[MatrixPanel]) -> Figure:
    """Return tables of AUC side by side, the first 9."""
    shown = panels[:_MOST]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    wide = [max(len(one.columns) for one in shown[column::columns]) for column in range(columns)]
    high = [max(len(one.rows) for one in shown[row * columns :][:columns]) for row in range(rows)]
    width = sum(wide) * _CELL_WIDTH + columns * _MARGIN_WIDTH
    figure = new_figure(width, sum(high) * _CELL_HEIGHT + rows * _MARGIN_HEIGHT)
    grid = list(figure.subplots(rows, columns, squeeze=False, width_ratios=wide, height_ratios=high).ravel())
    for axes, panel in zip(grid, shown, strict=False):
        _draw(axes, panel)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    return figure


def _draw(axes: Axes, panel: MatrixPanel) -> None:
    from matplotlib.colors import LinearSegmentedColormap

    colours = LinearSegmentedColormap.from_list("auc", AROUND_GREY[::-1]).with_extremes(bad=CHART.line)
    quiet(axes)
    axes.imshow(panel.values, cmap=colours, vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(panel.values.shape):
        value = panel.values[row, column]
        low, high = panel.low[row, column], panel.high[row, column]
        has_interval = bool(np.isfinite(value) and np.isfinite(low))
        text = f"{value:.2f}" if np.isfinite(value) else "n/a"
        _write(axes, text, (column, row), 5 if has_interval else 0, 10)
        if has_interval:
            _write(axes, f"{low:.2f}-{high:.2f}", (column, row), -9, 7)
    axes.set_xticks(range(len(panel.columns)), [_short(name) for name in panel.columns], rotation=20, ha="right")
    axes.set_yticks(range(len(panel.rows)), [_short(name) for name in panel.rows])
    axes.set_xlabel(panel.columns_are, color=CHART.ink, fontsize=9)
    axes.set_ylabel(panel.rows_are, color=CHART.ink, fontsize=9)
    axes.set_title(panel.title, color=CHART.ink, fontsize=10, loc="left")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)


def _write(axes: Axes, text: str, cell: tuple[int, int], above: int, size: int) -> None:
    """Write text so many points above the middle of a cell."""
    place = {"xytext": (0, above), "textcoords": "offset points"}
    axes.annotate(text, cell, ha="center", va="center", fontsize=size, color=CHART.ink, **place)  # type: ignore[arg-type]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
