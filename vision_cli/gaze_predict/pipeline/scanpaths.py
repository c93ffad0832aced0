"""Scan paths from a density: the next fixation follows the density and a kernel around the last one.

Kernels and times are those that bring the statistics of sampled paths near those of radiologists, measured on
aggregates of public recordings (GazeSearch, WACV 2025, training part). Widths are in shares of the film's sides.

A mean over paths collapses to the centre of the film, so that one path is given as the most central of samples.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.gaze_predict.values import Floats, ScanPath

_GRID = 56
"""Cells of the long side that fixations are drawn from; within a cell they are uniform."""


@dataclass(frozen=True)
class StepKernel:
    """How the next fixation depends on the last one; the kind of a step is drawn for each step.

    Attributes
    ----------
    local, level, mirrored, free
        Chances of a step nearby, of one at the same height, of one to the mirrored point, and of any; they sum to 1.
    local_spread, level_spread, mirrored_spread
        Standard deviations, of the point, of y alone, of the point.
    return_radius
        No fixation is as near as this to the one before it.
    axis
        x of the mirror.
    first_spread
        Standard deviation of the first fixation about the centre of the film, over which the density counts too.
    """

    local: float = 0.44
    level: float = 0.22
    mirrored: float = 0.08
    free: float = 0.26
    local_spread: float = 0.10
    level_spread: float = 0.05
    mirrored_spread: float = 0.075
    return_radius: float = 0.02
    axis: float = 0.5
    first_spread: float = 0.40


@dataclass(frozen=True)
class DurationModel:
    """Log-normal durations, of which a share of the variance is the path's own.

    Attributes
    ----------
    mean, last_mean
        Of the logarithm of a duration in s, and of the last one.
    spread
        Standard deviation of the logarithm.
    path_share
        Share of the variance that all fixations of a path have in common.
    neighbour
        Correlation of neighbours beyond that.
    """

    mean: float = -1.30
    last_mean: float = -1.13
    spread: float = 0.51
    path_share: float = 0.09
    neighbour: float = 0.033


STEPS = StepKernel()
DURATIONS = DurationModel()


def sample_paths(
    density: NDArray[np.floating],
    count: int,
    rng: np.random.Generator,
    *,
    points: int = 8,
    steps: StepKernel = STEPS,
    durations: DurationModel = DURATIONS,
    log_durations: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None,
    stop: NDArray[np.floating] | None = None,
) -> list[ScanPath]:
    """Return scan paths that follow a density.

    Parameters
    ----------
    density
        ``(h, w)`` of the film, not negative, of any sum above 0.
    count
        How many.
    rng
        Source of all random numbers.
    points
        Fixations of a path, at most.
    steps, durations
        Kernels and times.
    log_durations
        Mean and standard deviation of the logarithm of each fixation's duration, ``(points,)`` each, in the place of
        those of ``durations``.
    stop
        ``(points,)``, chance that a path ends with its first, second, ... fixation; None for paths of ``points`` each.

    Returns
    -------
    list of ScanPath
        With onsets as if no time passed between fixations.
    """
    cells, weights = _cells(density)
    size = 1 / np.array([weights.shape[1], weights.shape[0]])
    flat = weights.ravel()
    places = np.empty((count, points, 2))
    chances = np.array([steps.local, steps.level, steps.mirrored, steps.free])
    for number in range(points):
        if number == 0:
            near = np.exp(-0.5 * ((cells - 0.5) ** 2).sum(1) / steps.first_spread**2)
            kernel = np.broadcast_to(near, (count, len(flat)))
        else:
            kinds = rng.choice(4, count, p=chances / chances.sum())
            kernel = _kernel(cells, places[:, number - 1], kinds, steps)
        chosen = _draw(flat * kernel, flat, rng)
        places[:, number] = cells[chosen] + rng.uniform(-0.5, 0.5, (count, 2)) * size
    times = _durations(count, points, rng, durations, log_durations)
    lengths = _lengths(count, points, rng, stop)
    if log_durations is None:
        last = np.arange(count), lengths - 1
        times[last] *= np.exp(durations.last_mean - durations.mean)
    return [_path(places[one, :length], times[one, :length]) for one, length in enumerate(lengths)]


def _cells(density: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the centres of the cells ``(n, 2)`` and their weights ``(h, w)``, on a grid of `_GRID` at most."""
    height, width = density.shape
    share = min(1.0, _GRID / max(height, width))
    rows, columns = max(1, round(height * share)), max(1, round(width * share))
    weights = _summed(_summed(np.asarray(density, np.float64), rows).T, columns).T
    y, x = np.mgrid[:rows, :columns] + 0.5
    return np.stack([x.ravel() / columns, y.ravel() / rows], 1), weights / weights.sum()


