"""Triangles become pixels without holes, and the nearest one is seen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.phantoms.faces.rig.drawing.rasteriser import interpolate, rasterise


def sphere(rows, columns, side, radius):
    """Return the front of a sphere as a grid of triangles in the middle of a picture."""
    v, u = np.meshgrid(np.linspace(1.45, -1.45, rows), np.linspace(-1.45, 1.45, columns), indexing="ij")
    x, y, z = np.sin(u) * np.cos(v), np.sin(v), np.cos(u) * np.cos(v)
    points = np.stack([side / 2 + radius * x, side / 2 - radius * y, 500 - radius * z], -1).reshape(1, -1, 3)
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    triangles = np.concatenate([np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)])
    return torch.tensor(points, dtype=torch.float32), torch.tensor(triangles)


@pytest.mark.parametrize(("side", "radius", "rows"), [(32, 12.0, 40), (64, 30.3, 21), (256, 117.7, 9), (96, 300.0, 40)])
def test_a_surface_has_no_pinholes_at_any_magnification(side, radius, rows):
    points, triangles = sphere(rows, rows, side, radius)
    found = rasterise(points, triangles, torch.zeros(len(triangles), dtype=torch.bool), side)
    seen = np.zeros(side * side, bool)
    seen[found.pixel.numpy()] = True
    row, column = np.mgrid[:side, :side] + 0.5 - side / 2
    inside = np.hypot(row, column) < 0.80 * radius
    assert seen.reshape(side, side)[inside].all()
    assert len(np.unique(found.pixel.numpy())) == len(found.pixel)


def brute_force(points, triangles, side):
    """Test every pixel against every triangle in double precision."""
    nearest = np.full((side, side), np.inf)
    number = np.full((side, side), -1)
    for t, corners in enumerate(points[triangles].astype(np.float64)):
        a, b, c = corners[:, :2]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
        for row in range(side):
            for column in range(side):
                p = np.array([column + 0.5, row + 0.5])
                u = ((b[0] - p[0]) * (c[1] - p[1]) - (b[1] - p[1]) * (c[0] - p[0])) / area
                v = ((c[0] - p[0]) * (a[1] - p[1]) - (c[1] - p[1]) * (a[0] - p[0])) / area
                depth = u * corners[0, 2] + v * corners[1, 2] + (1 - u - v) * corners[2, 2]
                if min(u, v, 1 - u - v) >= 0 and depth < nearest[row, column]:
                    nearest[row, column], number[row, column] = depth, t
    return number


def test_the_nearest_triangle_is_seen_as_by_brute_force():
    rng = np.random.default_rng(4)
    side, count = 12, 14
    points = np.concatenate([rng.uniform(-3, side + 3, (3 * count, 2)), rng.uniform(400, 800, (3 * count, 1))], 1)
    triangles = np.arange(3 * count).reshape(-1, 3)
    found = rasterise(
        torch.tensor(points[None], dtype=torch.float32),
        torch.tensor(triangles),
        torch.ones(count, dtype=torch.bool),
        side,
    )
    ours = np.full(side * side, -1)
    ours[found.pixel.numpy()] = found.triangle.numpy()
    np.testing.assert_array_equal(ours.reshape(side, side), brute_force(points, triangles, side))


def test_the_back_of_a_triangle_is_seen_only_if_it_has_two_sides():
    points = torch.tensor([[[1.0, 1.0, 500.0], [7.0, 1.0, 500.0], [1.0, 7.0, 500.0]]])
    front, back = torch.tensor([[0, 2, 1]]), torch.tensor([[0, 1, 2]])
    one, two = torch.zeros(1, dtype=torch.bool), torch.ones(1, dtype=torch.bool)
    sizes = [len(rasterise(points, t, s, 8).pixel) for t, s in ((front, one), (back, one), (back, two))]
    assert sizes[0] == sizes[2] > 10
    assert sizes[1] == 0


def test_values_are_interpolated_linearly():
    points, triangles = sphere(8, 8, 32, 14.0)
    found = rasterise(points, triangles, torch.zeros(len(triangles), dtype=torch.bool), 32)
    seen = interpolate(points, triangles, found).numpy()
    np.testing.assert_allclose(seen[:, 0], found.pixel.numpy() % 32 + 0.5, atol=2e-3)
    np.testing.assert_allclose(seen[:, 1], found.pixel.numpy() // 32 + 0.5, atol=2e-3)
