from __future__ import annotations

import pytest
import torch

from vision_cli.register import fields
from vision_cli.register.synthesis import draw_pair

CPU = torch.device("cpu")
CASES = [((48, 56), 4.0), ((40, 36, 38), 5.0)]


def moved_labels(pair):
    points = fields.identity_points(tuple(pair.fixed.shape), CPU) + pair.displacement
    inside = torch.ones(pair.fixed.shape, dtype=torch.bool)
    index = []
    for place, n in zip(points, pair.fixed.shape, strict=True):
        inside &= (place >= 0) & (place <= n - 1)
        index.append(place.round().long().clamp(0, n - 1))
    return pair.moving_labels[tuple(index)], inside


@pytest.mark.parametrize(("shape", "spacing"), CASES)
@pytest.mark.parametrize("seed", range(4))
def test_the_known_displacement_takes_fixed_to_moving_labels(shape, spacing, seed):
    pair = draw_pair(seed, shape, spacing, CPU)
    moved, inside = moved_labels(pair)
    before = float((pair.moving_labels == pair.fixed_labels)[inside].float().mean())
    after = float((moved == pair.fixed_labels)[inside].float().mean())
    # What is left are voxels that a border cuts: labels are looked up to the nearest voxel, three times.
    assert after > 0.65
    assert 1 - after < 0.6 * (1 - before)
    assert float(fields.jacobian_determinant(pair.displacement).min()) > 0


@pytest.mark.parametrize(("shape", "spacing"), CASES)
def test_images_are_intensities_that_follow_the_labels(shape, spacing):
    pair = draw_pair(3, shape, spacing, CPU)
    for image, labels in ((pair.fixed, pair.fixed_labels), (pair.moving, pair.moving_labels)):
        assert image.shape == shape
        assert bool(torch.isfinite(image).all())
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
        within = torch.stack([image[labels == label].var() for label in labels.unique() if (labels == label).sum() > 9])
        assert float(within.mean()) < 0.7 * float(image.var())


def test_the_same_seed_gives_the_same_pair():
    one, again, other = (draw_pair(seed, (32, 32), 4.0, CPU) for seed in (5, 5, 6))
    assert torch.equal(one.fixed, again.fixed)
    assert torch.equal(one.displacement, again.displacement)
    assert not torch.equal(one.fixed, other.fixed)


def test_given_maps_are_used():
    halves = torch.zeros(32, 32, dtype=torch.int64)
    halves[16:] = 7
    pair = draw_pair(1, (32, 32), 4.0, CPU, maps=[halves])
    assert set(pair.fixed_labels.unique().tolist()) == {0, 7}
    assert bool((pair.fixed_labels[0] == 0).all())


def test_motion_is_a_few_millimetres_at_any_spacing():
    for spacing in (2.0, 4.0):
        sizes = [
            float(draw_pair(seed, (64, 64), spacing, CPU).displacement.square().sum(0).mean().sqrt()) * spacing
            for seed in range(6)
        ]
        assert 3 < sum(sizes) / 6 < 16
