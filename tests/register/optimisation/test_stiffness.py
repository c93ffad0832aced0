"""Weight of the penalties by place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.stiffness import stiffness
from vision_cli.register.transforms.fields import Grid

SHAPES = [(48, 64), (40, 44, 36)]


def textures(shape):
    rng = np.random.default_rng(7)
    both = ndimage.gaussian_filter(rng.normal(size=(2, *shape)), (0, *[2.0] * len(shape)))
    return [torch.from_numpy((0.5 + 2 * one).astype(np.float32)) for one in both]


def factor(fixed, moving, inside=None):
    grid = Grid(tuple(fixed.shape), np.eye(fixed.ndim + 1))
    return stiffness(Image(fixed, grid), Image(moving, grid), torch.ones_like(fixed) > 0 if inside is None else inside)


@pytest.mark.parametrize("shape", SHAPES)
def test_images_that_agree_are_stiff_and_unlike_ones_are_not(shape):
    one, other = textures(shape)
    assert float(factor(one, 0.8 * one).min()) > 19
    # Windows over the border compare both images with zeros outside.
    middle = tuple(slice(10, -10) for _ in shape)
    assert float(factor(one, other)[middle].max()) == 1.0


def test_the_factor_follows_the_agreement_around_a_place():
    one, other = textures((64, 64))
    half = torch.cat([one[:32], other[32:]])
    found = factor(one, half)
    assert float(found[:12].min()) > 5
    assert float(found[-20:].max()) == 1.0


def test_the_background_has_no_say():
    one, other = textures((64, 64))
    mixed = torch.cat([one[:32], other[32:]])
    inside = torch.zeros_like(one, dtype=torch.bool)
    inside[:32] = True
    # Without the unlike half, stiff values reach closer to the border of the subject.
    alone, both = (float(found[20:24].mean()) for found in (factor(one, mixed, inside), factor(one, mixed)))
    assert alone > 1.5 * both


def test_an_axis_of_one_voxel_is_left_alone():
    one, _ = textures((48, 64))
    assert factor(one[..., None], one[..., None]).shape == (48, 64, 1)
