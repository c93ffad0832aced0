"""The result of a registration."""

from __future__ import annotations

import numpy as np

from vision_cli.register.pipeline.result import Registration
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform, map_points


def test_the_chain_moves_points_by_the_warp_and_then_by_the_affine():
    grid = Grid((8, 8), np.eye(3))
    affine = AffineTransform(np.diag([2.0, 2.0, 1.0]))
    warp = DisplacementTransform(np.full((8, 8, 2), 0.5, np.float32), grid)
    points = np.array([[3.0, 4.0]])
    linear = Registration(affine=affine, work_grid=grid, foreground_voxels=64)
    np.testing.assert_allclose(map_points(linear.chain, points), [[6, 8]])
    whole = Registration(affine=affine, work_grid=grid, foreground_voxels=64, warp=warp)
    np.testing.assert_allclose(map_points(whole.chain, points), [[7, 9]])
