"""Triangles to pixels: a batched z-buffer without loops over triangles or pixels.

Every triangle becomes as many fragments as its bounding box has pixel centres; those inside the triangle compete for
their pixel with one integer that holds depth and number of the triangle, so the result has no ties and depends on
no order. Edges belong to both triangles, so a closed surface has no holes at any magnification.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_NEAR_MM, _STEPS_PER_MM = 100.0, 512.0
_TRIANGLE_BITS = 20
_EMPTY = torch.iinfo(torch.int64).max
# Barycentric tolerance: rounding must not open the seam between two triangles.
_EDGE = 1e-4
_FLAT = 1e-6


@dataclass(frozen=True)
class Fragments:
    """The pixels that show something, P of them.

    Attributes
    ----------
    pixel
        Number in ``(B, side, side)``, ``(P,)``, rising.
    face
        Index in the batch, ``(P,)``.
    triangle
        ``(P,)``.
    weights
        Shares of the triangle's three corners, ``(P, 3)``.
    """

    pixel: Tensor
    face: Tensor
    triangle: Tensor
    weights: Tensor


def rasterise(points: Tensor, triangles: Tensor, two_sided: Tensor, side: int) -> Fragments:
    """Find what each pixel shows.

    Parameters
    ----------
    points
        Corners ``(B, V, 3)``: column and row in pixels (the first pixel's centre is at 0.5), and depth in mm.
    triangles
        Corners of each, ``(T, 3)``; counter-clockwise seen from the front, rows of the picture going down.
    two_sided
        Whether a triangle is seen from behind too, ``(T,)``.
    side
        Rows and columns of the picture.
    """
    count = len(triangles)
    flat = points.reshape(-1, 3)
    starts = torch.arange(len(points), device=points.device)[:, None] * points.shape[1]
    a, b, c = (flat.index_select(0, (starts + triangles[:, k]).flatten()) for k in range(3))
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = (corner.unbind(1) for corner in (a, b, c))
    area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    left, columns = _span(ax, bx, cx, side)
    top, rows = _span(ay, by, cy, side)
    boxes = columns * rows
    seen = (area < -_FLAT) | (two_sided.repeat(len(points)) & (area > _FLAT))
    chosen = (seen & (boxes > 0)).nonzero().squeeze(1)

    def of(values: Tensor) -> Tensor:
        return values.index_select(0, chosen)

    # Planes over the pixels of the box, counted from its corner: shares of two corners, and depth.
    x0, y0, scale = of(left) + 0.5, of(top) + 0.5, 1 / of(area)
    ax, ay, bx, by, cx, cy = of(ax) - x0, of(ay) - y0, of(bx) - x0, of(by) - y0, of(cx) - x0, of(cy) - y0
    first, second = _edge(bx, by, cx, cy, scale), _edge(cx, cy, ax, ay, scale)
    deep = [of(cz) * e + of(az - cz) * p + of(bz - cz) * q for e, p, q in zip((0, 0, 1), first, second, strict=True)]
    wide, sizes = of(columns), of(boxes).long()
    table = torch.stack([*first, *second, *deep, wide, 1 / wide, of(left), of(top)], 1)

    owner = torch.repeat_interleave(torch.arange(len(chosen), device=points.device), sizes)
    offset = torch.arange(len(owner), device=points.device) - (sizes.cumsum(0) - sizes).index_select(0, owner)
    p0, p1, p2, q0, q1, q2, d0, d1, d2, wide, per_wide, left, top = table.index_select(0, owner).unbind(1)
    y = ((offset + 0.5) * per_wide).floor()
    x = offset - y * wide
    one = p0 * x + p1 * y + p2
    two = q0 * x + q1 * y + q2
    kept = (torch.minimum(torch.minimum(one, two), 1 - one - two) >= -_EDGE).nonzero().squeeze(1)
    one, two, owner = (values.index_select(0, kept) for values in (one, two, owner))
    depth, column, row = (v.index_select(0, kept) for v in (d0 * x + d1 * y + d2, left + x, top + y))
    number = chosen.index_select(0, owner)
    triangle, face = number % count, number // count
    pixel = (face * side + row.long()) * side + column.long()
    steps = ((depth - _NEAR_MM).clamp(min=0) * _STEPS_PER_MM).long()
    key = (steps << _TRIANGLE_BITS) | triangle
    nearest = torch.full((len(points) * side * side,), _EMPTY, dtype=torch.int64, device=points.device)
    nearest.scatter_reduce_(0, pixel, key, "amin")
    # One fragment a pixel: a triangle covers a pixel's centre once.
    won = (key == nearest.index_select(0, pixel)).nonzero().squeeze(1)
    order = pixel.index_select(0, won).argsort()
    best = won.index_select(0, order)
    shares = torch.stack([one, two, 1 - one - two], 1).index_select(0, best).clamp(min=0)
    shares = shares / shares.sum(1, keepdim=True)
    pixel, face, triangle = (values.index_select(0, best) for values in (pixel, face, triangle))
    return Fragments(pixel, face, triangle, shares)


def interpolate(values: Tensor, triangles: Tensor, fragments: Fragments) -> Tensor:
    """Return values ``(B, V, C)`` of the corners at the pixels, ``(P, C)``."""
    flat = values.reshape(-1, values.shape[2])
    corners = triangles.index_select(0, fragments.triangle) + (fragments.face * values.shape[1])[:, None]
    weighted = [flat.index_select(0, corners[:, k]) * fragments.weights[:, k : k + 1] for k in range(3)]
    return weighted[0] + weighted[1] + weighted[2]


def _span(a: Tensor, b: Tensor, c: Tensor, side: int) -> tuple[Tensor, Tensor]:
    """Return the first pixel whose centre lies between the least and the greatest of three places, and how many do."""
    first = (torch.minimum(torch.minimum(a, b), c) - 0.5).ceil().clamp(min=0)
    last = (torch.maximum(torch.maximum(a, b), c) - 0.5).floor().clamp(max=side - 1)
    return first, (last - first + 1).clamp(min=0)


def _edge(bx: Tensor, by: Tensor, cx: Tensor, cy: Tensor, scale: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the plane that is 0 along ``b c`` and 1 at the third corner: factors of x and y, and what is added."""
    along_x, along_y = -(cy - by) * scale, (cx - bx) * scale
    return along_x, along_y, -(along_x * bx + along_y * by)
