from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from vision_cli.register.training.objective import soft_dice
from vision_cli.register.training.subjects import Subject
from vision_cli.register.training.synthesis import PairSource, Recipe
from vision_cli.register.transforms import fields

CPU = torch.device("cpu")
CASES = [((48, 64), 4.0), ((32, 32, 48), 4.0)]
WITHIN = Recipe(across=0.0, shapes=0.0)
ACROSS = Recipe(across=1.0, shapes=0.0)
SHAPES = Recipe(shapes=1.0)


def bodies(dim, count=2):
    """Ellipsoids of four labels about one middle, each body a little different."""
    maps = []
    for number in range(count):
        rng = np.random.default_rng(number)
        places = np.stack(np.meshgrid(*[np.linspace(-1.2, 1.2, 72)] * dim, indexing="ij"))
        radius = np.sqrt(sum((axis / rng.uniform(0.8, 1.0)) ** 2 for axis in places))
        labels = np.digitize(-radius, [-1.0, -0.7, -0.45]).astype(np.uint8)
        labels[(labels == 1) & (places[0] > 0.2)] = 9
        maps.append(Subject(labels))
    return maps


def source(shape, spacing, count=2):
    return PairSource(bodies(len(shape), count), shape, spacing, CPU)


@pytest.mark.parametrize(("shape", "spacing"), CASES)
@pytest.mark.parametrize("recipe", [WITHIN, SHAPES])
@pytest.mark.parametrize("seed", range(3))
def test_the_known_displacement_takes_the_moving_image_to_the_fixed_one(shape, spacing, recipe, seed):
    pair = source(shape, spacing).draw(seed, recipe)
    no_displacement = torch.zeros_like(pair.displacement_voxels)
    before = float(soft_dice(pair.fixed_soft_labels, pair.moving_soft_labels, no_displacement))
    after = float(soft_dice(pair.fixed_soft_labels, pair.moving_soft_labels, pair.displacement_voxels))
    # What is left are parts of labels that left the image, and borders that were looked up three times.
    assert 1 - after < 0.6 * (1 - before)
    assert float(fields.jacobian_determinant(pair.displacement_voxels).min()) > 0


@pytest.mark.parametrize(("shape", "spacing"), CASES)
@pytest.mark.parametrize("recipe", [WITHIN, ACROSS, SHAPES])
def test_images_are_intensities_that_follow_the_labels(shape, spacing, recipe):
    pair = source(shape, spacing).draw(3, recipe)
    for image, soft_labels in ((pair.fixed, pair.fixed_soft_labels), (pair.moving, pair.moving_soft_labels)):
        assert tuple(image.shape) == shape
        assert tuple(soft_labels.shape[1:]) == shape
        assert bool(torch.isfinite(image).all())
        assert 0 <= float(image.min()) <= float(image.max()) <= 1
        assert float(soft_labels.min()) >= 0
        assert float(soft_labels.sum(0).max()) <= 1.01
        within = torch.stack([image[one > 0.9].var() for one in soft_labels if int((one > 0.9).sum()) > 9])
        assert float(within.mean()) < 0.7 * float(image.var())


def test_two_subjects_have_no_known_displacement():
    assert source((32, 32), 4.0).draw(1, ACROSS).displacement_voxels is None
    assert source((32, 32), 4.0).draw(1, WITHIN).displacement_voxels is not None


def test_subjects_of_two_groups_are_never_paired():
    halves = np.zeros((40, 40), np.uint8)
    halves[20:] = 7
    maps = [Subject(halves, 0), Subject(np.rot90(halves, k=2).copy(), 1)]
    pairs = PairSource(maps, (32, 32), 2.0, CPU)
    for seed in range(6):
        # The half that is label 7 is the same in both images, wherever it is.
        pair = pairs.draw(seed, Recipe(across=1.0, shapes=0.0, motion_mm=(0.0, 0.0), misalignment=0.0))
        torch.testing.assert_close(pair.fixed_soft_labels, pair.moving_soft_labels, atol=1e-4, rtol=0)


def test_the_same_seed_gives_the_same_pair():
    pairs = source((32, 32), 4.0)
    one, again, other = (pairs.draw(seed, WITHIN) for seed in (5, 5, 6))
    assert torch.equal(one.fixed, again.fixed)
    assert torch.equal(one.displacement_voxels, again.displacement_voxels)
    assert not torch.equal(one.fixed, other.fixed)


def test_some_labels_are_drawn_of_many():
    pairs = source((32, 32), 4.0)
    assert len(pairs.draw(1, WITHIN).fixed_soft_labels) == 4
    assert len(pairs.draw(1, WITHIN, labels=2).fixed_soft_labels) == 2


def test_without_subjects_pairs_show_shapes():
    pair = PairSource([], (32, 32), 4.0, CPU).draw(1, WITHIN)
    assert len(pair.fixed_soft_labels) > 8


def test_motion_is_a_few_millimetres_at_any_spacing():
    for spacing, shape in ((2.0, (96, 96)), (4.0, (48, 48))):
        sizes = [
            float(source(shape, spacing).draw(seed, WITHIN).displacement_voxels.square().sum(0).mean().sqrt()) * spacing
            for seed in range(6)
        ]
        assert 3 < sum(sizes) / 6 < 16


def test_images_show_parts_of_the_subject_as_far_off_as_the_recipe_says():
    spread = {}
    for offset in (0.0, 12.0):
        recipe = replace(WITHIN, motion_mm=(0.0, 0.0), offset_mm=offset)
        images = [source((64, 64), 4.0, count=1).draw(seed, recipe).fixed_soft_labels.sum(0) for seed in range(24)]
        middles = [(torch.nonzero(image > 0.5).float().mean(0)[1] * 4.0).item() for image in images]
        spread[offset] = np.std(middles)
    assert spread[0.0] < 1.5
    assert 8.0 < spread[12.0] < 16.0
