"""Figures of a registration: alignment, deformation, wavelet levels and loss.

Each function draws one PNG of given slices, in radiological convention.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.core.escapes import picture_text
from vision_cli.figures import style
from vision_cli.figures.saving import save_figure
from vision_cli.register.figures import panels
from vision_cli.register.figures.slices import View, foreground
from vision_cli.register.optimisation.images import normalise, otsu_threshold

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Values = NDArray[Any]

_SQUARES = 9
_GRID_LINES = 24
_SAMPLE = 300_000
_LEVELS = 48
_FOLDED_LOG = -10.0
"""Log-determinants below this value represent determinants that are not positive."""


def overlay(
    path: Path,
    views: Sequence[View],
    fixed: Values,
    before: Values,
    warped: Values,
    title: str,
    *,
    first: str = "before",
) -> None:
    """Draw the contours of the moving image over the fixed image, before and after the registration.

    Parameters
    ----------
    path
        A PNG file.
    views
        Slices of the fixed image, see `vision_cli.register.figures.slices.choose_views`.
    fixed, before, warped
        ``(*grid)``: the fixed image, and the moving image before and after.
    title
        Heading.
    first
        Name of the row ``before``.
    """
    figure, rows = panels.sheet(views, (first, "after"), title)
    fixed = _shades(fixed)
    for image, row in zip((before, warped), rows, strict=True):
        moving = _shades(image)
        outline, bright = _outline_level(moving), _bright_level(moving)
        for view, panel in zip(views, row, strict=True):
            panels.show(panel, view, view.cut(fixed))
            smooth = _smoothed(view.cut(moving))
            for level, colour in ((outline, style.BLUE), (bright, style.AMBER)):
                panels.contour(panel, view, smooth, level, colour=colour, width=0.75)
    panels.legend(figure, (("outline of the moving image", style.BLUE), ("border of its bright tissue", style.AMBER)))
    save_figure(figure, path)


def single_image(path: Path, views: Sequence[View], image: Values, title: str) -> None:
    """Draw one image in the slices of the fixed image; pictures of a pair have the same size and can be superimposed.

    Parameters
    ----------
    path
        A PNG file.
    views
        Slices of the fixed image, see `vision_cli.register.figures.slices.choose_views`.
    image
        ``(*grid)``, the image to draw.
    title
        Heading.
    """
    figure, (row,) = panels.sheet(views, ("",), title)
    image = _shades(image)
    for view, panel in zip(views, row, strict=True):
        panels.show(panel, view, view.cut(image))
    save_figure(figure, path)


def checkerboard(path: Path, views: Sequence[View], fixed: Values, warped: Values, title: str) -> None:
    """Draw the fixed and the warped image in alternating squares.

    Parameters
    ----------
    path
        A PNG file.
    views
        Slices of the fixed image, see `vision_cli.register.figures.slices.choose_views`.
    fixed, warped
        ``(*grid)``.
    title
        Heading.
    """
    figure, (row,) = panels.sheet(views, ("",), title)
    fixed, warped = _shades(fixed), _shades(warped)
    square = _round_length(max(max(view.size_mm) for view in views) / _SQUARES)
    for view, panel in zip(views, row, strict=True):
        across, down = (centres // square for centres in view.centres())
        from_fixed = (down[:, None] + across) % 2 == 0
        panels.show(panel, view, np.where(from_fixed, view.cut(fixed), view.cut(warped)))
    panels.footnote(figure, f"squares of {square:g} mm in turn from the fixed image (top left) and the moving one")
    save_figure(figure, path)


def difference(
    path: Path,
    views: Sequence[View],
    fixed: Values,
    before: Values,
    warped: Values,
    title: str,
    *,
    first: str = "before",
) -> None:
    """Draw the difference of intensities before and after the registration, on one scale.

    Moving intensities are first replaced by the mean fixed intensity at the same positions after registration, so that
    images of different contrast can be compared.

    Parameters
    ----------
    path
        A PNG file.
    views
        Slices of the fixed image, see `vision_cli.register.figures.slices.choose_views`.
    fixed, before, warped
        ``(*grid)``: the fixed image, and the moving image before and after.
    title
        Heading.
    first
        Name of the row ``before``.
    """
    inside = foreground(fixed)
    fixed = _shades(fixed)
    before, warped = _shades(before), _shades(warped)
    levels, means = _mean_by_intensity(warped, fixed)
    gaps = [np.interp(image, levels, means) - fixed for image in (before, warped)]
    sizes = [float(np.abs(gap[inside]).mean()) for gap in gaps]
    names = [f"{name}: mean |d| {size:.3f}" for name, size in zip((first, "after"), sizes, strict=True)]
    figure, rows = panels.sheet(views, names, title)
    limit = _limit(gaps[0][inside], 0.98)
    outline = _outline_level(fixed)
    for gap, row in zip(gaps, rows, strict=True):
        for view, panel in zip(views, row, strict=True):
            shown = panels.show(
                panel, view, _smoothed(view.cut(gap)), colours=style.AROUND_BLACK, limits=(-limit, limit)
            )
            panels.contour(panel, view, _smoothed(view.cut(fixed)), outline, colour=style.DARK.faint, width=0.5)
    panels.colour_bar(
        figure, shown, "d: moving, in the fixed image's contrast, − fixed; 1 is the range of the fixed image"
    )
    save_figure(figure, path)


def deformation_grid(
    path: Path, views: Sequence[View], fixed: Values, displacement_mm: Values, log_jacobian: Values, title: str
) -> None:
    """Draw the deformation as a grid over the fixed image, coloured by the log-Jacobian.

    The lines are those of a regular grid on the linearly aligned moving image, warped onto the fixed image. Folded
    voxels are marked with dots.

    Parameters
    ----------
    path
        A PNG file.
    views
        Slices of the fixed image, see `vision_cli.register.figures.slices.choose_views`.
    fixed
        ``(*grid)``.
    displacement_mm
        ``(*grid, D)``, fixed -> moving, RAS mm.
    log_jacobian
        ``(*grid)``, log of the determinant of that map.
    title
        Heading.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import Normalize

    inside = foreground(fixed)
    figure, (row,) = panels.sheet(views, ("",), title)
    fixed = _shades(fixed)
    limit = _limit(log_jacobian[inside], 0.99)
    colours, scale = panels.colour_map(style.AROUND_GREY), Normalize(-limit, limit)
    step = _round_length(max(max(view.size_mm) for view in views) / _GRID_LINES)
    for view, panel in zip(views, row, strict=True):
        panels.show(panel, view, view.cut(fixed), limits=(0.0, 1.8))
        rate = view.cut(log_jacobian)
        segments = _deformed_grid_lines(panel, view, view.cut(displacement_mm), step)
        lines = LineCollection(list(segments), cmap=colours, norm=scale, linewidths=0.9)
        lines.set_array(_values_at(view, rate, segments.mean(axis=1)))
        panel.add_collection(lines, autolim=False)
        rows, columns = np.nonzero(rate < _FOLDED_LOG)
        across, down = view.centres()
        panel.plot(across[columns], down[rows], ".", color=style.YELLOW, markersize=2.5)
    panels.colour_bar(figure, lines, f"log Jacobian: above 0 the moving image is larger here; lines every {step:g} mm")
    save_figure(figure, path)


