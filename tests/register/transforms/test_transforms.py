from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.register.conftest import Itk
from vision_cli.register.transforms import transforms
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import (
    AffineTransform,
    DisplacementTransform,
    compose_to_displacement,
    invert,
    map_points,
    resample,
)


def as_itk(chain):
    composite = sitk.CompositeTransform(chain[0].grid.ndim)
    for part in reversed(chain):
        composite.AddTransform(Itk.transform(part))
    return composite


def centres(grid):
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1).reshape(-1, grid.ndim)
    return index @ grid.vox2ras[:-1, :-1].T + grid.vox2ras[:-1, -1]


def line(values, spacing=1.0):
    """A 2D displacement along x that is the same on every row, on a grid without rotation."""
    n = len(values)
    u = np.zeros((n, 8, 2), np.float32)
    u[..., 0] = np.asarray(values)[:, None]
    return DisplacementTransform(u, Grid((n, 8), np.diag([spacing, spacing, 1.0])))


def test_points_go_where_itk_takes_them(any_world):
    world = any_world
    rng = np.random.default_rng(1)
    low, high = centres(world.fixed).min(0), centres(world.fixed).max(0)
    # Some lie outside the grid, where a displacement is zero.
    points = rng.uniform(low - 5, high + 5, (300, world.fixed.ndim))
    flip = np.array([-1.0, -1.0, 1.0][: world.fixed.ndim])
    transform = as_itk(world.chain)
    theirs = np.array([transform.TransformPoint(point) for point in (points * flip).tolist()]) * flip
    assert map_points(world.chain, points) == pytest.approx(theirs, abs=1e-4)


@pytest.mark.parametrize("interpolation", ["linear", "nearest", "bspline"])
def test_resampling_agrees_with_itk_up_to_the_border(any_world, itk, interpolation):
    world = any_world
    ours = resample(world.image, world.moving, world.fixed, world.chain, interpolation)
    theirs = itk.resample(world.image, world.moving, world.fixed, as_itk(world.chain), interpolation)
    assert (theirs == 0).any()
    assert np.abs(ours - theirs).max() <= 1e-3 * np.ptp(world.image)


def test_labels_are_those_of_the_greatest_linear_weight(any_world, itk):
    world = any_world
    numbers = np.unique(world.labels)
    one_hot = [(world.labels == number).astype(np.float32) for number in numbers]
    weights = np.stack([itk.resample(part, world.moving, world.fixed, as_itk(world.chain)) for part in one_hot])
    ours = resample(world.labels, world.moving, world.fixed, world.chain, "label")
    theirs = np.where(weights.sum(0) > 0, numbers[weights.argmax(0)], 0)
    ordered = np.sort(weights, axis=0)
    clear = (ordered[-1] - ordered[-2] > 1e-4) | (weights.sum(0) == 0)
    assert clear.mean() > 0.99
    assert np.array_equal(ours[clear], theirs[clear])


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_labels_keep_their_numbers_and_type(make_world, dtype):
    world = make_world("oblique")
    labels = np.array([0, 7, 3, np.iinfo(dtype).max], dtype)[world.labels // 2]
    warped = resample(labels, world.moving, world.fixed, world.chain, "label")
    assert warped.dtype == dtype
    assert set(np.unique(warped)) == set(np.unique(labels))


@pytest.mark.parametrize("labels", [(9, 4), (4, 9)])
def test_of_labels_with_equal_weight_the_smaller_number_wins(labels):
    moving = Grid((2, 2), np.eye(3))
    onto = Grid((1, 2), np.array([[1.0, 0, 0.5], [0, 1, 0], [0, 0, 1]]))
    assert resample(np.array([labels, labels]).T, moving, onto, (), "label").tolist() == [[4, 4]]


def test_a_voxel_between_centres_and_border_has_the_border_value():
    moving = Grid((3, 3), np.eye(3))
    onto = Grid((5, 1), np.array([[1.0, 0, -0.9], [0, 1, 1], [0, 0, 1]]))
    image = np.full((3, 3), 2.0, np.float32)
    assert resample(image, moving, onto, ())[:, 0].tolist() == [0, 2, 2, 2, 0]


def test_slabs_do_not_show(make_world, monkeypatch):
    world = make_world("RAS")
    whole = resample(world.image, world.moving, world.fixed, world.chain)
    composed = compose_to_displacement(world.chain, world.moving)
    back = invert(world.chain[0])
    monkeypatch.setattr(transforms, "_SLAB_POINTS", 700)
    assert np.array_equal(resample(world.image, world.moving, world.fixed, world.chain), whole)
    assert np.array_equal(compose_to_displacement(world.chain, world.moving).displacement_mm, composed.displacement_mm)
    assert np.abs(invert(world.chain[0]).displacement_mm - back.displacement_mm).max() < 1e-3


def test_a_composed_chain_moves_voxels_as_the_chain_does(any_world):
    world = any_world
    whole = compose_to_displacement(world.chain, world.fixed)
    points = centres(world.fixed)
    assert map_points((whole,), points) == pytest.approx(map_points(world.chain, points), abs=1e-4)


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([2, 3]))
def test_an_inverted_affine_takes_points_back(seed, ndim):
    rng = np.random.default_rng(seed)
    matrix = np.eye(ndim + 1)
    matrix[:-1] += rng.uniform(-0.3, 0.3, (ndim, ndim + 1))
    points = rng.normal(scale=80, size=(20, ndim))
    forward = AffineTransform(matrix)
    assert map_points((forward, invert(forward)), points) == pytest.approx(points, abs=1e-8)


def test_an_inverted_displacement_takes_points_back(any_world):
    forward = any_world.chain[0]
    backward = invert(forward)
    points = centres(forward.grid)
    origins = map_points((backward,), points)
    # Beyond its grid ITK takes a displacement for zero, so only origins on the grid lead back.
    index = (origins - forward.grid.vox2ras[:-1, -1]) @ np.linalg.inv(forward.grid.vox2ras[:-1, :-1]).T
    inside = np.all((index >= 0) & (index <= np.array(forward.grid.shape) - 1), axis=1)
    assert inside.mean() > 0.7
    assert np.abs(map_points((forward,), origins) - points)[inside].max() < 2e-3


def test_a_map_that_stretches_space_fourfold_is_inverted():
    x = np.arange(64)
    # The slope of u swings between -0.9 and +3 without folding: plain fixed-point iteration does not settle here.
    slope = np.where((x > 24) & (x < 32), 3.0, np.where((x > 32) & (x < 60), -0.86, 0.0))
    forward = line(np.cumsum(slope))
    backward = invert(forward)
    points = centres(forward.grid)
    through = map_points((backward, forward), points)
    inside = (points[:, 0] > 2) & (points[:, 0] < 61)
    assert np.abs(through - points)[inside].max() < 5e-3


def test_a_displacement_in_voxels_is_along_the_axes_of_the_grid():
    grid = Grid((4, 4), np.array([[0.0, -2.0, 0.0], [3.0, 0.0, 0.0], [0.0, 0.0, 1.0]]))
    transform = DisplacementTransform(np.full((4, 4, 2), [4.0, 6.0], np.float32), grid)
    np.testing.assert_allclose(transform.in_voxels()[1, 2], [2.0, -2.0])
