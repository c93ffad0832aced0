"""Rendering of point clouds without OpenGL: discs in a depth buffer, shaded by the depth around each pixel.

Coordinates are those of the points; the direction of a view points from the scene to the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

_MOST = 400_000
_COVER = 1.5
"""Radius of a disc in spacings of the points: smaller discs leave holes, larger ones round corners."""

_SAMPLE = 2000
_FEW, _DIRECTIONS, _COARSE = 15_000, 96, 90
_LIGHT = (-0.35, 0.5, 0.79)
_AMBIENT = 0.42
_RIM_PIXELS = (1, 2, 4)


@dataclass(frozen=True)
class View:
    """An orthographic view: direction, extent and resolution.

    Attributes
    ----------
    axes
        ``(3, 3)``: rows are right, up, and towards the camera.
    centre
        Centre of the picture, ``(3,)``.
    width, height
        Extent of the picture, in the unit of the points.
    pixels
        Pixels along the width.
    """

    axes: NDArray[np.float64]
    centre: NDArray[np.float64]
    width: float
    height: float
    pixels: int

    @property
    def pixel(self) -> float:
        """Size of a pixel in the unit of the points."""
        return self.width / self.pixels

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the picture."""
        return max(1, round(self.height / self.pixel)), self.pixels

    def places(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return column, row and depth ``(N, 3)`` of points, in pixels; a larger depth is nearer to the camera."""
        local = (points - self.centre) @ self.axes.T / self.pixel
        rows, columns = self.shape
        return np.stack([columns / 2 + local[:, 0], rows / 2 - local[:, 1], local[:, 2]], axis=1)


@dataclass(frozen=True)
class Picture:
    """A rendered view.

    Attributes
    ----------
    index
        Number of the visible point of each pixel, ``(H, W)``, -1 for none.
    shade
        Brightness of each pixel, ``(H, W)`` in [0, 1].
    """

    index: NDArray[np.int64]
    shade: NDArray[np.float64]


def facing_view(points: NDArray[np.float64], towards: NDArray[np.float64], pixels: int, margin: float = 0.06) -> View:
    """Return a view of points from a direction, with their longest extent horizontal."""
    towards = towards / np.linalg.norm(towards)
    centre = (points.min(axis=0) + points.max(axis=0)) / 2
    flat = points - centre
    flat = flat - (flat @ towards)[:, None] * towards
    thinned = flat[:: max(1, len(flat) // _MOST)]
    right = np.linalg.eigh(thinned.T @ thinned)[1][:, 2]
    # The sign of an eigenvector is arbitrary; it is fixed so that the same points give the same picture.
    right = right * (1.0 if right[np.abs(right).argmax()] > 0 else -1.0)
    axes = np.stack([right, np.cross(towards, right), towards])
    local = (points - centre) @ axes.T
    low, high = local.min(axis=0), local.max(axis=0)
    centre = centre + (low + high) / 2 @ axes
    width, height = (high - low)[:2] * (1 + 2 * margin)
    return View(axes, centre, float(max(width, 1e-9)), float(max(height, 1e-9)), pixels)


def scanned_side(points: NDArray[np.float64], reference: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """Return an estimate of the direction ``(3,)`` from a one-sided scan to its scanner.

    Seen along this axis the points ``(N, 3)`` cover the largest area. The side is the one from which the reference
    ``(M, 3)`` does not hide them; without a reference, the one to which the middle of the scan bulges.
    """
    few = points[:: max(1, len(points) // _FEW)]
    steps = np.arange(_DIRECTIONS) + 0.5
    height, turn = 1 - steps / _DIRECTIONS, np.pi * (1 + np.sqrt(5)) * steps
    flat = np.sqrt(1 - height**2)
    # Half a sphere is enough: a cloud covers the same pixels from behind.
    directions = np.stack([flat * np.cos(turn), flat * np.sin(turn), height], axis=1)
    size = float(np.linalg.norm(np.ptp(few, axis=0))) / _COARSE
    covered = [_covered(few, direction, size) for direction in directions]
    best = directions[int(np.argmax(covered))]
    depth = (few - few.mean(axis=0)) @ best
    if reference is not None and len(reference):
        solid = reference[:: max(1, len(reference) // _FEW)]
        hidden = [_hidden(few, solid, sign * best, size) for sign in (1.0, -1.0)]
        return np.asarray(best if hidden[0] <= hidden[1] else -best)
    away = np.linalg.norm((few - few.mean(axis=0)) - depth[:, None] * best, axis=1)
    return np.asarray(best if np.corrcoef(depth, away)[0, 1] <= 0 else -best)


def _pixels(points: NDArray[np.float64], direction: NDArray[np.float64], size: float) -> NDArray[np.int64]:
    across = np.linalg.svd(direction[None])[2][1:]
    return np.asarray(np.floor(points @ across.T / size).astype(np.int64) @ np.asarray([1 << 20, 1]))


def _covered(points: NDArray[np.float64], direction: NDArray[np.float64], size: float) -> int:
    return len(np.unique(_pixels(points, direction, size)))


def _hidden(
    points: NDArray[np.float64], solid: NDArray[np.float64], direction: NDArray[np.float64], size: float
) -> float:
    """Return the share of points that lie behind others, seen from a direction."""
    together = np.concatenate([points, solid])
    _, pixel = np.unique(_pixels(together, direction, size), return_inverse=True)
    depth = together @ direction
    front = np.full(int(pixel.max()) + 1, -np.inf)
    np.maximum.at(front, pixel.ravel(), depth)
    return float(np.mean(front[pixel.ravel()[: len(points)]] - depth[: len(points)] > 3 * size))


def render(points: NDArray[np.float64], view: View) -> Picture:
    """Return a picture of points ``(N, 3)`` as discs that just cover the surface between them."""
    step = max(1, len(points) // _MOST)
    shown = np.arange(0, len(points), step)
    places = view.places(points[shown])
    radius = min(_COVER * _spacing(points[shown]) / view.pixel, view.pixels / 20)
    rows, columns = view.shape
    depth = np.full(rows * columns, -np.inf)
    index = np.full(rows * columns, -1, dtype=np.int64)
    last = np.empty(rows * columns, dtype=np.int64)
    # Drawn from far to near: where two points meet in a pixel the last, which is the nearest, stays.
    order = np.argsort(places[:, 2], kind="stable")
    places, shown = places[order], shown[order]
    column, row = np.floor(places[:, 0]).astype(np.int64), np.floor(places[:, 1]).astype(np.int64)
    reach = int(np.ceil(radius))
    for down in range(-reach, reach + 1):
        for across in range(-reach, reach + 1):
            if down**2 + across**2 > max(radius, 0.5) ** 2:
                continue
            inside = (row + down >= 0) & (row + down < rows) & (column + across >= 0) & (column + across < columns)
            pixel = ((row + down) * columns + column + across)[inside]
            candidates = np.flatnonzero(inside)
            last[pixel] = candidates
            first = candidates == last[pixel]
            pixel, candidates = pixel[first], candidates[first]
            # The rim of a disc lies slightly behind its centre, so that a nearer centre is drawn over it.
            own = places[candidates, 2] - 0.2 * (down**2 + across**2) / max(radius, 1.0)
            nearer = own > depth[pixel]
            depth[pixel[nearer]], index[pixel[nearer]] = own[nearer], shown[candidates[nearer]]
    return Picture(index.reshape(rows, columns), _shade(depth.reshape(rows, columns)))


def _spacing(points: NDArray[np.float64]) -> float:
    sample = points[:: max(1, len(points) // _SAMPLE)]
    distances, _ = cKDTree(points).query(sample, min(5, len(points)))
    return float(np.median(np.asarray(distances)[..., -1])) / np.sqrt(4 / np.pi) if len(points) > 1 else 0.0


def _shade(depth: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the brightness from the slope of the depth, darker beside nearer surfaces."""
    filled = np.isfinite(depth)
    flat = np.where(filled, depth, 0.0)
    # Only neighbours of similar depth are averaged, so that edges stay sharp.
    total, weight = flat.copy(), filled.astype(np.float64)
    for down, across in ((0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1), (0, 2), (2, 0)):
        other, there = np.roll(flat, (down, across), (0, 1)), np.roll(filled, (down, across), (0, 1))
        near = there & filled & (np.abs(other - flat) < 3)
        total += np.where(near, other, 0.0)
        weight += near
    smooth = ndimage.gaussian_filter(np.where(filled, total / np.maximum(weight, 1), 0), 1.2)
    share = ndimage.gaussian_filter(filled.astype(np.float64), 1.2)
    smooth = np.where(filled, smooth / np.maximum(share, 1e-6), 0)
    down_slope, across_slope = np.gradient(smooth)
    normal = np.stack([-across_slope, down_slope, np.ones_like(smooth)])
    normal /= np.linalg.norm(normal, axis=0)
    bright = np.clip(np.einsum("chw,c->hw", normal, np.asarray(_LIGHT)), 0, 1)
    shade = _AMBIENT + (1 - _AMBIENT) * bright
    for reach in _RIM_PIXELS:
        for down, across in ((0, reach), (reach, 0), (0, -reach), (-reach, 0)):
            step = np.roll(np.where(filled, depth, -1e9), (down, across), (0, 1)) - np.where(filled, depth, -1e9)
            shade *= 1 - 0.1 * np.clip(step / (6 * reach) - 0.25, 0, 1)
    return np.asarray(np.where(filled, np.clip(shade, 0, 1), 0.0))
