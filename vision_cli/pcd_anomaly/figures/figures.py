"""Pictures of a result: a scan coloured by scores or deviations beside the reference, its regions; coloured PLY."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.runs.files import atomic_path
from vision_cli.figures.saving import save_figure
from vision_cli.figures.style import SLATE
from vision_cli.io.points.clouds import write_ply
from vision_cli.pcd_anomaly.figures.point_renderer import Picture, View, facing_view, render, scanned_side
from vision_cli.pcd_anomaly.figures.scales import ColourScale, score_scale
from vision_cli.pcd_anomaly.figures.sheets import (
    FOOT,
    LINE,
    PANEL,
    PIXELS,
    PLAIN,
    SIDE,
    TITLE,
    draw_scale_bar,
    make_sheet,
    painted,
    points_in_view,
    with_unit,
)
from vision_cli.pcd_anomaly.scoring.regions import Region, Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OUTLINE = "#ffffff"
_MOST_ROWS = 8


def draw_scan(
    path: Path,
    points: NDArray[np.float64],
    values: NDArray[np.floating],
    scale: ColourScale,
    title: str,
    *,
    regions: Regions | None = None,
    reference: NDArray[np.float64] | None = None,
    towards: NDArray[np.float64] | None = None,
    unit: str = "",
) -> None:
    """Draw a scan coloured by its values beside the reference from the same side.

    Parameters
    ----------
    path
        PNG file; written atomically.
    points
        Points of the scan, ``(N, 3)``; rows that are not finite are not drawn.
    values
        Scores or signed deviations, ``(N,)``; points with NaN are grey.
    scale
        Colours of the values.
    title
        Heading.
    regions
        Regions to outline and list below; None for no list.
    reference
        Points of the reference in the coordinates of the scan, ``(M, 3)``.
    towards
        Direction from the scan to the scanner, ``(3,)``; estimated if None.
    unit
        Unit of the points; empty if unknown.
    """
    finite = np.isfinite(points).all(axis=1)
    shown = points[finite]
    known = None if reference is None else reference[np.isfinite(reference).all(axis=1)]
    side = scanned_side(shown, known) if towards is None else np.asarray(towards, np.float64)
    view = facing_view(shown, side, PIXELS)
    picture = render(shown, view)
    panels = [
        ("scan", painted(picture, np.broadcast_to(PLAIN, (len(shown), 3)))),
        (scale.name, painted(picture, scale.colours(np.asarray(values, np.float64)[finite]))),
    ]
    if known is not None and len(seen := points_in_view(known, view)):
        plain = painted(render(seen, view), np.broadcast_to(PLAIN, (len(seen), 3)))
        panels.insert(0, ("reference", plain))
    figure, axes = make_sheet(view, [name for name, _ in panels], title, _foot_lines(scale, regions))
    for panel, (_, pixels) in zip(axes, panels, strict=True):
        panel.imshow(pixels, interpolation="antialiased")
    draw_scale_bar(axes[0], view, unit)
    _colour_bar(figure, scale)
    if regions is not None:
        _outline(axes[-1], picture, regions.numbers[finite], regions.found, view)
        _table(figure, regions.found, unit)
    with atomic_path(path) as hidden:
        save_figure(figure, hidden)


def write_scored_ply(
    path: Path,
    points: NDArray[np.float64],
    scores: NDArray[np.floating],
    threshold: float,
    regions: Regions,
    deviation: NDArray[np.floating] | None = None,
) -> None:
    """Write a scan with its scores as ``anomaly_score``, its regions as ``region``, and colours.

    Parameters
    ----------
    path
        PLY file; written atomically.
    points
        ``(N, 3)``; all are written, in their order.
    scores
        ``(N,)``.
    threshold
        Score of defective places.
    regions
        Regions of the points.
    deviation
        Signed deviation of each point, ``(N,)``, written as ``signed_deviation`` if given.
    """
    values = np.asarray(scores, np.float64)
    colours = np.rint(255 * score_scale(values, threshold).colours(values)).astype(np.uint8)
    scalars: dict[str, NDArray[Any]] = {"anomaly_score": values, "region": regions.numbers}
    if deviation is not None:
        scalars["signed_deviation"] = deviation
    write_ply(path, points, colours=colours, scalars=scalars)


def _foot_lines(scale: ColourScale, regions: Regions | None) -> int:
    """Return how many lines of text stand below the bar of colours."""
    if regions is None:
        return 2 if scale.note else 0
    return min(len(regions.found), _MOST_ROWS) + (2 if len(regions.found) > _MOST_ROWS else 1)


def _outline(panel: Axes, picture: Picture, numbers: NDArray[np.int32], found: Sequence[Region], view: View) -> None:
    """Draw a line around each region and its number beside it."""
    from matplotlib.patheffects import withStroke
    from scipy import ndimage

    seen = np.where(picture.index >= 0, numbers[np.maximum(picture.index, 0)], 0)
    rows, columns = view.shape
    for region in found:
        mask = ndimage.gaussian_filter(ndimage.binary_dilation(seen == region.number, iterations=3).astype(float), 1.5)
        if mask.max() < 0.5:
            continue
        panel.contour(mask, [0.5], colors="black", linewidths=2.6, alpha=0.55)
        panel.contour(mask, [0.5], colors=_OUTLINE, linewidths=1.3)
        down, across = np.nonzero(mask > 0.5)
        right = across.mean() < 0.82 * columns
        place = (across.max() + 6, down.mean()) if right else (across.min() - 6, down.mean())
        text = panel.text(
            *place,
            str(region.number),
            color=_OUTLINE,
            fontsize=11,
            weight="bold",
            ha="left" if right else "right",
            va="center",
        )
        text.set_path_effects([withStroke(linewidth=3, foreground="black")])
    panel.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))


def _colour_bar(figure: Figure, scale: ColourScale) -> None:
    width, height = figure.get_size_inches()
    wide = 0.8 * PANEL
    left = width - SIDE - PANEL / 2 - wide / 2
    low = height - TITLE - figure.axes[0].get_position().height * height
    bar = figure.add_axes((left / width, (low - 0.28) / height, wide / width, 0.12 / height))
    values = np.linspace(scale.low, scale.top, 513)
    bar.imshow(scale.colours(values)[None], extent=(scale.low, scale.top, 0, 1), aspect="auto")
    for mark in scale.marks:
        bar.axvline(mark, color=scale.mark_colour, linewidth=1.2)
    bar.set_yticks([])
    bar.set_xticks([place for place, _ in scale.ticks], [text for _, text in scale.ticks])
    bar.tick_params(colors=SLATE.faint, labelcolor=SLATE.ink, labelsize=8, length=2, pad=2)
    for spine in bar.spines.values():
        spine.set_visible(False)
    across, down = (left + wide / 2) / width, (low - 0.62) / height
    figure.text(across, down, scale.note, color=SLATE.faint, fontsize=8.5, ha="center", va="center")


def _table(figure: Figure, found: Sequence[Region], unit: str) -> None:
    width, height = figure.get_size_inches()
    places = np.asarray([0.0, 0.5, 1.5, 2.5, 3.6, 4.7, 5.8, 7.0]) * min(1.0, (width - 2 * SIDE) / 8)
    low = figure.axes[0].get_position().y0 * height - FOOT

    def write(line: int, cells: Sequence[str], colour: str) -> None:
        for place, cell in zip(places, cells, strict=False):
            figure.text(
                (SIDE + place) / width,
                (low - (line + 0.4) * LINE) / height,
                cell,
                color=colour,
                fontsize=9,
                va="center",
            )

    if not found:
        write(0, ["no region above the threshold"], SLATE.faint)
        return
    write(
        0,
        [
            *("", "type", "score", "points", with_unit("area", unit and f"{unit}²")),
            *(with_unit(name, unit) for name in ("length", "width", "deviation")),
        ],
        SLATE.faint,
    )
    for line, region in enumerate(found[:_MOST_ROWS], start=1):
        deviation = "" if np.isnan(region.max_signed_dev) else f"{region.max_signed_dev:+.3g}"
        cells = [str(region.number), region.kind, f"{region.score:.3g}", f"{region.n_points}", f"{region.area:.3g}"]
        write(line, [*cells, f"{region.length:.3g}", f"{region.width:.3g}", deviation], SLATE.ink)
    if len(found) > _MOST_ROWS:
        write(_MOST_ROWS + 1, ["", f"and {len(found) - _MOST_ROWS} more"], SLATE.faint)