def _summed(values: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
    """Return sums of rows in so many groups; a row across a border is shared by its two groups."""
    whole = np.concatenate([np.zeros((1, values.shape[1])), values.cumsum(0)])
    borders = np.linspace(0, len(values), rows + 1)
    below = np.minimum(borders.astype(int), len(values) - 1)
    sums = whole[below] + (borders - below)[:, None] * values[below]
    return np.diff(sums, axis=0)


def _kernel(
    cells: NDArray[np.float64], last: NDArray[np.float64], kinds: NDArray[np.int64], steps: StepKernel
) -> NDArray[np.float64]:
    """Return the kernel of the next step of each path on the cells, ``(count, n)``."""
    dx = cells[:, 0] - last[:, :1]
    dy = cells[:, 1] - last[:, 1:]
    mirrored = cells[:, 0] - (2 * steps.axis - last[:, :1])
    wide = np.array([steps.local_spread, np.inf, steps.mirrored_spread, np.inf])[kinds][:, None]
    high = np.array([steps.local_spread, steps.level_spread, steps.mirrored_spread, np.inf])[kinds][:, None]
    across = np.where(kinds[:, None] == 2, mirrored, dx)
    kernel: NDArray[np.float64] = np.exp(-0.5 * ((across / wide) ** 2 + (dy / high) ** 2))
    kernel[dx**2 + dy**2 < steps.return_radius**2] = 0
    return kernel


def _draw(weights: NDArray[np.float64], plain: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a cell for each row of weights ``(count, n)``; by the density alone where the kernel leaves nothing."""
    sums = weights.cumsum(1)
    empty = ~(sums[:, -1] > 0)
    if empty.any():
        sums[empty] = plain.cumsum()
    drawn = rng.random(len(sums)) * sums[:, -1]
    # The first cell whose sum exceeds the number: one of weight 0 is never drawn.
    chosen = (sums <= drawn[:, None]).sum(1)
    return np.asarray(np.minimum(chosen, weights.shape[1] - 1), np.int64)


def _durations(
    count: int,
    points: int,
    rng: np.random.Generator,
    model: DurationModel,
    given: tuple[NDArray[np.floating], NDArray[np.floating]] | None,
) -> NDArray[np.float64]:
    """Return durations ``(count, points)`` in s."""
    own = rng.normal(size=(count, points))
    for number in range(1, points):
        before = model.neighbour * own[:, number - 1]
        own[:, number] = before + (1 - model.neighbour**2) ** 0.5 * own[:, number]
    shared = rng.normal(size=(count, 1))
    unit = model.path_share**0.5 * shared + (1 - model.path_share) ** 0.5 * own
    mean, spread = (model.mean, model.spread) if given is None else given
    times: NDArray[np.float64] = np.exp(mean + spread * unit)
    return times


def _lengths(count: int, points: int, rng: np.random.Generator, stop: NDArray[np.floating] | None) -> NDArray[np.int64]:
    drawn = rng.random((count, points))
    if stop is None:
        return np.full(count, points)
    ends = drawn < stop
    ends[:, -1] = True
    return np.asarray(ends.argmax(1) + 1, np.int64)


def _path(points: NDArray[np.float64], times: NDArray[np.float64]) -> ScanPath:
    onsets: Floats = np.concatenate([[0.0], times.cumsum()[:-1]]).astype(np.float32)
    return ScanPath(points.astype(np.float32), times.astype(np.float32), onsets)
