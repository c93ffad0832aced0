from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.phantoms.brains.deformations import (
    Deformation,
    compose,
    diffeomorphism,
    exponentiate,
    jacobian_determinant,
    smooth_velocity,
    warp_image,
    warp_labels,
)

GRIDS = [((40, 44), (2.0, 1.5)), ((24, 26, 20), (3.0, 2.5, 4.0))]


def inner(field, border=5):
    """Return the part of a field that no point of outside the grid has a share in."""
    return field[(..., *[slice(border, -border)] * (field.ndim - 1))]


def constant(shape, vector):
    return np.stack([np.full(shape, component, np.float32) for component in vector])


@pytest.mark.parametrize(("shape", "spacing"), GRIDS)
def test_a_velocity_has_the_size_asked_for_and_comes_again_with_the_seed(shape, spacing):
    draws = [smooth_velocity(shape, spacing, np.random.default_rng(1), 3.0, 4.0) for _ in range(2)]
    assert draws[0].shape == (len(shape), *shape)
    assert draws[0].std() == pytest.approx(3.0, rel=0.15)
    np.testing.assert_array_equal(*draws)


def test_a_velocity_does_not_depend_on_the_grid_it_is_drawn_on():
    coarse = smooth_velocity((10, 10), (4.0, 4.0), np.random.default_rng(2), 3.0, 15.0)
    fine = smooth_velocity((19, 19), (2.0, 2.0), np.random.default_rng(2), 3.0, 15.0)
    np.testing.assert_allclose(fine[:, ::2, ::2], coarse, atol=1e-5)


@pytest.mark.parametrize(("shape", "spacing"), GRIDS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_a_deformation_and_its_inverse_compose_to_the_identity(shape, spacing, seed):
    velocity = smooth_velocity(shape, spacing, np.random.default_rng(seed), 2.0, 25.0)
    displacement, inverse = diffeomorphism(velocity, spacing)
    for residual in (compose(displacement, inverse, spacing), compose(inverse, displacement, spacing)):
        assert np.linalg.norm(inner(residual), axis=0).max() < 0.3
        assert np.linalg.norm(inner(residual), axis=0).mean() < 0.1


@pytest.mark.parametrize(("shape", "spacing"), GRIDS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=8)
def test_a_deformation_does_not_fold(shape, spacing, seed):
    velocity = smooth_velocity(shape, spacing, np.random.default_rng(seed), 3.0, 20.0)
    for displacement in diffeomorphism(velocity, spacing):
        assert jacobian_determinant(displacement, spacing).min() > 0


def test_the_exponential_of_a_linear_velocity_is_that_of_its_matrix():
    spacing = (2.0, 2.0)
    axes = np.meshgrid(*[2.0 * np.arange(-20, 21)] * 2, indexing="ij")
    rate = np.asarray([[-0.1, 0.2], [-0.2, 0.05]])
    points = np.stack(axes).reshape(2, -1)
    velocity = (rate @ points).reshape(2, 41, 41).astype(np.float32)
    eigenvalues, vectors = np.linalg.eig(rate)
    matrix = (vectors @ np.diag(np.exp(eigenvalues)) @ np.linalg.inv(vectors)).real
    expected = (matrix @ points - points).reshape(2, 41, 41)
    np.testing.assert_allclose(inner(exponentiate(velocity, spacing), 12), inner(expected, 12), atol=0.1, rtol=0)


@pytest.mark.parametrize(("shape", "spacing"), GRIDS)
def test_the_jacobian_of_a_linear_map_is_its_determinant(shape, spacing):
    dim = len(shape)
    matrix = np.eye(dim) + 0.2 * np.random.default_rng(4).standard_normal((dim, dim))
    axes = [n * step for n, step in zip(np.ogrid[tuple(slice(s) for s in shape)], spacing, strict=True)]
    points = np.stack(np.broadcast_arrays(*axes)).reshape(dim, -1)
    displacement = (matrix @ points - points).reshape(dim, *shape).astype(np.float32)
    np.testing.assert_allclose(jacobian_determinant(displacement, spacing), np.linalg.det(matrix), rtol=1e-4)


def test_warping_pulls_the_image_back_by_the_displacement():
    image = np.random.default_rng(5).random((6, 7, 8), np.float32)
    warped = warp_image(image, constant(image.shape, (2.0, 0.0, -3.0)), (2.0, 1.0, 1.5))
    np.testing.assert_allclose(warped[:-1, :, 2:], image[1:, :, :-2], atol=1e-6)
    assert not warped[-1].any()


def test_warped_labels_are_those_of_the_deformed_solid():
    spacing = (1.0, 1.0, 1.0)
    shape = (32, 32, 32)
    points = np.stack(np.meshgrid(*[np.arange(32.0)] * 3, indexing="ij"))
    displacement, _ = diffeomorphism(smooth_velocity(shape, spacing, np.random.default_rng(6), 1.5, 10.0), spacing)

    def balls(at):
        first = np.linalg.norm(at - np.asarray([11.2, 16.3, 15.6])[:, None, None, None], axis=0) < 7.4
        second = np.linalg.norm(at - np.asarray([23.4, 15.7, 16.2])[:, None, None, None], axis=0) < 5.3
        return (3 * first + 200 * (second & ~first)).astype(np.uint8)

    warped = warp_labels(balls(points), displacement, spacing)
    expected = balls(points + displacement)
    assert warped.dtype == np.uint8
    assert set(np.unique(warped)) == {0, 3, 200}
    for label in (3, 200):
        overlap = 2 * ((warped == label) & (expected == label)).sum()
        assert overlap / ((warped == label).sum() + (expected == label).sum()) > 0.95


def test_labels_warped_by_whole_voxels_are_shifted():
    labels = np.random.default_rng(7).integers(0, 4, (6, 6, 6)).astype(np.uint8)
    warped = warp_labels(labels, constant(labels.shape, (1.0, 0.0, 0.0)), (1.0, 1.0, 1.0))
    np.testing.assert_array_equal(warped[:-1], labels[1:])
    assert not warped[-1].any()


def test_unmap_takes_mapped_points_back():
    deformation = Deformation.draw(np.random.default_rng(8), (-80,) * 3, (80,) * 3, std_mm=2.5, correlation_mm=24.0)
    points = np.random.default_rng(9).uniform(-50, 50, (3, 2000)).astype(np.float32)
    for there_and_back in (
        deformation.unmap(deformation.map(points)),
        deformation.map(deformation.unmap(points)),
    ):
        assert np.linalg.norm(there_and_back - points, axis=0).max() < 0.15
    assert np.linalg.norm(deformation.map(points) - points, axis=0).mean() > 2
