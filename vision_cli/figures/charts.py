"""Charts: figures of matplotlib without a window, their axes drawn quietly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vision_cli.figures.style import CHART, Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_DPI = 120


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure, ``width`` x ``height`` inches, that arranges its panels by itself."""
    from matplotlib.figure import Figure as MatplotlibFigure

    return MatplotlibFigure(figsize=(width, height), dpi=_DPI, facecolor=CHART.ground, layout="constrained")


def new_sheet(width: float, height: float, style: Style) -> Figure:
    """Return an empty figure, ``width`` x ``height`` inches, whose panels are placed by whoever draws on it."""
    from matplotlib.figure import Figure as MatplotlibFigure

    return MatplotlibFigure(figsize=(width, height), dpi=_DPI, facecolor=style.ground)


def new_chart(width: float, height: float) -> tuple[Figure, Axes]:
    """Return a figure with one panel for a chart, ``width`` x ``height`` inches."""
    figure = new_figure(width, height)
    axes = figure.subplots()
    quiet(axes)
    return figure, axes


def quiet(axes: Axes) -> None:
    """Draw axes faintly, and only the two that carry numbers."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(CHART.faint)
    axes.tick_params(colors=CHART.faint, labelcolor=CHART.ink, labelsize=9)
