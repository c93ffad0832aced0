"""Shared panel layout of the figures: panels at one scale in mm, charts, legends and colour bars.

Figures are light on black, so that the background of an image is not visible as a box. Lengths are in inches.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from vision_cli.core.escapes import picture_text
from vision_cli.figures.charts import new_sheet
from vision_cli.figures.style import DARK, GREY
from vision_cli.register.figures.slices import View

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

_LONGEST_TITLE = 240
_WIDTH, _LEAST_WIDTH = 10.5, 7.0
_MAX_HEIGHT, _MAX_HEIGHT_SINGLE = 7.0, 5.8
_SIDE, _GAP, _TITLE, _CAPTION, _FOOT = 0.3, 0.08, 0.38, 0.24, 0.5

_LETTER = 0.062
"""Mean width of a letter at 8 points, in inches."""


def sheet(views: Sequence[View], rows: Sequence[str], title: str) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure with panels at one scale in mm.

    Parameters
    ----------
    views
        Views of the columns.
    rows
        Names of the rows. With a single view, the rows are placed side by side.
    title
        Heading.

    Returns
    -------
    figure, panels
        The figure, and for each row one panel for each view.
    """
    single = len(views) == 1
    shown = [list(views) * len(rows)] if single else [list(views)] * len(rows)
    captions = list(rows) if single else [view.name for view in views]
    widths = [view.size_mm[1] for view in shown[0]]
    tallest = max(view.size_mm[0] for view in views)
    above = _TITLE + (_CAPTION if any(captions) else 0.0)
    gap_across, gap_down = _GAP * (len(widths) - 1), _GAP * (len(shown) - 1)
    scale = min(
        (_WIDTH - 2 * _SIDE - gap_across) / sum(widths),
        ((_MAX_HEIGHT_SINGLE if single else _MAX_HEIGHT) - above - _FOOT - gap_down) / (tallest * len(shown)),
    )
    content = scale * sum(widths) + gap_across
    figure = _figure(
        title,
        max(_LEAST_WIDTH, content + 2 * _SIDE),
        scale * tallest * len(shown) + gap_down + above + _FOOT,
    )
    width, height = figure.get_size_inches()

    def write(x: float, y: float, text: str, **how: Any) -> None:
        figure.text(x / width, y / height, picture_text(text), ha="center", va="center", **how)

    panels: list[list[Axes]] = []
    for line, line_views in enumerate(shown):
        middle = height - above - scale * tallest * (line + 0.5) - _GAP * line
        left = (width - content) / 2
        if not single:
            write(left - 0.15, middle, rows[line], color=DARK.ink, fontsize=9, rotation=90)
        panels.append([])
        for view, caption in zip(line_views, captions, strict=True):
            tall, wide = (scale * size for size in view.size_mm)
            box = (left / width, (middle - tall / 2) / height, wide / width, tall / height)
            panels[-1].append(figure.add_axes(box))
            if line == 0:
                write(left + wide / 2, height - _TITLE - _CAPTION / 2, caption, color=DARK.faint, fontsize=8)
            left += wide + _GAP
    return figure, [[panel] for panel in panels[0]] if single else panels


def chart(title: str, height: float, *, left: float) -> tuple[Figure, Axes]:
    """Return a chart of the full width; ``left`` is the margin for the labels of the vertical axis."""
    figure = _figure(title, _WIDTH, height)
    below, above = 0.48, _TITLE + 0.04
    box = (left / _WIDTH, below / height, 1 - (left + _SIDE) / _WIDTH, 1 - (below + above) / height)
    panel = figure.add_axes(box, facecolor=DARK.ground)
    panel.tick_params(colors=DARK.faint, labelcolor=DARK.ink, labelsize=8.5)
    panel.set_axisbelow(True)
    for label in (panel.xaxis.label, panel.yaxis.label):
        label.set(color=DARK.ink, fontsize=8.5)
    for side, spine in panel.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=DARK.faint)
    return figure, panel


