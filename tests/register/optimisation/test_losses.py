from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vision_cli.register.optimisation.losses import (
    LocalCorrelation,
    MeanSquares,
    ModalityIndependent,
    MutualInformation,
    box_sum,
    build_similarity,
    divergence_penalty,
    fold_penalty,
    gradient_penalty,
    published_gradient_penalty,
)

SHAPES = [(14, 17), (9, 11, 10)]
METRICS = ["lncc", "mi", "mind", "mse"]


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def smooth(rng, shape, sigma=1.5):
    image = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    return (image - image.min()) / (image.max() - image.min())


def correlation_by_scipy(fixed, warped, width, weight=None, eps=1e-8):
    def mean(x):
        return ndimage.uniform_filter(x, width, mode="constant")

    covariance = mean(fixed * warped) - mean(fixed) * mean(warped)
    variances = [mean(x * x) - mean(x) ** 2 for x in (fixed, warped)]
    quality = covariance**2 / (variances[0] * variances[1] + eps)
    return -np.average(quality, weights=weight)


def rotation_field(size, angle):
    """Field of an infinitesimal rotation of a square grid about its middle, ``(2, size, size)``."""
    x, y = np.meshgrid(*[np.arange(size) - (size - 1) / 2] * 2, indexing="ij")
    return torch.tensor(angle * np.stack([-y, x]))


