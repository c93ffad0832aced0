from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vision_cli.register.optimisation.correlation import WarpedCorrelation
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.transforms import fields

CASES = [((22, 19), (11, 10)), ((21, 18, 16), (11, 9, 8)), ((24, 20, 3), (12, 10, 3)), ((17, 14, 1), (9, 7, 1))]


@pytest.fixture
def rng():
    return np.random.default_rng(5)


def smooth(rng, shape, sigma=1.5):
    image = ndimage.gaussian_filter(rng.normal(size=shape), sigma)
    return torch.tensor((image - image.min()) / (image.max() - image.min()))


def field_of(rng, shape):
    return torch.tensor(rng.normal(size=(len(shape), *shape)) * 0.6, requires_grad=True)


def by_whole_volumes(fixed, moving, displacement, weight=None):
    points = fields.identity_points(tuple(fixed.shape), fixed.device).double()
    warped = fields.sample(moving[None], points + fields.rescale(displacement, tuple(fixed.shape)))[0]
    return LocalCorrelation(fixed, 5, weight)(warped)


@pytest.mark.parametrize(("shape", "field_shape"), CASES)
@pytest.mark.parametrize("slab_voxels", [1, 1000, 10**9])
@pytest.mark.parametrize("weighted", [False, True])
def test_loss_and_gradient_are_those_of_whole_volumes(shape, field_shape, slab_voxels, weighted, rng):
    fixed, moving, displacement = smooth(rng, shape), smooth(rng, shape), field_of(rng, field_shape)
    weight = torch.tensor(rng.uniform(size=shape) > 0.4).double() if weighted else None
    match = WarpedCorrelation(fixed, moving, field_shape, 5, weight, slab_voxels)
    loss, expected = match(displacement), by_whole_volumes(fixed, moving, displacement, weight)
    assert float(loss.detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    (gradient,) = torch.autograd.grad(2.5 * loss, displacement)
    (wanted,) = torch.autograd.grad(2.5 * expected, displacement)
    torch.testing.assert_close(gradient, wanted, rtol=1e-4, atol=1e-7 * float(wanted.abs().max()) + 1e-9)


def test_empty_surroundings_are_left_out_and_change_nothing(rng):
    fixed, moving = (torch.zeros(30, 26, 24, dtype=torch.float64) for _ in range(2))
    fixed[9:20, 8:15, 10:18] = smooth(rng, (11, 7, 8))
    moving[8:21, 8:16, 9:19] = smooth(rng, (13, 8, 10))
    displacement = field_of(rng, (15, 13, 12))
    match = WarpedCorrelation(fixed, moving, (15, 13, 12), 5, slab_voxels=4000)
    assert sum(slab.mean.numel() for slab in match.slabs) < fixed.numel() / 4
    loss, expected = match(displacement), by_whole_volumes(fixed, moving, displacement)
    torch.testing.assert_close(loss, expected, rtol=1e-6, atol=0)
    for one, other in zip(
        torch.autograd.grad(loss, displacement), torch.autograd.grad(expected, displacement), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-9)


def test_an_image_without_structure_gives_no_loss_and_no_slope(rng):
    displacement = field_of(rng, (8, 8))
    loss = WarpedCorrelation(torch.zeros(16, 16).double(), smooth(rng, (16, 16)), (8, 8), 5)(displacement)
    (gradient,) = torch.autograd.grad(loss, displacement)
    assert float(loss.detach()) == 0.0
    assert not bool(gradient.any())


def test_without_a_gradient_the_loss_is_the_same(rng):
    fixed, moving, displacement = smooth(rng, (21, 18)), smooth(rng, (21, 18)), field_of(rng, (11, 9))
    match = WarpedCorrelation(fixed, moving, (11, 9), 5)
    torch.testing.assert_close(match(displacement.detach()), match(displacement).detach(), rtol=1e-12, atol=0)
