from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

SHAPES = [(24, 29), (18, 15, 20)]


def smooth_field(shape, seed=0, size=1.5, sigma=4.0):
    """Smooth field of at most ``size`` voxels that fades out at the border."""
    rng = np.random.default_rng(seed)
    field = np.stack([ndimage.gaussian_filter(rng.normal(size=shape), sigma) for _ in shape])
    for axis, n in enumerate(shape, start=1):
        window = np.sin(np.pi * np.arange(n) / (n - 1)) ** 2
        field *= window.reshape([-1 if a == axis else 1 for a in range(field.ndim)])
    return torch.tensor(size * field / np.abs(field).max(), dtype=torch.float32)


def largest(displacement):
    return float(displacement.abs().max())


def test_a_resized_grid_has_the_same_corner_voxel_centres():
    grid = Grid((11, 21, 1), np.array([[0, -2.0, 0, 5], [3, 0, 0, 1], [0, 0, 4, 2], [0, 0, 0, 1]]))
    resized = grid.resized((6, 5, 1))
    np.testing.assert_allclose(resized.vox2ras @ [0, 0, 0, 1], grid.vox2ras @ [0, 0, 0, 1])
    np.testing.assert_allclose(resized.vox2ras @ [5, 4, 0, 1], grid.vox2ras @ [10, 20, 0, 1])
    np.testing.assert_allclose(grid.spacing, [3, 2, 4])
    np.testing.assert_allclose(resized.spacing, [6, 10, 4])


def test_a_cropped_grid_begins_at_the_voxel():
    grid = Grid((11, 21), np.array([[0, -2.0, 5], [3, 0, 1], [0, 0, 1]]))
    cropped = grid.cropped((2, 3), (4, 5))
    assert cropped.shape == (4, 5)
    np.testing.assert_allclose(cropped.vox2ras @ [1, 1, 1], grid.vox2ras @ [3, 4, 1])


@pytest.mark.parametrize("shape", SHAPES)
def test_affine_points_are_the_matrix_times_the_voxels(shape):
    dim = len(shape)
    matrix = np.eye(dim + 1)
    matrix[:dim] += np.random.default_rng(1).normal(size=(dim, dim + 1))
    identity = fields.identity_points(shape, torch.device("cpu")).numpy()
    expected = np.einsum("ij,j...->i...", matrix[:dim, :dim], identity) + matrix[:dim, dim].reshape(-1, *[1] * dim)
    found = fields.affine_points(matrix, shape, torch.device("cpu"))
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("padding", "mode"), [("zeros", "grid-constant"), ("border", "nearest")])
@pytest.mark.parametrize("count", [50, 9_000])
def test_sampling_is_linear_interpolation_by_scipy(shape, padding, mode, count):
    rng = np.random.default_rng(2)
    image = rng.normal(size=(2, *shape)).astype(np.float32)
    points = np.stack([rng.uniform(-3, n + 2, size=count) for n in shape]).astype(np.float32)
    points = points.reshape(2, count // 10, 10) if len(shape) == 2 else points.reshape(3, count // 10, 5, 2)
    found = fields.sample(torch.tensor(image), torch.tensor(points), padding=padding)
    expected = [ndimage.map_coordinates(channel, points, order=1, mode=mode) for channel in image]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-4)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_sampling_does_not_depend_on_the_number_of_threads(threads):
    rng = np.random.default_rng(3)
    image = torch.tensor(rng.normal(size=(1, 30, 31))).float()
    points = torch.tensor(rng.uniform(0, 29, size=(2, 71, 73))).float()
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        expected = fields.sample(image, points)
        torch.set_num_threads(threads)
        found = fields.sample(image, points)
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


