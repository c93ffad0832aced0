"""Charts of a run: quality against task score with intervals, and a heat map of methods by conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.figures.charts import new_chart, new_figure, quiet
from vision_cli.figures.style import AROUND_GREY, CHART, COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Spread:
    """A value with its confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MethodPoint:
    """A method in the plane of quality and task score.

    Attributes
    ----------
    method
        Its name.
    quality, task
        Means over the pictures.
    is_control
        Drawn apart: it is no method that one could use.
    """

    method: str
    quality: Spread
    task: Spread
    is_control: bool = False


def draw_scatter(points: Sequence[MethodPoint], *, quality: str, task: str, title: str) -> Figure:
    """Return quality against task score, a point a method, bars for the intervals.

    Parameters
    ----------
    points
        The methods of one condition.
    quality, task
        Names and units for the axes.
    title
        Above the chart.
    """
    figure, axes = new_chart(7.2, 4.8)
    for number, point in enumerate(points):
        colour = CHART.faint if point.is_control else COLOURS[number % len(COLOURS)]
        axes.errorbar(
            [point.quality.value],
            [point.task.value],
            xerr=_arms(point.quality),
            yerr=_arms(point.task),
            fmt="s" if point.is_control else "o",
            color=colour,
            ecolor=colour,
            elinewidth=0.9,
            alpha=0.9,
            markersize=6,
        )
        axes.annotate(
            point.method,
            (point.quality.value, point.task.value),
            xytext=(6, 5),
            textcoords="offset points",
            fontsize=8,
            color=CHART.ink,
        )
    axes.set_xlabel(quality, color=CHART.ink)
    axes.set_ylabel(task, color=CHART.ink)
    axes.set_title(title, color=CHART.ink, fontsize=11, loc="left")
    axes.margins(0.12)
    return figure


def draw_heat_map(
    values: NDArray[np.float64],
    methods: Sequence[str],
    conditions: Sequence[str],
    *,
    title: str,
    marks: NDArray[np.str_] | None = None,
) -> Figure:
    """Return differences to ``none`` as colours, methods down, conditions across.

    Parameters
    ----------
    values
        ``(methods, conditions)``; NaN where there is none. Above 0 is better.
    methods, conditions
        Names of rows and columns.
    title
        Above the map.
    marks
        Stars of significance behind the numbers, of the same shape.
    """
    from matplotlib.colors import LinearSegmentedColormap

    figure = new_figure(2.2 + 1.15 * len(conditions), 1.1 + 0.32 * len(methods))
    axes = figure.subplots()
    quiet(axes)
    limit = float(np.nanmax(np.abs(values))) if np.isfinite(values).any() else 1.0
    # Blue is better, as the order of the scale has it; orange is worse.
    colours = LinearSegmentedColormap.from_list("difference", AROUND_GREY[::-1])
    colours.set_bad(CHART.line)
    axes.imshow(values, cmap=colours, vmin=-limit or -1.0, vmax=limit or 1.0, aspect="auto")
    for row, column in np.ndindex(values.shape):
        value = values[row, column]
        text = "n/a" if not np.isfinite(value) else f"{value:+.3f}"
        if marks is not None and np.isfinite(value):
            text += str(marks[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=CHART.ink)
    axes.set_xticks(range(len(conditions)), list(conditions))
    axes.set_yticks(range(len(methods)), list(methods))
    axes.set_title(title, color=CHART.ink, fontsize=11, loc="left")
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _arms(spread: Spread) -> NDArray[np.float64]:
    """Return the lengths of both arms of an error bar, ``(2, 1)``; 0 where an end is no number."""
    arms = np.array([[spread.value - spread.low], [spread.high - spread.value]])
    return np.asarray(np.nan_to_num(np.maximum(arms, 0.0)), np.float64)
