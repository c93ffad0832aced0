"""Transforms in physical space, applied to images and points.

A transform maps fixed points to moving points in RAS mm, so it resamples the moving image onto the fixed grid. A chain
is applied first to last: ``y = A(x + u(x))`` is ``(displacement, affine)``. Outside of its grid a displacement is zero,
as in ITK.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from vision_cli.register.transforms.fields import Grid, sample

Interpolation = Literal["linear", "nearest", "label", "bspline"]
Points = NDArray[np.float64]

_SLAB_POINTS = 400_000
_INVERSION_STEPS = 60
_INVERSION_MM = 1e-3
_STUCK, _LEAST_STEP = 0.9, 0.25
"""A step after which more than this fraction of the residual remains is halved, down to ``_LEAST_STEP``."""


@dataclass(frozen=True)
class AffineTransform:
    """A linear map.

    Attributes
    ----------
    matrix
        ``(D+1, D+1)``, fixed RAS mm -> moving RAS mm.
    """

    matrix: NDArray[np.float64]


@dataclass(frozen=True)
class DisplacementTransform:
    """A map ``x + u(x)``.

    Attributes
    ----------
    displacement_mm
        ``(*grid.shape, D)`` float32, RAS mm along x, y, z.
    grid
        Grid of the displacements; they are interpolated linearly between its points.
    """

    displacement_mm: NDArray[np.float32]
    grid: Grid

    def __repr__(self) -> str:
        return f"DisplacementTransform({self.grid.shape}, up to {float(np.abs(self.displacement_mm).max()):.3g} mm)"

    def in_voxels(self) -> NDArray[np.float64]:
        """Return the displacement in voxels, ``(*grid.shape, D)``, component ``c`` along grid axis ``c``."""
        return np.asarray(self.displacement_mm @ np.linalg.inv(self.grid.vox2ras[:-1, :-1]).T)


Transform = AffineTransform | DisplacementTransform


def map_points(chain: Sequence[Transform], points: Points) -> Points:
    """Map fixed points ``(N, D)`` in RAS mm to moving points ``(N, D)``."""
    for step in _steps(chain):
        points = step(points)
    return points


def resample(
    data: NDArray[Any],
    grid: Grid,
    onto: Grid,
    chain: Sequence[Transform],
    interpolation: str = "linear",
    fill: float = 0.0,
) -> NDArray[Any]:
    """Resample a moving image onto a fixed grid.

    Parameters
    ----------
    data, grid
        The moving image ``(*grid.shape)`` and its grid.
    onto
        The fixed grid.
    chain
        Transforms fixed -> moving.
    interpolation
        ``linear``; ``bspline`` (cubic); ``nearest``; or ``label``: the label with the greatest linear weight among the
        corners of the cell, the smaller number in a tie.
    fill
        Value outside of the moving image, such as -1024 (air) for CT.

    Returns
    -------
    ndarray
        ``(*onto.shape)``, of the type of ``data`` for ``nearest`` and ``label``, float32 otherwise; the moving
        image extends half a voxel beyond its outer voxel centres as in ITK.
    """
    keeps_type = interpolation in ("nearest", "label")
    result = np.zeros(onto.shape, dtype=data.dtype if keeps_type else np.float32)
    source = np.ascontiguousarray(data, dtype=result.dtype)
    if interpolation == "bspline":
        from scipy import ndimage

        source = ndimage.spline_filter(source, order=3, output=np.float32, mode="mirror")
    for start, stop, points in _mapped_slabs(chain, onto):
        index = _to_index(grid, points)
        slab = _INTERPOLATORS[interpolation](source, index)
        slab[~_inside(source.shape, index)] = fill
        result[start:stop] = slab.reshape(stop - start, *onto.shape[1:])
    return result


def invert(transform: Transform) -> Transform:
    """Return the inverse of a transform.

    A displacement is inverted by fixed-point iteration on its own grid; beyond the grid the value at its border is
    used. Where the map stretches space more than twofold the iteration oscillates, so the step is reduced for points
    whose residual does not shrink.
    """
    if isinstance(transform, AffineTransform):
        return AffineTransform(np.asarray(np.linalg.inv(transform.matrix), dtype=np.float64))
    grid = transform.grid
    components_mm = _components_mm(transform)
    result_mm = np.empty_like(transform.displacement_mm)
    for start, stop in _slabs(grid):
        places = _grid_points(grid, start, stop)
        inverse_mm = -transform.displacement_mm[start:stop].reshape(-1, grid.ndim).astype(np.float64)
        pending = np.arange(len(inverse_mm))
        step, last = np.ones(len(inverse_mm)), np.full(len(inverse_mm), np.inf)
        for _ in range(_INVERSION_STEPS):
            moved = places[pending] + inverse_mm[pending]
            residual_mm = inverse_mm[pending] + _sampled(components_mm, _to_index(grid, moved)).T
            error_mm = np.linalg.norm(residual_mm, axis=1)
            stuck = pending[error_mm > _STUCK * last[pending]]
            step[stuck] = np.maximum(0.5 * step[stuck], _LEAST_STEP)
            inverse_mm[pending] -= step[pending, None] * residual_mm
            last[pending] = error_mm
            pending = pending[error_mm > _INVERSION_MM]
            if not pending.size:
                break
        result_mm[start:stop] = inverse_mm.reshape(stop - start, *grid.shape[1:], grid.ndim)
    return DisplacementTransform(result_mm, grid)


def compose_to_displacement(chain: Sequence[Transform], onto: Grid) -> DisplacementTransform:
    """Return a whole chain as one displacement on a grid."""
    result_mm = np.empty((*onto.shape, onto.ndim), dtype=np.float32)
    for start, stop, points in _mapped_slabs(chain, onto):
        shift_mm = points - _grid_points(onto, start, stop)
        result_mm[start:stop] = shift_mm.reshape(stop - start, *onto.shape[1:], onto.ndim)
    return DisplacementTransform(result_mm, onto)


def _steps(chain: Sequence[Transform]) -> list[Callable[[Points], Points]]:
    """Return each transform as a function of points ``(N, D)`` in RAS mm."""
    return [
        partial(_apply_affine, one.matrix)
        if isinstance(one, AffineTransform)
        else partial(_apply_displacement, one.grid, _components_mm(one))
        for one in chain
    ]


def _apply_affine(matrix: NDArray[np.float64], points: Points) -> Points:
    return np.asarray(points @ matrix[:-1, :-1].T + matrix[:-1, -1])


def _apply_displacement(grid: Grid, components_mm: NDArray[np.float32], points: Points) -> Points:
    return points + _linear(components_mm, _to_index(grid, points)).T


def _components_mm(transform: DisplacementTransform) -> NDArray[np.float32]:
    """Return the displacement with its components first, ``(D, *grid)`` in mm."""
    return np.ascontiguousarray(np.moveaxis(transform.displacement_mm, -1, 0), dtype=np.float32)


def _slabs(grid: Grid) -> Iterator[tuple[int, int]]:
    """Yield ranges of rows of the first axis, so that work on a large grid takes no more memory than one slab."""
    rows = max(1, _SLAB_POINTS // math.prod(grid.shape[1:]))
    for start in range(0, grid.shape[0], rows):
        yield start, min(start + rows, grid.shape[0])


def _mapped_slabs(chain: Sequence[Transform], grid: Grid) -> Iterator[tuple[int, int, Points]]:
    """Yield slabs of a grid with the moving points ``(N, D)`` of their voxels, RAS mm."""
    stored_mm = None
    if chain and isinstance(chain[0], DisplacementTransform) and _same(chain[0].grid, grid):
        # At the centres of its own voxels a displacement needs no interpolation.
        stored_mm, chain = chain[0].displacement_mm, chain[1:]
    steps = _steps(chain)
    for start, stop in _slabs(grid):
        points = _grid_points(grid, start, stop)
        if stored_mm is not None:
            points = points + stored_mm[start:stop].reshape(-1, grid.ndim)
        for step in steps:
            points = step(points)
        yield start, stop, points


def _same(one: Grid, other: Grid) -> bool:
    return one.shape == other.shape and np.array_equal(one.vox2ras, other.vox2ras)


def _grid_points(grid: Grid, start: int, stop: int) -> Points:
    """Return the RAS mm of the voxels in rows ``start`` to ``stop`` of the first axis, ``(N, D)``."""
    axes = [np.arange(start, stop), *(np.arange(n) for n in grid.shape[1:])]
    linear, offset = grid.vox2ras[:-1, :-1], grid.vox2ras[:-1, -1]
    total: Any = offset
    for axis, ticks in enumerate(axes):
        shape = [1] * grid.ndim + [grid.ndim]
        shape[axis] = len(ticks)
        total = total + (ticks[:, None] * linear[:, axis]).reshape(shape)
    return np.asarray(total, dtype=np.float64).reshape(-1, grid.ndim)


def _to_index(grid: Grid, points: Points) -> Points:
    """Return the continuous voxel index ``(D, N)`` of points ``(N, D)`` in RAS mm."""
    inverse = np.linalg.inv(grid.vox2ras)
    return inverse[:-1, :-1] @ points.T + inverse[:-1, -1:]


def _inside(shape: Sequence[int], index: Points) -> NDArray[np.bool_]:
    """Return which points ``(D, N)`` are inside an image, ``(N,)``.

    The image extends half a voxel beyond its outer voxel centres; its upper faces are outside, as in ITK.
    """
    size = np.asarray(shape, dtype=np.float64)[:, None]
    return np.asarray(((index >= -0.5) & (index < size - 0.5)).all(axis=0))


def _linear(components: NDArray[np.float32], index: Points) -> NDArray[np.float32]:
    """Interpolate ``(C, *S)`` linearly at ``(D, N)``; return ``(C, N)``, 0 outside of the image (see `_inside`)."""
    values = _sampled(components, index)
    values[:, ~_inside(components.shape[1:], index)] = 0
    return values


def _sampled(components: NDArray[np.float32], index: Points) -> NDArray[np.float32]:
    """Interpolate ``(C, *S)`` linearly at ``(D, N)``; return ``(C, N)``, outside the value of the nearest voxel."""
    points = torch.as_tensor(index, dtype=torch.float32)
    return np.asarray(sample(torch.as_tensor(components), points, padding="border").numpy(), dtype=np.float32)


def _linear_image(data: NDArray[Any], index: Points) -> NDArray[Any]:
    return np.asarray(_sampled(data[None], index)[0])


def _nearest(data: NDArray[Any], index: Points) -> NDArray[Any]:
    # ITK rounds halves up, numpy rounds them to even.
    limits = np.asarray(data.shape, dtype=np.intp)[:, None] - 1
    rounded = np.clip(np.floor(index + 0.5).astype(np.intp), 0, limits)
    return np.asarray(data[tuple(rounded)])


def _bspline(coefficients: NDArray[Any], index: Points) -> NDArray[Any]:
    from scipy import ndimage

    return np.asarray(ndimage.map_coordinates(coefficients, index, order=3, mode="mirror", prefilter=False))


def _label(data: NDArray[Any], index: Points) -> NDArray[Any]:
    corners, weights = _corners(data.shape, index)
    flat = data.reshape(-1)
    labels = np.stack([flat[corner] for corner in corners])
    winner = labels[0].copy()
    # Most cells hold one label; weights are compared in the others only.
    mixed = np.flatnonzero((labels != winner).any(0))
    votes = labels[:, mixed]
    weight = np.stack([w[mixed] for w in weights])
    best = np.full(mixed.size, -1.0)
    chosen = np.zeros(mixed.size, dtype=data.dtype)
    for candidate in votes:
        score = (weight * (votes == candidate)).sum(0)
        # Scores that differ by rounding alone are a tie, so that the order of the corners does not decide.
        better = (score > best + 1e-9) | ((np.abs(score - best) <= 1e-9) & (candidate < chosen))
        best = np.where(better, score, best)
        chosen = np.where(better, candidate, chosen)
    winner[mixed] = chosen
    return np.asarray(winner)


def _corners(shape: Sequence[int], index: Points) -> tuple[list[NDArray[np.intp]], list[NDArray[np.float64]]]:
    """Return flat indices and linear weights of the cell corners around each point, clamped to the edge."""
    flats, weights = [np.zeros(index.shape[1], dtype=np.intp)], [np.ones(index.shape[1])]
    for axis, n in enumerate(shape):
        place = np.clip(index[axis], 0, n - 1)
        low = np.minimum(place.astype(np.intp), max(n - 2, 0))
        high = np.minimum(low + 1, n - 1)
        fraction = place - low
        flats = [flat * n + end for flat in flats for end in (low, high)]
        weights = [weight * part for weight in weights for part in (1 - fraction, fraction)]
    return flats, weights


_INTERPOLATORS = {"linear": _linear_image, "nearest": _nearest, "label": _label, "bspline": _bspline}
