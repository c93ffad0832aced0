from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from vision_cli.phantoms.brains.brains import brain_labels
from vision_cli.phantoms.brains.heads import LABEL_NAMES, OUTSIDE_THE_SKULL, RIGHT_OF, Head

SHAPE, SPACING = (48, 56, 48), (4.0, 4.0, 4.0)
CORTEX, WHITE, SKULL, STEM = 3, 2, 165, 16


@pytest.fixture(scope="module")
def labels():
    return brain_labels(SHAPE, SPACING, np.random.default_rng(0))


def volume_ml(labels, *chosen):
    return np.isin(labels, chosen).sum() * np.prod(SPACING) / 1000


@pytest.mark.parametrize("seed", range(3))
def test_every_label_is_present_and_no_other(seed):
    found = set(np.unique(brain_labels(SHAPE, SPACING, np.random.default_rng(seed))).tolist())
    assert found == {0, *LABEL_NAMES}


def test_a_seed_gives_one_head_and_another_seed_another(labels):
    np.testing.assert_array_equal(labels, brain_labels(SHAPE, SPACING, np.random.default_rng(0)))
    other = brain_labels(SHAPE, SPACING, np.random.default_rng(1))
    assert (labels != other).mean() > 0.05


def test_drawing_leaves_the_global_random_state_alone():
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    Head.draw(np.random.default_rng(0))
    np.testing.assert_array_equal(before, np.random.get_state()[1])  # noqa: NPY002


def test_a_head_does_not_depend_on_the_grid(labels):
    shifted = brain_labels((95, 111, 95), (2.0, 2.0, 2.0), np.random.default_rng(0))
    np.testing.assert_array_equal(shifted[::2, ::2, ::2], labels)


def test_labels_do_not_depend_on_how_many_points_are_asked_for_at_once():
    head = Head.draw(np.random.default_rng(2))
    points = np.random.default_rng(3).uniform(-90, 90, (3, 140_000)).astype(np.float32)
    np.testing.assert_array_equal(head.labels_at(points)[-500:], head.labels_at(points[:, -500:]))


def test_left_and_right_are_on_their_sides(labels):
    right_half = np.arange(SHAPE[0]) >= SHAPE[0] // 2
    for left, right in RIGHT_OF.items():
        # A real midline is not straight, and neither is this one.
        assert (labels[right_half] == left).sum() < 0.02 * (labels == left).sum() + 2
        assert (labels[~right_half] == right).sum() < 0.02 * (labels == right).sum() + 2
        assert LABEL_NAMES[left].replace("left", "right") == LABEL_NAMES[right]


def test_volumes_are_those_of_people(labels):
    assert 0.8 < volume_ml(labels, 3, 42) / volume_ml(labels, 2, 41) < 1.7
    assert 900 < volume_ml(labels, 2, 3, 41, 42) < 1250
    assert 80 < volume_ml(labels, 7, 8, 46, 47) < 180
    assert 4 < volume_ml(labels, 10) + volume_ml(labels, 49) < 14
    assert 10 < volume_ml(labels, 4, 43) < 45
    assert 15 < volume_ml(labels, STEM) < 45


def test_bone_keeps_the_brain_from_muscle_fat_and_air(labels):
    brain = np.isin(labels, [*set(LABEL_NAMES) - set(OUTSIDE_THE_SKULL) - {24, STEM}])
    around = ndimage.binary_dilation(brain) & ~brain
    outside = np.isin(labels, (0, 201, 202, 203))
    assert (around & outside).sum() < 0.005 * around.sum()


def test_white_matter_of_a_hemisphere_hangs_together(labels):
    pieces, _ = ndimage.label(labels == WHITE)
    assert np.bincount(pieces.ravel())[1:].max() > 0.9 * (labels == WHITE).sum()


def test_cortex_is_folded():
    fine = brain_labels((96, 112, 96), (2.0, 2.0, 2.0), np.random.default_rng(0))
    cerebrum = np.isin(fine, (2, 41, 3, 42))
    hull = ndimage.binary_erosion(ndimage.binary_closing(cerebrum, iterations=6), iterations=4)
    cortex = np.isin(fine, (3, 42))
    assert (cortex & hull).sum() > 0.25 * cortex.sum()
