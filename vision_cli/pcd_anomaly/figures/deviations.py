"""Map of the signed deviations of a scan from the reference, with the tolerance on its bar of colours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import atomic_path
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import SLATE
from vision_cli.pcd_anomaly.figures.point_renderer import facing_view, render, scanned_side
from vision_cli.pcd_anomaly.figures.sheets import (
    MISSING,
    PANEL,
    PIXELS,
    PLAIN,
    SIDE,
    TITLE,
    draw_scale_bar,
    make_sheet,
    painted,
    points_in_view,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_INWARDS = ((0.03, 0.19, 0.50), (0.10, 0.45, 0.75), (0.45, 0.72, 0.86))
_WITHIN = (0.84, 0.87, 0.86)
_OUTWARDS = ((0.97, 0.72, 0.45), (0.88, 0.38, 0.20), (0.55, 0.05, 0.10))
_SCALE_END = 2.0
"""End of the scale in tolerances, or the largest deviation if that is less."""


def draw_deviations(
    path: Path,
    points: NDArray[np.float64],
    deviation: NDArray[np.floating],
    tolerance: float,
    title: str,
    *,
    reference: NDArray[np.float64] | None = None,
    towards: NDArray[np.float64] | None = None,
    unit: str = "mm",
) -> None:
    """Draw a scan coloured by its signed deviation beside the reference from the same side.

    Parameters
    ----------
    path
        PNG file; written atomically.
    points
        Points of the scan, ``(N, 3)``; rows that are not finite are not drawn.
    deviation
        Signed deviation of each, positive outwards, ``(N,)``; points with NaN are grey.
    tolerance
        Largest deviation allowed: within it colours are pale, beyond it they are strong.
    title
        Heading.
    reference
        Points of the reference in the coordinates of the scan, ``(M, 3)``.
    towards
        Direction from the scan to the scanner, ``(3,)``; estimated if None.
    unit
        Unit of the points.
    """
    finite = np.isfinite(points).all(axis=1)
    shown, values = points[finite], np.asarray(deviation, np.float64)[finite]
    known = None if reference is None else reference[np.isfinite(reference).all(axis=1)]
    side = scanned_side(shown, known) if towards is None else np.asarray(towards, np.float64)
    view = facing_view(shown, side, PIXELS)
    top = _scale_end(values, tolerance)
    drawn = render(shown, view)
    panels = [("signed deviation", painted(drawn, deviation_colours(values, tolerance, top)))]
    if known is not None and len(seen := points_in_view(known, view)):
        plain = painted(render(seen, view), np.broadcast_to(PLAIN, (len(seen), 3)))
        panels.insert(0, ("reference", plain))
    figure, axes = make_sheet(view, [name for name, _ in panels], title, 2)
    for panel, (_, pixels) in zip(axes, panels, strict=True):
        panel.imshow(pixels, interpolation="antialiased")
    draw_scale_bar(axes[0], view, unit)
    _colour_bar(figure, tolerance, top, unit)
    with atomic_path(path) as hidden:
        save_figure(figure, hidden)


def deviation_colours(deviation: NDArray[np.float64], tolerance: float, top: float) -> NDArray[np.float64]:
    """Return the colours ``(N, 3)`` in [0, 1] of signed deviations.

    Blue is inwards and red outwards, pale within the tolerance and strong beyond it; the scale ends at ``top``, NaN is
    grey.
    """
    colours = np.empty((len(deviation), 3))
    stops = np.array([*_INWARDS, _WITHIN, *_OUTWARDS])
    places = [-top, -(top + tolerance) / 2, -tolerance, 0, tolerance, (top + tolerance) / 2, top]
    known = np.isfinite(deviation)
    for channel in range(3):
        colours[known, channel] = np.interp(deviation[known], places, stops[:, channel])
    colours[~known] = MISSING
    return colours


def _scale_end(deviation: NDArray[np.float64], tolerance: float) -> float:
    known = np.abs(deviation[np.isfinite(deviation)])
    largest = float(known.max()) if len(known) else tolerance
    return min(max(largest, 1.05 * tolerance), _SCALE_END * tolerance)


def _colour_bar(figure: Figure, tolerance: float, top: float, unit: str) -> None:
    width, height = figure.get_size_inches()
    wide = 0.8 * PANEL
    left = width - SIDE - PANEL / 2 - wide / 2
    low = height - TITLE - figure.axes[0].get_position().height * height
    bar = figure.add_axes((left / width, (low - 0.28) / height, wide / width, 0.12 / height))
    values = np.linspace(-top, top, 513)
    bar.imshow(deviation_colours(values, tolerance, top)[None], extent=(-top, top, 0, 1), aspect="auto")
    for limit in (-tolerance, tolerance):
        bar.axvline(limit, color=SLATE.ink, linewidth=1.2)
    ticks = [-top, -tolerance, 0, tolerance, top]
    if top - tolerance < 0.25 * top:
        ticks = ticks[1:-1]
    bar.set_yticks([])
    bar.set_xticks(ticks, [f"{value:+.3g}" if value else "0" for value in ticks])
    bar.tick_params(colors=SLATE.faint, labelcolor=SLATE.ink, labelsize=8, length=2, pad=2)
    for spine in bar.spines.values():
        spine.set_visible(False)
    figure.text(
        (left + wide / 2) / width,
        (low - 0.62) / height,
        f"deviation in {unit}, + outwards; lines: tolerance",
        color=SLATE.faint,
        fontsize=8.5,
        ha="center",
        va="center",
    )
