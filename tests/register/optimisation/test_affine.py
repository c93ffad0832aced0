from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.phantoms.brains.brains import HEAD_CENTRE, Difference, brain_pair, slice_pair
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.affine import axis_rotations, initial_matrix, register_linear
from vision_cli.register.optimisation.images import Image
from vision_cli.register.transforms.fields import Grid

SHAPE, SPACING = (32, 38, 32), (6.0, 6.0, 6.0)
STILL = Difference(deform_mm=0, correlation_mm=60, shift_mm=12, angle_deg=20, stretch=0)
STRETCHED = Difference(deform_mm=0, correlation_mm=60, shift_mm=6, angle_deg=8, stretch=0.08)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def turned():
    return brain_pair(3, SHAPE, SPACING, difference=STILL)


@pytest.fixture(scope="module")
def turned_slice():
    return slice_pair(4, (64, 72), (3.0, 3.0), difference=STILL)


def prepared(values, vox2ras):
    return Image(images.normalise(values, torch.device("cpu")), Grid(values.shape, vox2ras))


def both(pair):
    return prepared(pair.fixed, pair.fixed_vox2ras), prepared(pair.moving, pair.moving_vox2ras)


def mean_error(pair, matrix, truth=None):
    """Mean distance in mm between found and true images of the head's voxels."""
    truth = pair.fixed_to_moving_ras if truth is None else truth
    voxels = np.argwhere(pair.fixed_labels > 0)
    points = np.c_[voxels, np.ones(len(voxels))] @ pair.fixed_vox2ras.T
    return float(np.linalg.norm((points @ (matrix - truth).T)[:, :-1], axis=1).mean())


def is_rigid(matrix):
    linear = matrix[:-1, :-1]
    return np.allclose(linear.T @ linear, np.eye(len(linear)), atol=1e-9) and np.linalg.det(linear) > 0


def test_a_rigid_motion_of_12_mm_and_20_degrees_is_found(turned):
    steps = []
    result = register_linear(*both(turned), kind="rigid", on_step=lambda name, loss: steps.append((name, loss)))
    assert mean_error(turned, np.eye(4)) > 12
    assert mean_error(turned, result.matrix) < 1.0
    assert is_rigid(result.matrix)
    assert [name for name, _ in steps] == ["coarse", "middle", "fine"]
    assert result.loss == steps[-1][1]
    assert -1 <= result.loss < -0.5


def test_a_stretched_head_is_found_and_gives_the_same_matrix_again():
    pair = brain_pair(5, SHAPE, SPACING, difference=STRETCHED)
    result, again = (register_linear(*both(pair)) for _ in range(2))
    assert mean_error(pair, result.matrix) < 1.0
    assert not is_rigid(result.matrix)
    np.testing.assert_array_equal(result.matrix, again.matrix)
    assert result.loss == again.loss


def test_the_header_start_finds_a_small_motion():
    small = Difference(deform_mm=0, correlation_mm=60, shift_mm=5, angle_deg=5, stretch=0)
    pair = brain_pair(6, SHAPE, SPACING, difference=small)
    assert mean_error(pair, register_linear(*both(pair), kind="rigid", init="header").matrix) < 1.0


def test_the_storage_order_and_a_turned_grid_of_the_moving_image_do_not_matter():
    pair = brain_pair(
        3, SHAPE, SPACING, difference=STILL, moving_axcodes="LIA", moving_oblique_deg=15, moving_spacing=(6.0, 5.0, 7.0)
    )
    assert mean_error(pair, register_linear(*both(pair), kind="rigid").matrix) < 1.0


@pytest.mark.slow
def test_a_search_finds_a_head_whose_header_has_the_axes_wrong(turned):
    wrong = np.eye(4)
    wrong[:3, :3] = [[0, 0, 1], [1, 0, 0], [0, 1, 0]]
    fixed = both(turned)[0]
    moving = prepared(turned.moving, wrong @ turned.moving_vox2ras)
    found = register_linear(fixed, moving, kind="rigid", init="search")
    truth = wrong @ turned.fixed_to_moving_ras
    assert mean_error(turned, found.matrix, truth) < 1.0
    assert is_rigid(found.matrix)
    assert found.mirrored is None, "a mirrored head fits clearly worse, and is not refined"


@pytest.mark.parametrize("metric", ["lncc", "mi", "mse", "mind"])
@pytest.mark.parametrize("kind", ["rigid", "affine"])
def test_a_motion_in_the_plane_is_found_with_each_image_term(turned_slice, metric, kind):
    result = register_linear(*both(turned_slice), kind=kind, metric=metric)
    assert mean_error(turned_slice, result.matrix) < 1.5
    assert is_rigid(result.matrix) == (kind == "rigid")


def test_a_search_in_the_plane_finds_an_upside_down_slice(turned_slice):
    fixed, moving = both(turned_slice)
    wrong = np.diag([-1.0, -1.0, 1.0])
    found = register_linear(
        fixed, Image(moving.values, Grid(moving.grid.shape, wrong @ moving.grid.vox2ras)), init="search"
    )
    assert mean_error(turned_slice, found.matrix, wrong @ turned_slice.fixed_to_moving_ras) < 1.5


def test_a_given_matrix_is_the_start(turned_slice):
    start = turned_slice.fixed_to_moving_ras.copy()
    start[:2, 2] += 3.0
    result = register_linear(*both(turned_slice), kind="affine", init=start)
    assert mean_error(turned_slice, result.matrix) < 1.0


def test_images_of_different_contrast_meet_by_mutual_information():
    pair = slice_pair(4, (64, 72), (3.0, 3.0), ("t1", "t2"), difference=STILL)
    assert mean_error(pair, register_linear(*both(pair), kind="rigid", metric="mi").matrix) < 1.5


def test_the_start_of_moments_aligns_the_centroids(turned):
    fixed, moving = both(turned)
    matrix = initial_matrix(fixed, moving, "moments")
    np.testing.assert_allclose(matrix[:3, :3], np.eye(3))
    np.testing.assert_allclose(matrix[:3, 3] + images.centroid(fixed), images.centroid(moving))
    np.testing.assert_array_equal(initial_matrix(fixed, moving, "header"), np.eye(4))
    assert np.linalg.norm(images.centroid(fixed) - HEAD_CENTRE) < 30


@pytest.mark.parametrize(("dim", "count"), [(2, 4), (3, 24)])
def test_the_axis_rotations_are_all_proper_and_distinct(dim, count):
    rotations = axis_rotations(dim)
    assert len({tuple(r.ravel()) for r in rotations}) == count
    assert all(np.linalg.det(r) == pytest.approx(1) for r in rotations)


@pytest.mark.parametrize("spacing_mm", [1.0, 250.0])
def test_images_with_next_to_no_structure_give_a_finite_matrix(spacing_mm):
    flat = np.zeros((12, 14, 13), np.float32)
    flat[4:8, 5:9, 4:9] = 1
    grid = np.diag([spacing_mm] * 3 + [1.0])
    result = register_linear(prepared(flat, grid), prepared(flat, grid))
    assert np.isfinite(result.matrix).all()
    assert np.linalg.norm(result.matrix[:3, 3]) < spacing_mm
