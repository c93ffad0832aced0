from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from vision_cli.phantoms.brains.deformations import jacobian_determinant
from vision_cli.phantoms.brains.hearts import CINE_LABEL_NAMES, cine_pair

RIGHT, MYOCARDIUM, LEFT = 1, 2, 3


@pytest.fixture(scope="module", params=[0, 1])
def beat(request):
    return cine_pair(request.param)


def test_slices_are_thick_and_hold_the_three_structures(beat):
    assert beat.fixed.shape == (128, 128, 9)
    np.testing.assert_allclose(np.linalg.norm(beat.fixed_vox2ras[:3, :3], axis=0), [1.5, 1.5, 10])
    for labels in (beat.fixed_labels, beat.moving_labels):
        assert set(np.unique(labels)) == {0, *CINE_LABEL_NAMES}


def test_a_seed_gives_one_heart():
    small = {"shape": (48, 48, 5), "spacing": (4.0, 4.0, 16.0)}
    first, again, other = (cine_pair(seed, **small) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.fixed, again.fixed)
    np.testing.assert_array_equal(first.displacement, again.displacement)
    assert (first.fixed != other.fixed).any()


def test_ventricles_empty_and_the_wall_thickens(beat):
    def area(labels, label, slices=slice(3, 6)):
        return (labels[:, :, slices] == label).sum()

    ejected = 1 - area(beat.moving_labels, LEFT, slice(None)) / area(beat.fixed_labels, LEFT, slice(None))
    assert 0.45 < ejected < 0.75
    assert area(beat.moving_labels, RIGHT, slice(None)) < 0.9 * area(beat.fixed_labels, RIGHT, slice(None))
    assert area(beat.moving_labels, MYOCARDIUM) > area(beat.fixed_labels, MYOCARDIUM)


def test_the_wall_keeps_its_volume(beat):
    diastole, systole = ((labels == MYOCARDIUM).sum() for labels in (beat.fixed_labels, beat.moving_labels))
    assert systole == pytest.approx(diastole, rel=0.15)


def test_the_left_ventricle_is_inside_its_wall(beat):
    for labels in (beat.fixed_labels, beat.moving_labels):
        middle = labels[:, :, 2:6]
        around = ndimage.binary_dilation(middle == LEFT, np.ones((3, 3, 1))) & (middle != LEFT)
        assert set(np.unique(middle[around])) == {MYOCARDIUM}


def test_blood_is_brighter_than_muscle(beat):
    for image, labels in ((beat.fixed, beat.fixed_labels), (beat.moving, beat.moving_labels)):
        assert image[labels == LEFT].mean() > 1.8 * image[labels == MYOCARDIUM].mean()


def test_the_true_map_carries_each_structure_onto_itself_and_does_not_fold(beat):
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in beat.fixed.shape], indexing="ij"))
    spacing = np.asarray([1.5, 1.5, 10])[:, None, None, None]
    carried = ndimage.map_coordinates(beat.moving_labels, voxels + beat.displacement / spacing, order=0)
    for label in CINE_LABEL_NAMES:
        a, b = carried == label, beat.fixed_labels == label
        assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.75
    assert jacobian_determinant(beat.displacement, (1.5, 1.5, 10.0)).min() > 0
