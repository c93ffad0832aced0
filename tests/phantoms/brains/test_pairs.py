from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vision_cli.phantoms.brains.pairs import PhantomGrid, observe, residual_affine, transform_points

CODES = ["RAS", "LAS", "LIA", "PSR", "ASL", "SPL"]


@given(codes=st.sampled_from(CODES), oblique=st.floats(-30, 30))
def test_a_grid_has_the_axes_spacing_and_middle_asked_for(codes, oblique):
    grid = PhantomGrid.oriented((10, 12, 14), (1.0, 2.0, 3.0), axcodes=codes, centre=(4, 5, 6), oblique_deg=oblique)
    along = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    assert "".join(nib.aff2axcodes(grid.vox2ras)) == codes
    assert grid.shape == tuple((10, 12, 14)[along[code]] for code in codes)
    assert grid.spacing == pytest.approx([(1.0, 2.0, 3.0)[along[code]] for code in codes])
    assert grid.points().mean(axis=1) == pytest.approx([4, 5, 6], abs=1e-3)


def test_the_points_of_a_grid_come_in_the_order_of_its_array():
    grid = PhantomGrid.oriented((3, 4, 5), (1.0, 2.0, 3.0), axcodes="LIA", centre=(0, 0, 0))
    points = grid.points().reshape(3, *grid.shape)
    np.testing.assert_allclose(points[:, 1, 2, 3], (grid.vox2ras @ [1, 2, 3, 1])[:3], atol=1e-5)


def test_a_box_holds_the_grid_and_its_margin():
    grid = PhantomGrid.oriented((8, 9, 10), (2.0,) * 3, axcodes="LIA", centre=(1, 2, 3), oblique_deg=20)
    low, high = grid.box(7.0)
    np.testing.assert_allclose(low, grid.points().min(axis=1) - 7, atol=1e-3)
    np.testing.assert_allclose(high, grid.points().max(axis=1) + 7, atol=1e-3)


@pytest.mark.parametrize("dim", [2, 3])
def test_a_voxel_on_a_border_is_seen_in_proportion(dim):
    grid = PhantomGrid.oriented((6,) * dim, (1.0,) * dim, axcodes="RAS"[:dim], centre=(0.0,) * dim)
    # The border x = 0.5 is the middle of a layer of voxels.
    samples = observe(lambda points: (points[0] < 0.5).astype(np.uint8), grid, lambda points: points)
    share = np.mean(samples[1:], axis=0)
    assert len(samples) == 5
    np.testing.assert_array_equal(share.reshape(6, -1)[:, 0], [1, 1, 1, 0.5, 0, 0])


def test_a_view_through_a_map_is_the_anatomy_at_mapped_points():
    grid = PhantomGrid.oriented((6, 6, 6), (1.0,) * 3, axcodes="RAS", centre=(0, 0, 0))
    seen = observe(lambda points: (points[0] > 0).astype(np.uint8), grid, lambda points: points + 1.75)[0]
    np.testing.assert_array_equal(seen[:, 0, 0], [0, 1, 1, 1, 1, 1])


@pytest.mark.parametrize("dim", [2, 3])
def test_a_residual_affine_has_the_shift_and_angle_asked_for(dim):
    centre = np.arange(1.0, dim + 1)
    matrix = residual_affine(np.random.default_rng(0), shift_mm=6, angle_deg=8, stretch=0, centre=centre)
    linear = matrix[:dim, :dim]
    moved = transform_points(matrix, centre[:, None].astype(np.float32))[:, 0] - centre
    assert np.linalg.norm(moved) == pytest.approx(6, abs=1e-4)
    np.testing.assert_allclose(linear @ linear.T, np.eye(dim), atol=1e-9)
    cosine = linear[0, 0] if dim == 2 else (np.trace(linear) - 1) / 2
    assert np.degrees(np.arccos(cosine)) == pytest.approx(8)


def test_nothing_asked_for_is_the_identity():
    matrix = residual_affine(np.random.default_rng(0), shift_mm=0, angle_deg=0, stretch=0, centre=(1, 2, 3))
    np.testing.assert_allclose(matrix, np.eye(4), atol=1e-12)
