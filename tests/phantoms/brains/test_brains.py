from __future__ import annotations

import dataclasses

import nibabel as nib
import numpy as np
import pytest
from scipy import ndimage

from vision_cli.phantoms.brains.brains import Difference, brain_labels, brain_pair, draw_means, render, slice_pair
from vision_cli.phantoms.brains.deformations import jacobian_determinant
from vision_cli.phantoms.brains.heads import LABEL_NAMES, OUTSIDE_THE_SKULL, RIGHT_OF

SMALL = ((24, 28, 24), (8.0, 8.0, 8.0))
SMOOTH = Difference(correlation_mm=60)
SAME = Difference(deform_mm=0, correlation_mm=60, shift_mm=0, angle_deg=0, stretch=0)


def carried(pair):
    """Return the moving label at the true point of each voxel of the fixed image."""
    dim = pair.fixed.ndim
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in pair.fixed.shape], indexing="ij")).reshape(dim, -1)
    points = pair.fixed_vox2ras[:dim, :dim] @ voxels + pair.fixed_vox2ras[:dim, dim:]
    points = points + pair.displacement.reshape(dim, -1)
    to_moving = np.linalg.inv(pair.moving_vox2ras)
    found = ndimage.map_coordinates(pair.moving_labels, to_moving[:dim, :dim] @ points + to_moving[:dim, dim:], order=0)
    return found.reshape(pair.fixed.shape)


def dice(first, second, *labels):
    a, b = np.isin(first, labels), np.isin(second, labels)
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_a_seed_gives_one_pair_and_another_seed_another():
    first, again, other = (brain_pair(seed, *SMALL, difference=SMOOTH) for seed in (3, 3, 4))
    for field in dataclasses.fields(first):
        if field.name != "label_names":
            np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    assert (first.fixed_labels != other.fixed_labels).any()
    assert (first.displacement != other.displacement).any()


def test_contrasts_change_the_images_and_not_the_anatomy():
    first = brain_pair(3, *SMALL, difference=SMOOTH)
    second = brain_pair(3, *SMALL, ("t2", "random"), difference=SMOOTH)
    np.testing.assert_array_equal(first.fixed_labels, second.fixed_labels)
    np.testing.assert_array_equal(first.moving_labels, second.moving_labels)
    np.testing.assert_array_equal(first.displacement, second.displacement)
    assert not np.allclose(first.moving, second.moving, atol=0.1)


def test_every_structure_is_in_both_heads(heads):
    for labels in (heads.fixed_labels, heads.moving_labels):
        assert set(np.unique(labels)) == {0, *LABEL_NAMES}


def test_the_moving_grid_has_the_orientation_and_spacing_asked_for(heads):
    assert nib.aff2axcodes(heads.fixed_vox2ras) == ("R", "A", "S")
    assert nib.aff2axcodes(heads.moving_vox2ras) == ("L", "I", "A")
    assert nib.affines.voxel_sizes(heads.moving_vox2ras) == pytest.approx([4, 5, 3])
    assert nib.affines.obliquity(heads.moving_vox2ras).max() > np.radians(5)


def test_the_true_map_carries_each_structure_onto_itself(heads):
    labels = carried(heads)
    for left, right in RIGHT_OF.items():
        # What is a voxel thick loses most when it is read at the nearest voxel.
        assert dice(labels, heads.fixed_labels, left, right) > 0.55, left
    assert (labels == heads.fixed_labels).mean() > 0.85


def test_the_true_map_explains_what_the_headers_do_not(heads):
    still = dataclasses.replace(heads, displacement=np.zeros_like(heads.displacement))
    brain = [label for label in LABEL_NAMES if label not in OUTSIDE_THE_SKULL]
    for label in (10, 11, 12, 17):
        assert dice(carried(heads), heads.fixed_labels, label) > 0.2 + dice(carried(still), heads.fixed_labels, label)
    assert dice(carried(heads), heads.fixed_labels, *brain) > 0.95


def test_the_true_map_does_not_fold(heads):
    assert jacobian_determinant(heads.displacement, (4.0, 4.0, 4.0)).min() > 0


def test_the_affine_part_is_what_is_left_without_deformation():
    pair = brain_pair(5, *SMALL, difference=Difference(deform_mm=0, correlation_mm=60))
    voxels = np.stack(np.meshgrid(*[np.arange(n) for n in pair.fixed.shape], indexing="ij")).reshape(3, -1)
    points = nib.affines.apply_affine(pair.fixed_vox2ras, voxels.T)
    expected = nib.affines.apply_affine(pair.fixed_to_moving_ras, points) - points
    np.testing.assert_allclose(pair.displacement.reshape(3, -1).T, expected, atol=1e-3)


def test_heads_that_do_not_differ_have_the_same_labels():
    pair = brain_pair(5, *SMALL, difference=SAME)
    np.testing.assert_array_equal(pair.fixed_labels, pair.moving_labels)
    np.testing.assert_allclose(pair.displacement, 0, atol=1e-4)


def test_stripping_leaves_nothing_outside_the_skull():
    pair = brain_pair(5, *SMALL, strip=True, difference=SMOOTH)
    whole = brain_pair(5, *SMALL, difference=SMOOTH)
    assert not np.isin(pair.fixed_labels, OUTSIDE_THE_SKULL).any()
    kept = ~np.isin(whole.fixed_labels, OUTSIDE_THE_SKULL)
    np.testing.assert_array_equal(pair.fixed_labels[kept], whole.fixed_labels[kept])
    assert pair.fixed[~ndimage.binary_dilation(pair.fixed_labels > 0, iterations=2)].max() < 0.15


def test_t1_and_t2_order_the_tissues_as_scanners_do():
    t1, t2 = (draw_means(np.random.default_rng(0), contrast) for contrast in ("t1", "t2"))
    assert t1[24] < t1[3] < t1[2]
    assert t2[2] < t2[3] < t2[24]
    assert all(t1[left] == t1[right] for left, right in RIGHT_OF.items())
    assert set(t1) == set(t2) == set(draw_means(np.random.default_rng(0), "random")) == set(LABEL_NAMES)


def test_an_image_shows_the_contrast_of_its_labels():
    rng = np.random.default_rng(6)
    labels = brain_labels((48, 56, 48), (4.0, 4.0, 4.0), rng)
    image = render(labels, rng, "t1", spacing=(4.0, 4.0, 4.0))
    assert image.shape == labels.shape
    assert image.dtype == np.float32
    assert image[labels == 24].mean() < image[labels == 3].mean() < image[labels == 2].mean()


def test_a_slice_pair_lies_in_the_plane():
    pair = slice_pair(2, (64, 76), (3.0, 3.0))
    assert pair.fixed.shape == pair.moving.shape == (64, 76)
    assert pair.displacement.shape == (2, 64, 76)
    assert pair.fixed_vox2ras.shape == pair.fixed_to_moving_ras.shape == (3, 3)
    assert jacobian_determinant(pair.displacement, (3.0, 3.0)).min() > 0
    assert {2, 3, 4, 41, 42, 43, 24, 165, 201} <= set(np.unique(pair.fixed_labels).tolist())
    assert (carried(pair) == pair.fixed_labels).mean() > 0.85