def test_composition_applies_the_first_field_first():
    shape = (16, 18)
    shift = torch.zeros(2, *shape)
    shift[0] = 2.0
    x, _ = fields.identity_points(shape, torch.device("cpu"))
    stretch = torch.stack([0.5 * x, torch.zeros(shape)])
    # x -> x + 2 -> 1.5 (x + 2)
    found = fields.compose(shift, stretch)[0, :13]
    torch.testing.assert_close(found, (1.5 * (x + 2) - x)[:13])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_exponential_of_a_constant_velocity_is_a_shift(shape):
    velocity = torch.full((len(shape), *shape), 1.25)
    torch.testing.assert_close(fields.exponentiate(velocity, 6), velocity)


def test_the_exponential_of_a_swelling_is_that_of_its_rate():
    shape = (41, 41)
    x = fields.identity_points(shape, torch.device("cpu")) - 20
    found = fields.exponentiate(-0.3 * x, 9)
    torch.testing.assert_close(found, (np.exp(-0.3) - 1) * x, atol=5e-3, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_exponentials_of_a_velocity_and_its_opposite_are_inverses(shape):
    velocity = smooth_field(shape, size=1.2)
    forward, backward = (fields.exponentiate(sign * velocity, 7) for sign in (1, -1))
    assert largest(forward) > 1
    assert largest(fields.compose(forward, backward)) < 0.05
    assert largest(fields.compose(backward, forward)) < 0.05


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), dim=st.sampled_from([2, 3]), size=st.floats(0.1, 4.0))
def test_the_exponential_of_a_smooth_velocity_does_not_fold(seed, dim, size):
    velocity = smooth_field((22, 20, 18)[:dim], seed, size, sigma=3.0)
    assert float(fields.jacobian_determinant(fields.exponentiate(velocity, 7)).min()) > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_an_inverse_by_fixed_point_steps_undoes_the_field(shape):
    displacement = smooth_field(shape, size=1.0)
    inverse = fields.invert(displacement)
    assert largest(fields.compose(inverse, displacement)) < 1e-3
    assert largest(fields.compose(displacement, inverse).abs().mean(0)) < 0.1


@pytest.mark.parametrize("shape", SHAPES)
def test_newton_steps_from_a_good_guess_improve_it(shape):
    velocity = smooth_field(shape, size=3.0)
    forward = fields.exponentiate(velocity, 7)
    guess = fields.exponentiate(-velocity, 7)
    before, after = (largest(fields.compose(w, forward)) for w in (guess, fields.invert(forward, guess, iterations=3)))
    assert after < 0.25 * before
    assert after < 5e-3


