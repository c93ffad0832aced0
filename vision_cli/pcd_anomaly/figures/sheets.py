"""Sheet that the pictures of a scan share: panels side by side from one view, a title, a bar of length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.escapes import picture_text
from vision_cli.figures.charts import new_sheet
from vision_cli.figures.style import SLATE
from vision_cli.pcd_anomaly.figures.point_renderer import Picture, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLAIN = (0.70, 0.74, 0.79)
"""Colour of a surface without values."""

MISSING = (0.35, 0.35, 0.40)
"""Colour of points without a value."""

PIXELS = 560
"""Width of a picture of points."""

PANEL, SIDE, TITLE, FOOT, LINE = 5.0, 0.3, 0.75, 0.62, 0.24
"""Inches: width of a panel, margin at the sides, heights of the title, of the bar of colours, and of a line of text."""

_GAP, _END = 0.15, 0.12
_LONGEST_TITLE = 240


def points_in_view(points: NDArray[np.float64], view: View) -> NDArray[np.float64]:
    """Return the points ``(M, 3)`` that lie within a view."""
    places = view.places(points)
    rows, columns = view.shape
    inside = (places[:, 0] >= 0) & (places[:, 0] < columns) & (places[:, 1] >= 0) & (places[:, 1] < rows)
    return points[inside]


def painted(picture: Picture, colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the pixels ``(H, W, 4)`` of a picture whose points have these colours."""
    pixels = np.zeros((*picture.index.shape, 4))
    filled = picture.index >= 0
    pixels[filled, :3] = np.clip(colours[picture.index[filled]] * picture.shade[filled, None], 0, 1)
    pixels[filled, 3] = 1
    return pixels


def make_sheet(view: View, names: Sequence[str], title: str, lines: int) -> tuple[Figure, list[Axes]]:
    """Return a figure with a panel for each name and room for ``lines`` lines of text below, and its panels."""
    tall = min(PANEL * view.height / view.width, 1.25 * PANEL)
    width = len(names) * PANEL + (len(names) - 1) * _GAP + 2 * SIDE
    height = TITLE + tall + FOOT + lines * LINE + _END
    figure = new_sheet(width, height, SLATE)
    shown = picture_text(title, _LONGEST_TITLE)
    size = min(12.0, 120 * width / max(len(shown), 1))
    figure.text(SIDE / width, 1 - 0.25 / height, shown, color=SLATE.ink, fontsize=size, va="center", weight="bold")
    axes = []
    for number, name in enumerate(names):
        left = SIDE + number * (PANEL + _GAP)
        box = (left / width, (height - TITLE - tall) / height, PANEL / width, tall / height)
        axes.append(figure.add_axes(box))
        axes[-1].set_axis_off()
        across, up = (left + PANEL / 2) / width, 1 - (TITLE - 0.15) / height
        figure.text(across, up, name, color=SLATE.faint, fontsize=9.5, ha="center")
    return figure, axes


def draw_scale_bar(panel: Axes, view: View, unit: str) -> None:
    """Draw a line of a round length."""
    wanted = view.width / 5
    steps = np.outer(10.0 ** np.arange(-6, 7), (1, 2, 5)).ravel()
    length = float(steps[np.argmin(np.abs(np.log(steps / wanted)))])
    rows, columns = view.shape
    # Below the picture, level with the scale of colours.
    low = rows + 0.22 * columns / PANEL
    end = length / view.pixel
    panel.plot([0, end], [low, low], color=SLATE.ink, linewidth=2.2, solid_capstyle="butt", clip_on=False)
    panel.text(end + 8, low, with_unit(f"{length:g}", unit), color=SLATE.ink, fontsize=8.5, va="center")
    panel.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))


def with_unit(text: str, unit: str) -> str:
    """Return a text followed by a unit, if there is one."""
    return f"{text} {picture_text(unit, 12)}".rstrip()
