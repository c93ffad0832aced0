"""Smoothing that keeps edges: a weighted least-squares problem on the pixel grid, and the guided filter.

The illumination of LIME, DUAL and BIMEF, and both layers of SRIE and JED, minimise a sum of squares with one weight
for each pair of neighbours, ``sum m (x - target)**2 + sum_h w_h (D_h x)**2 + sum_v w_v (D_v x)**2``. Up to half a
megapixel the linear system is factorised, which takes 1 GB at 0.7 megapixels; above that it is solved by conjugate
gradients that are preconditioned by a multigrid cycle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vision_cli.core.errors import NumericalError

Field = NDArray[np.float64]

_MOST_FACTORISED = 500_000
_COARSEST = 1000
_TOLERANCE, _MOST_ITERATIONS = 1e-2, 400
"""Of the residual, relative to the right side: no eigenvalue is below 1, so the error is smaller, and much smaller
where the weights are large."""


def smooth(target: Field, across: Field, down: Field, mass: Field | None = None) -> Field:
    """Return the minimiser of the weighted sum of squares.

    Parameters
    ----------
    target
        ``(H, W)``.
    across
        ``(H, W - 1)``, weights of neighbours in a row, at least 0.
    down
        ``(H - 1, W)``, weights of neighbours in a column.
    mass
        ``(H, W)``, weights of the target; 1 by default.

    Raises
    ------
    NumericalError
        If the iteration for large pictures does not converge.
    """
    level = _Level(np.ones_like(target) if mass is None else mass, across, down)
    right = target if mass is None else mass * target
    if target.size <= _MOST_FACTORISED:
        return _factorised(level, right)
    return _iterated(level, right, target)


def guided(guide: Field, target: Field, radius: int, epsilon: float) -> Field:
    """Return a target smoothed by the guided filter (He, Sun and Tang, TPAMI 2013, eqs. 5 and 6).

    Parameters
    ----------
    guide, target
        ``(H, W)``.
    radius
        Of the square windows, pixels.
    epsilon
        Variance of the guide below which a window is smoothed.
    """
    import cv2

    def mean(field: Field) -> Field:
        size = (2 * radius + 1, 2 * radius + 1)
        return np.asarray(cv2.blur(field, size, borderType=cv2.BORDER_REFLECT), dtype=np.float64)

    mean_guide, mean_target = mean(guide), mean(target)
    variance = np.maximum(mean(guide * guide) - mean_guide**2, 0)
    slope = (mean(guide * target) - mean_guide * mean_target) / (variance + epsilon)
    return mean(slope) * guide + mean(mean_target - slope * mean_guide)


@dataclass(frozen=True)
class _Level:
    """The matrix of a grid: mass on the diagonal plus the Laplacian of its weights."""

    mass: Field
    across: Field
    down: Field

    @property
    def diagonal(self) -> Field:
        total = self.mass.copy()
        total[:, :-1] += self.across
        total[:, 1:] += self.across
        total[:-1] += self.down
        total[1:] += self.down
        return total

    def neighbours(self, field: Field) -> Field:
        """Weighted sum over the neighbours."""
        total = np.zeros_like(field)
        total[:, :-1] += self.across * field[:, 1:]
        total[:, 1:] += self.across * field[:, :-1]
        total[:-1] += self.down * field[1:]
        total[1:] += self.down * field[:-1]
        return total

    def coarser(self) -> _Level:
        """Return the grid of 2 x 2 aggregates: masses add up, and so do the weights between two of them."""
        height, width = self.mass.shape
        rows, columns = (height + 1) // 2, (width + 1) // 2
        across, down = np.zeros((2 * rows, columns - 1)), np.zeros((rows - 1, 2 * columns))
        across[:height], down[:, :width] = self.across[:, 1::2], self.down[1::2]
        mass = np.zeros((2 * rows, 2 * columns))
        mass[:height, :width] = self.mass
        return _Level(
            mass.reshape(rows, 2, columns, 2).sum(axis=(1, 3)),
            across.reshape(rows, 2, columns - 1).sum(axis=1),
            down.reshape(rows - 1, columns, 2).sum(axis=2),
        )


def _factorised(level: _Level, right: Field) -> Field:
    from scipy.sparse import diags_array
    from scipy.sparse.linalg import splu

    height, width = right.shape
    if right.size == 1:
        return right / level.mass
    # The last weight of each row is that between two rows' ends, which are no neighbours.
    across = np.zeros((height, width))
    across[:, :-1] = -level.across
    beside, below = across.ravel()[:-1], -level.down.ravel()
    # In a picture one pixel wide both kinds of neighbours would lie on the same diagonal.
    bands = {1: beside, -1: beside} if width > 1 else {}
    if height > 1:
        bands |= {width: below, -width: below}
    matrix = diags_array([level.diagonal.ravel(), *bands.values()], offsets=[0, *bands]).tocsc()
    factors = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.asarray(factors.solve(right.ravel()), dtype=np.float64).reshape(right.shape)


def _iterated(level: _Level, right: Field, start: Field) -> Field:
    cycle = _Multigrid(level)
    diagonal = level.diagonal
    solution = start.copy()
    residual = right - diagonal * solution + level.neighbours(solution)
    limit = _TOLERANCE * float(np.linalg.norm(right))
    direction = np.zeros_like(right)
    before = 1.0
    for _ in range(_MOST_ITERATIONS):
        if float(np.linalg.norm(residual)) <= limit:
            return solution
        corrected = cycle(residual)
        now = float(np.vdot(residual, corrected))
        direction = corrected + (now / before) * direction
        before = now
        image = diagonal * direction - level.neighbours(direction)
        step = now / float(np.vdot(direction, image))
        solution += step * direction
        residual -= step * image
    raise NumericalError(
        f"the illumination of a picture of {right.shape[1]} x {right.shape[0]} pixels did not converge.",
        hint="Enhance a smaller copy, or use lime-fast.",
    )


class _Multigrid:
    """One V-cycle with symmetric red-black smoothing; the coarsest grid is inverted."""

    def __init__(self, finest: _Level) -> None:
        self._levels = [finest]
        while self._levels[-1].mass.size > _COARSEST:
            self._levels.append(self._levels[-1].coarser())
        self._diagonals = [level.diagonal for level in self._levels]
        self._red = [np.add.outer(*map(np.arange, level.mass.shape)) % 2 == 0 for level in self._levels]
        coarsest = self._levels[-1]
        unit = np.eye(coarsest.mass.size).reshape(-1, *coarsest.mass.shape)
        matrix = np.stack([self._diagonals[-1] * one - coarsest.neighbours(one) for one in unit])
        self._inverse = np.linalg.inv(matrix.reshape(len(unit), -1))

    def __call__(self, right: Field, depth: int = 0) -> Field:
        if depth == len(self._levels) - 1:
            return (self._inverse @ right.ravel()).reshape(right.shape)
        level, diagonal, red = self._levels[depth], self._diagonals[depth], self._red[depth]
        field = np.where(red, right / diagonal, 0)
        field = np.where(red, field, (right + level.neighbours(field)) / diagonal)
        residual = right - diagonal * field + level.neighbours(field)
        height, width = right.shape
        padded = np.zeros((height + height % 2, width + width % 2))
        padded[:height, :width] = residual
        pooled = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).sum(axis=(1, 3))
        correction = self(pooled, depth + 1)
        field += correction.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
        field = np.where(red, field, (right + level.neighbours(field)) / diagonal)
        return np.where(red, (right + level.neighbours(field)) / diagonal, field)