@pytest.mark.parametrize("shape", SHAPES)
def test_resizing_keeps_a_linear_field(shape):
    dim = len(shape)
    field = fields.identity_points(shape, torch.device("cpu"))
    target = (9, 37, 12)[:dim]
    resized = fields.resize(field, target)
    for axis in range(dim):
        expected = torch.linspace(0, shape[axis] - 1, target[axis])
        line = resized[axis].movedim(axis, 0).reshape(target[axis], -1)
        torch.testing.assert_close(line, expected[:, None].expand_as(line), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_rescaling_keeps_the_displacement_in_mm(shape):
    dim = len(shape)
    grid = Grid(shape, np.diag([*[1.5, 2.0, 3.0][:dim], 1.0]))
    other = grid.resized((11, 40, 13)[:dim])
    field = smooth_field(shape)
    there = fields.rescale(field, other.shape)
    in_mm = [f * torch.tensor(g.spacing).float().view(-1, *[1] * dim) for f, g in ((field, grid), (there, other))]
    torch.testing.assert_close(in_mm[1], fields.resize(in_mm[0], other.shape), atol=1e-5, rtol=1e-5)


def test_rescaling_leaves_a_single_slice_alone():
    field = torch.ones(3, 8, 8, 1)
    torch.testing.assert_close(fields.rescale(field, (15, 15, 1))[2], torch.ones(15, 15, 1))


@pytest.mark.parametrize("dim", [2, 3])
def test_the_jacobian_determinant_of_a_linear_map_is_its_determinant(dim):
    slope = 0.2 * np.random.default_rng(4).normal(size=(dim, dim))
    points = fields.identity_points((6, 7, 8)[:dim], torch.device("cpu"))
    field = torch.einsum("ca,a...->c...", torch.tensor(slope).float(), points)
    found = fields.jacobian_determinant(field)
    torch.testing.assert_close(found, torch.full_like(found, np.linalg.det(np.eye(dim) + slope)), atol=1e-4, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [0.7, 1.5])
def test_the_gaussian_blur_is_scipys(shape, width):
    image = np.random.default_rng(5).normal(size=(2, *shape)).astype(np.float32)
    sigma = (width, 0.0, 1.2 * width)[: len(shape)]
    radius = [int(3 * s + 0.5) for s in sigma]
    found = fields.gaussian_blur(torch.tensor(image), sigma)
    expected = [ndimage.gaussian_filter(channel, sigma, mode="nearest", radius=radius) for channel in image]
    np.testing.assert_allclose(found, np.stack(expected), atol=1e-5)


def test_a_blur_wider_than_the_image_keeps_a_constant():
    image = torch.full((1, 4, 3, 1), 0.7)
    torch.testing.assert_close(fields.gaussian_blur(image, (5.0, 5.0, 5.0)), image)


@pytest.mark.parametrize("shape", [(24, 29), (18, 15, 20), (40, 3, 2), (1, 30)])
@pytest.mark.parametrize("voxels", [1, 100, 10**6])
def test_ranges_of_rows_follow_each_other_and_cover_the_grid(shape, voxels):
    ranges = fields.row_ranges(shape, voxels)
    assert [k for start, stop in ranges for k in range(start, stop)] == list(range(shape[0]))
    assert all(stop > start for start, stop in ranges)


def by_thin_rows(monkeypatch):
    monkeypatch.setattr(fields, "row_ranges", lambda shape: [(k, min(k + 2, shape[0])) for k in range(0, shape[0], 2)])


@pytest.mark.parametrize("shape", [(25, 29), (18, 15, 20), (1, 12), (2, 9)])
def test_a_determinant_map_by_rows_is_the_determinant(shape, monkeypatch):
    displacement = torch.tensor(np.random.default_rng(4).normal(size=(len(shape), *shape)))
    by_thin_rows(monkeypatch)
    expected = fields.jacobian_determinant(displacement)
    torch.testing.assert_close(fields.jacobian_determinant_by_rows(displacement), expected, rtol=0, atol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("guessed", [False, True])
def test_an_inverse_by_rows_is_the_inverse(shape, guessed, monkeypatch):
    velocity = smooth_field(shape, size=3.0)
    forward = fields.exponentiate(velocity, 7)
    guess = fields.exponentiate(-velocity, 5) if guessed else None
    whole = fields.invert(forward, guess, iterations=3)
    balanced = fields.balance_inverse(forward, whole, 0.4)
    by_thin_rows(monkeypatch)
    torch.testing.assert_close(fields.invert(forward, guess, iterations=3), whole, rtol=0, atol=1e-5)
    torch.testing.assert_close(fields.balance_inverse(forward, whole, 0.4), balanced, rtol=0, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_balancing_evens_out_the_two_compositions(shape):
    velocity = smooth_field(shape, size=4.0, sigma=2.5)
    forward = fields.exponentiate(velocity, 7)
    exact = fields.invert(forward, fields.exponentiate(-velocity, 7), iterations=6)

    def errors(inverse):
        pairs = ((forward, inverse), (inverse, forward))
        return [float(fields.compose(*pair).norm(dim=0).mean()) for pair in pairs]

    before, after = errors(exact), errors(fields.balance_inverse(forward, exact, 0.4))
    assert before[1] < 0.1 * before[0]
    assert after[0] < 0.85 * before[0]
    assert after[1] < after[0]


def test_balancing_leaves_a_shift_alone():
    shift = torch.ones(2, 12, 14) * torch.tensor([1.5, -0.75])[:, None, None]
    torch.testing.assert_close(fields.balance_inverse(shift, -shift, 1.0), -shift, atol=1e-6, rtol=0)
