"""Charts of an evaluation: ROC curves, calibration with the distribution of scores, and robustness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from vision_cli.figures.charts import new_figure, quiet
from vision_cli.figures.style import CHART, COLOURS
from vision_cli.forgery_detect.values import Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

READ_ROC = "Numbers: AUC. Further to the upper left is better; the dotted line is chance."
READ_CALIBRATION = (
    "Above: the share of fakes among faces of a score should lie on the dotted line; larger points stand for more "
    "faces. Below: scores of real and forged ones; grey is the band of doubt."
)
READ_ROBUSTNESS = (
    "A line that falls has lost what it recognised fakes by; the dotted line is chance. Levels at which less than half "
    "of the faces are large enough are left out."
)

_COLUMNS, _MOST_PANELS, _MOST_CURVES, _MOST_CALIBRATED = 3, 6, 9, 4
_BINS = 10
_PANEL = 3.4
_REAL, _FAKE = COLOURS[0], COLOURS[1]


@dataclass(frozen=True)
class RocCurve:
    """A curve of a panel.

    Attributes
    ----------
    name
        For the legend.
    auc
        For the legend.
    false_alarms, caught
        ``(P,)`` rates, from (0, 0) to (1, 1).
    """

    name: str
    auc: float
    false_alarms: Floats = field(repr=False)
    caught: Floats = field(repr=False)


@dataclass(frozen=True)
class ScorePanel:
    """The scores of a detector.

    Attributes
    ----------
    title
        Name of the detector.
    labels
        ``(N,)``, 1 for fake.
    scores
        ``(N,)`` probabilities of being fake.
    band
        Half the width of the band of doubt.
    ece
        Expected calibration error.
    """

    title: str
    labels: Floats = field(repr=False)
    scores: Floats = field(repr=False)
    band: float
    ece: float


def draw_roc(panels: Sequence[tuple[str, Sequence[RocCurve]]]) -> Figure:
    """Return ROC curves, a panel a test set: the first 6 sets, and the first 9 curves of each.

    Parameters
    ----------
    panels
        Titles and curves.
    """
    shown = panels[:_MOST_PANELS]
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    figure = new_figure(_PANEL * columns + 0.4, _PANEL * rows + 0.3)
    grid = _panels(figure, rows, columns)
    for axes in grid[len(shown) :]:
        axes.set_axis_off()
    for number, (axes, (title, curves)) in enumerate(zip(grid, shown, strict=False)):
        axes.plot([0, 1], [0, 1], ":", color=CHART.faint, linewidth=1)
        for place, curve in enumerate(curves[:_MOST_CURVES]):
            axes.plot(
                curve.false_alarms,
                curve.caught,
                color=COLOURS[place % len(COLOURS)],
                linewidth=1.6,
                label=f"{curve.name}  {curve.auc:.2f}",
            )
        more = len(curves) - _MOST_CURVES
        if more > 0:
            axes.plot([], [], " ", label=f"and {more} more")
        axes.set_title(title, color=CHART.ink, fontsize=10, loc="left")
        axes.set_aspect("equal")
        axes.set_xlim(-0.01, 1.01)
        axes.set_ylim(-0.01, 1.01)
        if number // columns == rows - 1 or number + columns >= len(shown):
            axes.set_xlabel("real called fake", color=CHART.ink, fontsize=9)
        if number % columns == 0:
            axes.set_ylabel("fake called fake", color=CHART.ink, fontsize=9)
        legend = axes.legend(fontsize=7.5, loc="lower right", labelcolor=CHART.ink, framealpha=0.85, handlelength=1.4)
        legend.get_frame().set_linewidth(0)
    return figure


def draw_calibration(panels: Sequence[ScorePanel]) -> Figure:
    """Return reliability and distribution of the scores, a column a detector, the first 4."""
    shown = panels[:_MOST_CALIBRATED]
    figure = new_figure(_PANEL * len(shown) + 0.4, 5.0)
    grid = figure.subplots(2, len(shown), sharex=True, squeeze=False, height_ratios=(3, 2))
    for axes in grid.ravel():
        quiet(axes)
    for number, panel in enumerate(shown):
        above, below = grid[0, number], grid[1, number]
        _reliability(above, panel)
        _distribution(below, panel)
        below.set_xlabel("probability of being fake", color=CHART.ink, fontsize=9)
        if number == 0:
            above.set_ylabel("share of fakes", color=CHART.ink, fontsize=9)
            below.set_ylabel("share of its class", color=CHART.ink, fontsize=9)
            below.legend(frameon=False, fontsize=8, labelcolor=CHART.ink)
    return figure


def draw_robustness(lines: Sequence[tuple[str, str, Sequence[float], Sequence[float]]]) -> Figure:
    """Return the AUC by the level of degradations, a panel a degradation.

    Parameters
    ----------
    lines
        Name of the detector, degradation, levels from the weakest on, and the AUC: one more, of the pictures as they
        are, first.
    """
    kinds = list(dict.fromkeys(kind for _, kind, _, _ in lines))
    names = list(dict.fromkeys(name for name, _, _, _ in lines))
    figure = new_figure(_PANEL * len(kinds) + 0.4, 3.2)
    grid = _panels(figure, 1, len(kinds), sharey=True)
    for axes, kind in zip(grid, kinds, strict=True):
        axes.axhline(0.5, linestyle=":", color=CHART.faint, linewidth=1)
        levels: Sequence[float] = ()
        for name, own, levels_of_line, aucs in lines:
            if own == kind:
                levels = levels_of_line
                colour = COLOURS[names.index(name) % len(COLOURS)]
                axes.plot(range(len(aucs)), aucs, "o-", color=colour, linewidth=1.6, markersize=4, label=name)
        axes.set_xticks(range(len(levels) + 1), ["none", *(f"{level:g}" for level in levels)])
        axes.set_title(_TITLES.get(kind, kind), color=CHART.ink, fontsize=10, loc="left")
    known = [auc for _, _, _, aucs in lines for auc in aucs if np.isfinite(auc)]
    grid[0].set_ylim(min([_LOWEST_SHOWN, *known]) - 0.02, 1.02)
    grid[0].set_ylabel("AUC", color=CHART.ink, fontsize=9)
    grid[0].legend(frameon=False, fontsize=8, labelcolor=CHART.ink)
    return figure


_TITLES = {
    "jpeg": "JPEG, quality",
    "resize": "resize, factor",
    "blur": "blur, sigma in px",
    "noise": "noise, sigma in grey levels",
}


def _reliability(axes: Axes, panel: ScorePanel) -> None:
    axes.plot([0, 1], [0, 1], ":", color=CHART.faint, linewidth=1)
    bins = np.clip((panel.scores * _BINS).astype(np.int64), 0, _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS)
    known = counts > 0
    means = np.bincount(bins, panel.scores, _BINS)[known] / counts[known]
    shares = np.bincount(bins, panel.labels, _BINS)[known] / counts[known]
    sizes = 12 + 150 * counts[known] / counts.max()
    axes.plot(means, shares, color=CHART.ink, linewidth=1)
    axes.scatter(means, shares, s=sizes, color=CHART.ink, zorder=3)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.04, 1.04)
    axes.set_title(f"{panel.title}, ECE {panel.ece:.2f}", color=CHART.ink, fontsize=10, loc="left")


def _distribution(axes: Axes, panel: ScorePanel) -> None:
    if panel.band:
        axes.axvspan(0.5 - panel.band, 0.5 + panel.band, color=CHART.line, alpha=0.5, linewidth=0, zorder=0)
    edges = np.linspace(0, 1, 2 * _BINS + 1)
    for label, name, colour in ((0, "real", _REAL), (1, "fake", _FAKE)):
        own = panel.scores[panel.labels == label]
        if len(own):
            heights = np.histogram(own, edges)[0] / len(own)
            axes.stairs(heights, edges, color=colour, linewidth=1.6, label=name)
            axes.stairs(heights, edges, color=colour, alpha=0.1, fill=True)


_LOWEST_SHOWN = 0.4
"""Of the axis of AUC, unless a line is lower: small changes should look small."""


def _panels(figure: Figure, rows: int, columns: int, *, sharey: bool = False) -> list[Axes]:
    """Return the panels of a grid, row by row."""
    panels: list[Axes] = list(figure.subplots(rows, columns, squeeze=False, sharey=sharey).ravel())
    for axes in panels:
        quiet(axes)
    return panels
