"""Pictures of a result: a scan with its scores beside the reference, with outlined and listed regions; coloured PLY."""

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
from vision_cli.pcd_anomaly.figures.sheets import (
    FOOT,
    LINE,
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
    with_unit,
)
from vision_cli.pcd_anomaly.scoring.regions import Region, Regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OUTLINE = "#ffffff"
_BELOW = ((0.66, 0.71, 0.76), (0.50, 0.66, 0.78), (0.47, 0.74, 0.72))
_ABOVE = ((1.0, 0.80, 0.25), (0.98, 0.47, 0.15), (0.85, 0.12, 0.18), (0.60, 0.02, 0.30))
_MOST_ROWS = 8
_HIGHEST = 2.5
"""Upper end of the colour scale in thresholds, or the highest score if that is less."""


def draw_scan(
    path: Path,
    points: NDArray[np.float64],
    scores: NDArray[np.floating],
    threshold: float,
    regions: Regions,
    title: str,
    *,
    reference: NDArray[np.float64] | None = None,
    towards: NDArray[np.float64] | None = None,
    unit: str = "",
) -> None:
    """Draw a scan coloured by its scores beside the reference from the same side, its regions outlined and listed.

    Parameters
    ----------
    path
        PNG file; written atomically.
    points
        Points of the scan, ``(N, 3)``; rows that are not finite are not drawn.
    scores
        ``(N,)``; points with NaN are grey.
    threshold
        Score of defective places, where the colour scale changes.
    regions
        Regions to outline.
    title
        Heading.
    reference
        Points of the reference in the coordinates of the scan, ``(M, 3)``.
    towards
        Direction from the scan to the scanner, ``(3,)``; estimated if None.
    unit
        Unit of the points; empty if unknown.
    """
    finite = np.isfinite(points).all(axis=1)
    shown, values, numbers = points[finite], np.asarray(scores, np.float64)[finite], regions.numbers[finite]
    known = None if reference is None else reference[np.isfinite(reference).all(axis=1)]
    side = scanned_side(shown, known) if towards is None else np.asarray(towards, np.float64)
    view = facing_view(shown, side, PIXELS)
    top = _scale_end(values, threshold)
    picture = render(shown, view)
    panels: list[tuple[str, Picture, NDArray[np.float64]]] = [
        ("scan", picture, painted(picture, np.broadcast_to(PLAIN, (len(shown), 3)))),
        ("score", picture, painted(picture, score_colours(values, threshold, top))),
    ]
    if known is not None and len(known):
        seen = points_in_view(known, view)
        if len(seen):
            plain = render(seen, view)
            colours = np.broadcast_to(PLAIN, (len(seen), 3))
            panels.insert(0, ("reference", plain, painted(plain, colours)))
    rows = min(len(regions.found), _MOST_ROWS) + (2 if len(regions.found) > _MOST_ROWS else 1)
    figure, axes = make_sheet(view, [name for name, _, _ in panels], title, rows)
    for panel, (name, drawn, pixels) in zip(axes, panels, strict=True):
        panel.imshow(pixels, interpolation="antialiased")
        if name == "score":
            _outline(panel, drawn, numbers, regions.found, view)
    draw_scale_bar(axes[0], view, unit)
    _colour_bar(figure, threshold, top)
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
    colours = np.rint(255 * score_colours(values, threshold, _scale_end(values, threshold))).astype(np.uint8)
    scalars: dict[str, NDArray[Any]] = {"anomaly_score": values, "region": regions.numbers}
    if deviation is not None:
        scalars["signed_deviation"] = deviation
    write_ply(path, points, colours=colours, scalars=scalars)


def score_colours(scores: NDArray[np.float64], threshold: float, top: float) -> NDArray[np.float64]:
    """Return the colours ``(N, 3)`` in [0, 1] of scores: cool below the threshold, hot above, grey for NaN."""
    colours = np.empty((len(scores), 3))
    below = scores < threshold
    colours[below] = _ramp(_BELOW, np.clip(scores[below] / max(threshold, 1e-12), 0, 1))
    above = scores >= threshold
    colours[above] = _ramp(_ABOVE, np.clip((scores[above] - threshold) / max(top - threshold, 1e-12), 0, 1))
    colours[~(below | above)] = MISSING
    return colours


def _ramp(stops: Sequence[tuple[float, float, float]], share: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.linspace(0, 1, len(stops))
    return np.stack([np.interp(share, places, [stop[k] for stop in stops]) for k in range(3)], axis=-1)


def _scale_end(scores: NDArray[np.float64], threshold: float) -> float:
    finite = scores[np.isfinite(scores)]
    highest = float(finite.max()) if len(finite) else threshold
    return max(min(highest, _HIGHEST * threshold if threshold > 0 else highest), threshold + 1e-9)


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


def _colour_bar(figure: Figure, threshold: float, top: float) -> None:
    width, height = figure.get_size_inches()
    wide = 0.8 * PANEL
    left = width - SIDE - PANEL / 2 - wide / 2
    above = height - TITLE - figure.axes[0].get_position().height * height
    bar = figure.add_axes((left / width, (above - 0.28) / height, wide / width, 0.12 / height))
    values = np.linspace(0, top, 512)
    bar.imshow(score_colours(values, threshold, top)[None], extent=(0, top, 0, 1), aspect="auto")
    bar.axvline(threshold, color=_OUTLINE, linewidth=1.2)
    bar.set_yticks([])
    bar.set_xticks([0, threshold, top], ["0", f"{threshold:.3g} threshold", f"{top:.3g}"])
    bar.tick_params(colors=SLATE.faint, labelcolor=SLATE.ink, labelsize=8, length=2, pad=2)
    for spine in bar.spines.values():
        spine.set_visible(False)


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