def scales(path: Path, shares: Sequence[tuple[str, float]]) -> None:
    """Draw the share of the energy of the deformation at each wavelet level as bars.

    Parameters
    ----------
    path
        A PNG file.
    shares
        Name and share in [0, 1] of each level, coarsest first.
    """
    figure, panel = panels.chart("Energy of the deformation by wavelet scale", 0.95 + 0.3 * len(shares), left=1.9)
    places = np.arange(len(shares), dtype=np.float64)
    values = np.array([100 * share for _, share in shares])
    panel.barh(places, values, height=0.64, color=style.BLUE)
    widest = max(float(values.max(initial=0.0)), 1e-3)
    for place, value in zip(places.tolist(), values.tolist(), strict=True):
        panel.text(value + 0.01 * widest, place, f"{value:.1f} %", va="center", color=style.DARK.ink, fontsize=8)
    panel.set_yticks(places, [picture_text(name) for name, _ in shares])
    panel.invert_yaxis()
    panel.set_xlim(0, 1.1 * widest)
    panel.set_xlabel("share of the energy (%)")
    panel.grid(axis="x", color=style.DARK.line, linewidth=0.6)
    save_figure(figure, path)


def loss_curve(path: Path, stages: Sequence[Sequence[float]]) -> None:
    """Draw the loss of each stage; stages compare images of different resolution, so values are not comparable.

    Parameters
    ----------
    path
        A PNG file.
    stages
        The losses of each stage, coarse to fine.
    """
    figure, panel = panels.chart("Loss by iteration", 3.0, left=0.8)
    top = panel.get_xaxis_transform()
    start = 0
    for number, losses in enumerate(stages, start=1):
        colour = style.DARK_COLOURS[(number - 1) % len(style.DARK_COLOURS)]
        iterations = start + np.arange(1, len(losses) + 1)
        panel.plot(iterations, losses, ".-", markersize=3, linewidth=1.2, color=colour)
        middle = start + (1 + len(losses)) / 2
        panel.text(middle, 0.97, f"stage {number}", transform=top, color=colour, fontsize=8.5, ha="center", va="top")
        start += len(losses)
        if number < len(stages):
            panel.axvline(start + 0.5, color=style.DARK.line, linewidth=0.8)
    panel.set_xlabel("iteration")
    panel.set_ylabel("similarity + regularisation")
    panel.margins(x=0.01, y=0.14)
    panel.grid(axis="y", color=style.DARK.line, linewidth=0.6)
    save_figure(figure, path)