def show(
    panel: Axes,
    view: View,
    picture: NDArray[Any],
    *,
    colours: Sequence[str] = GREY,
    limits: tuple[float, float] = (0.0, 1.1),
) -> ScalarMappable:
    """Show a slice ``(H, W)`` with its orientation letters; the panel's axes are mm from the top left."""
    from matplotlib.patheffects import withStroke

    height, width = view.size_mm
    shown = panel.imshow(
        picture,
        cmap=colour_map(colours),
        vmin=limits[0],
        vmax=limits[1],
        extent=(0, width, height, 0),
        interpolation="bilinear",
        aspect="auto",
    )
    panel.set(xlim=(0, width), ylim=(height, 0))
    panel.set_axis_off()
    places = (
        (0.5, 0.985, "center", "top"),
        (0.5, 0.015, "center", "bottom"),
        (0.012, 0.5, "left", "center"),
        (0.988, 0.5, "right", "center"),
    )
    for letter, (x, y, across, down) in zip(view.letters, places, strict=False):
        text = panel.text(x, y, letter, transform=panel.transAxes, color=DARK.ink, fontsize=8, ha=across, va=down)
        text.set_path_effects([withStroke(linewidth=1.5, foreground=DARK.ground)])
    return shown


def contour(panel: Axes, view: View, picture: NDArray[Any], level: float, *, colour: str, width: float) -> None:
    """Draw the contour lines of a slice ``(H, W)`` at a level; nothing if the slice does not reach it."""
    if picture.min() < level < picture.max():
        across, down = view.centres()
        panel.contour(across, down, picture, [level], colors=colour, linewidths=width)


def legend(figure: Figure, entries: Sequence[tuple[str, str]]) -> None:
    """Add a legend of lines, each with its text and colour, at the bottom of a figure."""
    from matplotlib.lines import Line2D

    handles: list[Artist] = [
        Line2D([], [], color=colour, linewidth=1.6, label=picture_text(text)) for text, colour in entries
    ]
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(entries),
        frameon=False,
        labelcolor=DARK.ink,
        fontsize=8.5,
    )


def footnote(figure: Figure, text: str) -> None:
    """Write a line of text at the bottom of a figure."""
    y = 0.4 * _FOOT / figure.get_figheight()
    figure.text(0.5, y, picture_text(text, _LONGEST_TITLE), color=DARK.faint, fontsize=8.5, ha="center", va="center")


def colour_bar(figure: Figure, shown: ScalarMappable, label: str) -> None:
    """Add a labelled colour bar at the bottom of a figure."""
    width, height = figure.get_size_inches()
    bar = figure.add_axes((_SIDE / width, 0.3 / height, 2.4 / width, 0.07 / height))
    figure.colorbar(shown, cax=bar, orientation="horizontal", extend="both")
    for spine in bar.spines.values():
        spine.set_visible(False)
    bar.tick_params(colors=DARK.faint, labelcolor=DARK.ink, labelsize=7.5, length=2, pad=1.5)
    left = _SIDE + 2.6
    # A label that is too long for a narrow figure is wrapped.
    lines = textwrap.wrap(picture_text(label, _LONGEST_TITLE), int((width - left - _SIDE) / _LETTER))
    figure.text(left / width, 0.3 / height, "\n".join(lines), color=DARK.ink, fontsize=8, va="center")


def colour_map(colours: Sequence[str]) -> Colormap:
    """Return a colour map that interpolates linearly between colours."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("scale", list(colours))


def _figure(title: str, width: float, height: float) -> Figure:
    figure = new_sheet(width, height, DARK)
    # A title with two long file names gets a smaller font.
    shown = picture_text(title, _LONGEST_TITLE)
    size = min(10.5, 108 * width / max(len(shown), 1))
    figure.text(_SIDE / width, 1 - 0.5 * _TITLE / height, shown, color=DARK.ink, fontsize=size, va="center")
    return figure