@pytest.mark.parametrize("width", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("shape", [(14, 17), (9, 11, 10), (4, 6, 5), (12, 13, 1)])
def test_a_box_sum_is_scipys_uniform_filter(width, shape, rng):
    image = rng.normal(size=shape)
    axes = tuple(axis for axis, n in enumerate(shape) if n > 1)
    expected = ndimage.uniform_filter(image, width, mode="constant", axes=axes) * width ** len(axes)
    np.testing.assert_allclose(box_sum(torch.tensor(image), width), expected, atol=1e-11)


def test_a_box_sum_leaves_its_input_alone(rng):
    image = torch.tensor(rng.normal(size=(6, 7)))
    before = image.clone()
    box_sum(image, 3)
    torch.testing.assert_close(image, before, rtol=0, atol=0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("width", [3, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_local_correlation_agrees_with_window_means_by_scipy(shape, width, weighted, rng):
    fixed, warped = smooth(rng, shape), smooth(rng, shape)
    weight = rng.uniform(size=shape) if weighted else None
    loss = LocalCorrelation(torch.tensor(fixed), width, None if weight is None else torch.tensor(weight))
    expected = correlation_by_scipy(fixed, warped, width, weight)
    assert float(loss(torch.tensor(warped))) == pytest.approx(expected, rel=1e-9)


def test_local_correlation_in_single_precision_agrees_with_double(rng):
    fixed, warped = smooth(rng, (20, 21, 22)), smooth(rng, (20, 21, 22))
    loss = LocalCorrelation(torch.tensor(fixed).float(), 5)
    expected = correlation_by_scipy(fixed, warped, 5)
    assert float(loss(torch.tensor(warped).float())) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("shape", [(8, 9), (5, 6, 7)])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_gradient_of_local_correlation_is_that_of_finite_differences(shape, weighted, rng):
    fixed = torch.tensor(smooth(rng, shape, 0.8))
    warped = torch.tensor(smooth(rng, shape, 0.8), requires_grad=True)
    weight = torch.tensor(rng.uniform(size=shape)) if weighted else None
    assert torch.autograd.gradcheck(LocalCorrelation(fixed, 3, weight, eps=1e-6), (warped,))


def test_a_chain_of_losses_scales_the_gradient_of_local_correlation(rng):
    fixed = torch.tensor(smooth(rng, (8, 9)))
    warped = torch.tensor(smooth(rng, (8, 9)), requires_grad=True)
    loss = LocalCorrelation(fixed, 3)
    (plain,) = torch.autograd.grad(loss(warped), warped)
    (scaled,) = torch.autograd.grad(-2.5 * loss(warped), warped)
    torch.testing.assert_close(scaled, -2.5 * plain)


@pytest.mark.parametrize("shape", SHAPES)
def test_local_correlation_does_not_see_a_change_of_scale_inside(shape, rng):
    fixed = torch.tensor(smooth(rng, shape))
    weight = torch.zeros(shape, dtype=torch.float64)
    weight[(slice(2, -2),) * len(shape)] = 1
    loss = LocalCorrelation(fixed, 5, weight, eps=1e-14)
    for contrast in (0.4 * fixed + 0.3, 1 - fixed):
        assert float(loss(contrast)) == pytest.approx(-1, abs=1e-5)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("shape", [(24, 26), (16, 18, 17)])
def test_every_similarity_prefers_the_aligned_image(metric, shape, rng):
    image = torch.tensor(smooth(rng, shape)).float()
    loss = build_similarity(metric, image, 5)
    losses = [float(loss(torch.roll(image, shift, 0))) for shift in (0, 1, 3)]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize("metric", METRICS)
def test_every_similarity_has_a_finite_gradient_also_for_flat_images(metric, rng):
    shape = (12, 13, 11)
    for fixed in (torch.zeros(shape), torch.tensor(smooth(rng, shape)).float()):
        warped = torch.zeros(shape, requires_grad=True)
        (gradient,) = torch.autograd.grad(build_similarity(metric, fixed, 5)(warped), warped)
        assert torch.isfinite(gradient).all()


@pytest.mark.parametrize("metric", METRICS)
def test_voxels_without_weight_do_not_count(metric, rng):
    shape = (24, 26)
    fixed, warped = (torch.tensor(smooth(rng, shape)).float() for _ in range(2))
    weight = torch.zeros(shape)
    weight[:8] = 1
    other = warped.clone()
    other[16:] = torch.rand(8, 26, generator=torch.Generator().manual_seed(1))
    loss = build_similarity(metric, fixed, 5, weight)
    # the clamp of MIND is relative to the whole image's mean variance, and so the one thing that is not local
    tolerance = 2e-2 if metric == "mind" else 1e-6
    assert float(loss(other)) == pytest.approx(float(loss(warped)), abs=tolerance)


def test_mean_squares_is_the_mean_of_the_squared_difference(rng):
    fixed, warped, weight = (rng.uniform(size=(9, 8)) for _ in range(3))
    square = (warped - fixed) ** 2
    tensors = [torch.tensor(x) for x in (fixed, warped, weight)]
    assert float(MeanSquares(tensors[0])(tensors[1])) == pytest.approx(square.mean())
    expected = np.average(square, weights=weight)
    assert float(MeanSquares(tensors[0], tensors[2])(tensors[1])) == pytest.approx(expected)


def test_mutual_information_of_an_image_with_itself_is_between_none_and_its_entropy(rng):
    image = smooth(rng, (60, 70))
    rows = np.floor(image * 31 + 0.5).astype(int)
    share = np.bincount(rows.ravel()) / rows.size
    entropy = -(share[share > 0] * np.log(share[share > 0])).sum()
    found = -float(MutualInformation(torch.tensor(image))(torch.tensor(image)))
    # the spline spreads an intensity over four bins, which costs some of the information
    assert 0.5 * entropy < found <= entropy


def test_mutual_information_of_unrelated_images_is_near_none(rng):
    fixed, warped = (torch.tensor(rng.uniform(size=(200, 200))) for _ in range(2))
    assert 0 <= -float(MutualInformation(fixed)(warped)) < 0.02


def test_mutual_information_does_not_see_an_inverted_contrast(rng):
    fixed, warped = (torch.tensor(smooth(rng, (40, 42))) for _ in range(2))
    loss = MutualInformation(fixed)
    for image in (fixed, warped):
        assert float(loss(1 - image)) == pytest.approx(float(loss(image)), abs=1e-6)


def test_mutual_information_has_the_gradient_of_finite_differences(rng):
    fixed = torch.tensor(smooth(rng, (7, 8)))
    warped = (0.1 + 0.8 * torch.tensor(smooth(rng, (7, 8)))).requires_grad_()
    assert torch.autograd.gradcheck(MutualInformation(fixed, bins=12), (warped,), atol=1e-6)


def test_mutual_information_takes_at_most_the_asked_for_samples(rng):
    loss = MutualInformation(torch.tensor(smooth(rng, (40, 50))), max_samples=300)
    assert 150 <= len(loss.index) <= 300


@pytest.mark.parametrize("shape", SHAPES)
def test_mind_of_an_image_with_itself_is_zero(shape, rng):
    image = torch.tensor(smooth(rng, shape)).float()
    assert float(ModalityIndependent(image)(image)) == 0


def test_mind_sees_little_of_an_inverted_contrast(rng):
    image = torch.tensor(smooth(rng, (16, 17, 18))).float()
    loss = ModalityIndependent(image)
    assert float(loss(1 - image)) < 1e-4 < float(loss(torch.roll(image, 2, 1)))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.5, 1.5, 6.0)])
def test_the_gradient_penalty_of_a_linear_field_is_known(spacing, rng):
    slope = rng.normal(size=(3, 3))
    points = np.stack(np.meshgrid(np.arange(5.0), np.arange(6.0), np.arange(7.0), indexing="ij"))
    field = torch.tensor(np.einsum("ca,axyz->cxyz", slope, points))
    in_mm = np.diag(spacing) @ slope @ np.diag(1 / np.asarray(spacing))
    assert float(gradient_penalty(field, spacing)) == pytest.approx((in_mm**2).sum() / 9)


def test_penalties_of_a_shift_are_zero():
    field = torch.ones(3, 5, 6, 7) * torch.tensor([1.0, -2.0, 3.0]).view(3, 1, 1, 1)
    assert float(gradient_penalty(field, (1, 1, 1))) == 0
    assert float(divergence_penalty(field)) == 0
    assert float(fold_penalty(field)) == 0


def test_the_divergence_penalty_of_a_rotation_is_zero_and_of_a_swelling_is_not():
    rotation = rotation_field(9, 0.2)
    assert float(divergence_penalty(rotation)) == 0
    assert float(gradient_penalty(rotation, (1, 1))) == pytest.approx(2 * 0.2**2 / 4)
    x, y = torch.meshgrid(*[torch.arange(9.0)] * 2, indexing="ij")
    swelling = float(divergence_penalty(torch.stack([0.1 * x, 0.1 * y])))
    # the last row along an axis repeats its neighbour: a slope of zero there
    assert 0.8 * 0.2**2 / 2 < swelling <= 0.2**2 / 2


def test_the_fold_penalty_counts_only_what_nearly_folds():
    assert float(fold_penalty(torch.zeros(2, 8, 9))) == 0
    x, _ = torch.meshgrid(torch.arange(8.0), torch.arange(9.0), indexing="ij")
    for slope, expected in ((-0.5, 0.0), (-0.85, 0.0), (-1.0, 0.15**2), (-1.5, 0.65**2)):
        field = torch.stack([slope * x, torch.zeros_like(x)])
        assert float(fold_penalty(field)) == pytest.approx(expected, abs=1e-6)


def test_the_published_penalty_of_a_linear_field_is_known():
    shape = (8, 12)
    theta = torch.zeros(2, *shape)
    theta[1] = 0.01 * torch.arange(shape[0])[:, None]
    # Only the derivative along the first axis is there, and counts by that axis.
    assert float(published_gradient_penalty(theta)) == pytest.approx((0.5 * 8 * 0.01) ** 2 / 2 / 2)
    # On a cubic grid it is the gradient in voxels, but for the distance of the outer centres.
    cube = torch.randn(3, 9, 9, 9, generator=torch.Generator().manual_seed(0))
    assert float(published_gradient_penalty(cube / 4.5)) == pytest.approx(float(gradient_penalty(cube, (1.0,) * 3)))


@pytest.mark.parametrize("metric", ["lncc", "mi", "mind", "mse"])
def test_what_a_mask_of_the_moving_image_hides_has_no_influence(metric):
    generator = torch.Generator().manual_seed(3)
    fixed, warped = (torch.rand(14, 15, generator=generator) for _ in range(2))
    valid = torch.ones_like(fixed)
    valid[4:7, 5:9] = 0
    hidden = torch.where(valid > 0, warped, torch.full_like(warped, 0.9))
    similarity = build_similarity(metric, fixed, 5)
    values = [float(similarity(image, valid)) for image in (warped, hidden)]
    # The descriptors of MIND are taken over neighbours, and reach across the border of the mask.
    assert values[0] == pytest.approx(values[1], abs=0.05 if metric == "mind" else 1e-6)
    # Local correlation counts the zeros around the image, unless a mask says that they are none of it.
    if metric != "lncc":
        assert float(similarity(warped, torch.ones_like(valid))) == pytest.approx(float(similarity(warped)), abs=1e-5)


@pytest.mark.parametrize("shape", [*SHAPES, (12, 13, 1)])
def test_the_map_of_local_correlation_has_the_loss_as_its_mean(shape, rng):
    fixed, warped = (torch.tensor(smooth(rng, shape)) for _ in range(2))
    loss = LocalCorrelation(fixed, 5)
    found = loss.map(warped)
    assert found.shape == shape
    assert float(found.mean()) == pytest.approx(-float(loss(warped)), rel=1e-9)
    assert float(loss.map(0.8 * fixed).min()) == pytest.approx(1, abs=0.02)


def test_stiffness_weights_the_voxels_of_the_penalties(rng):
    field = torch.tensor(rng.normal(size=(3, 6, 7, 8)))
    weight = torch.tensor(rng.uniform(1, 5, size=(6, 7, 8)))
    for penalty in (
        lambda *more: gradient_penalty(field, (1.0, 2.0, 3.0), *more),
        lambda *m: divergence_penalty(field, *m),
    ):
        assert float(penalty(torch.full((6, 7, 8), 3.0))) == pytest.approx(3 * float(penalty()), rel=1e-9)
        assert float(penalty(weight)) > float(penalty())
    only = torch.zeros(6, 7, 8)
    only[2, 3, 4] = 1
    slopes = [float(field[c, 2 + (c == 0), 3 + (c == 1), 4 + (c == 2)] - field[c, 2, 3, 4]) for c in range(3)]
    assert float(divergence_penalty(field, only)) == pytest.approx(sum(slopes) ** 2 / (6 * 7 * 8) / 3, rel=1e-6)