def _deformed_grid_lines(panel: Axes, view: View, displacement_mm: Values, step: float) -> NDArray[np.float64]:
    """Return segments ``(N, 2, 2)`` in mm where a coordinate of ``x + u(x)`` in the plane is a multiple of ``step``."""
    across, down = view.centres()
    in_plane = displacement_mm @ view.directions.T
    segments = [np.empty((0, 2, 2))]
    for place in (across + in_plane[..., 1], down[:, None] + in_plane[..., 0]):
        levels = np.arange(np.ceil(place.min() / step), np.floor(place.max() / step) + 1) * step
        drawn = panel.contour(across, down, place, levels)
        lines = [line for of_level in drawn.allsegs for line in of_level]
        drawn.remove()
        segments += [np.stack([line[:-1], line[1:]], axis=1) for line in lines if len(line)]
    return np.concatenate(segments)


def _mean_by_intensity(source: NDArray[np.float32], target: NDArray[np.float32]) -> tuple[Values, Values]:
    """Return intensity levels of ``source`` and the mean of ``target`` at each."""
    source, target = _subsampled(source), _subsampled(target)
    counts, edges = np.histogram(source, bins=_LEVELS)
    sums, _ = np.histogram(source, bins=edges, weights=target)
    filled = counts > 0
    return 0.5 * (edges[1:] + edges[:-1])[filled], sums[filled] / counts[filled]


def _values_at(view: View, picture: Values, places: NDArray[np.float64]) -> Values:
    """Return the values of a slice at positions ``(N, 2)``, across and down in mm from the top left."""
    rows, columns = (
        np.clip((places[:, 1 - axis] / view.pixel_mm[axis]).astype(np.intp), 0, picture.shape[axis] - 1)
        for axis in (0, 1)
    )
    return np.asarray(picture[rows, columns])


def _shades(image: Values) -> NDArray[np.float32]:
    shades: NDArray[np.float32] = normalise(image, torch.device("cpu")).numpy()
    return shades


def _outline_level(shades: NDArray[np.float32]) -> float:
    # Otsu's threshold lies inside the blurred edge of the subject.
    return 0.6 * otsu_threshold(_subsampled(shades))


def _bright_level(shades: NDArray[np.float32]) -> float:
    """Return a threshold between the darker and the brighter tissue of the subject."""
    inside = otsu_threshold(_subsampled(shades))
    tissue = shades[shades > inside]
    return otsu_threshold(_subsampled(tissue)) if tissue.size else inside


def _limit(values: Values, quantile: float) -> float:
    """Return the limit of a diverging colour scale: a quantile of the absolute values."""
    return max(0.1, float(np.quantile(np.abs(_subsampled(values)), quantile)))


def _subsampled(values: Values) -> Values:
    """Return a regular subset of the values, large enough for a threshold or a quantile."""
    return values.ravel()[:: max(1, values.size // _SAMPLE)]


def _smoothed(picture: Values) -> Values:
    """Return a slice smoothed against the steps of voxels in contours."""
    from scipy import ndimage

    return np.asarray(ndimage.gaussian_filter(picture, 0.7))


def _round_length(length: float) -> float:
    """Return the number of the series ..., 1, 2, 5, 10, ... that is nearest to a length."""
    steps = np.outer(10.0 ** np.arange(-4, 6), (1, 2, 5)).ravel()
    return float(steps[np.argmin(np.abs(np.log(steps / length)))])
