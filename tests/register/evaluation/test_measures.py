from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from vision_cli.io.volumes.volumes import Volume
from vision_cli.register.evaluation.measures import evaluate_labels, sdlogj_learn2reg, target_registration_error
from vision_cli.register.transforms.fields import Grid
from vision_cli.register.transforms.transforms import AffineTransform, DisplacementTransform

SPACING = (1.5, 2.0, 3.0)


def blocks(*labels, shape=(16, 18, 12), shift=0):
    data = np.zeros(shape, np.int32)
    for number, label in enumerate(labels):
        data[2 + shift : 8 + shift, 2 + 5 * number : 6 + 5 * number, 3:9] = label
    return Volume(data, np.diag([*SPACING, 1.0]), np.dtype(np.uint8), Path("labels.nii.gz"))


def shift_by(*millimetres):
    matrix = np.eye(4)
    matrix[:3, 3] = millimetres
    return AffineTransform(matrix)


def sdlogj_as_in_learn2reg(displacement):
    """Transcription of the challenge's ``jacobian_determinant`` and of the score made of it."""
    gradx, grady, gradz = (
        np.array([1.0, 0, -1]).reshape([-1 if axis == a else 1 for axis in range(3)]) * -0.5 for a in range(3)
    )
    grads = [
        np.stack([ndimage.correlate(displacement[c], kernel, mode="constant") for c in range(3)])
        for kernel in (gradx, grady, gradz)
    ]
    jacobian = np.stack(grads)[(slice(None), slice(None), *[slice(2, -2)] * 3)] + np.eye(3).reshape(3, 3, 1, 1, 1)
    determinant = (
        jacobian[0, 0] * (jacobian[1, 1] * jacobian[2, 2] - jacobian[1, 2] * jacobian[2, 1])
        - jacobian[1, 0] * (jacobian[0, 1] * jacobian[2, 2] - jacobian[0, 2] * jacobian[2, 1])
        + jacobian[2, 0] * (jacobian[0, 1] * jacobian[1, 2] - jacobian[0, 2] * jacobian[1, 1])
    )
    return np.log((determinant + 3).clip(0.000000001, 1000000000)).std()


def test_a_label_map_agrees_with_itself():
    labels = blocks(3, 7)
    found = evaluate_labels(labels, labels, (shift_by(0, 0, 0),))
    np.testing.assert_array_equal(found.warped, labels.data)
    assert [score.label for score in found.scores] == [3, 7]
    for score in found.scores:
        assert (score.dice_before, score.dice, score.hd95_mm) == (1, 1, 0)
        assert score.fixed_mm3 == score.warped_mm3 == pytest.approx(6 * 4 * 6 * 9.0)
        assert math.isnan(score.dice_affine)
    assert found.mean("dice") == 1
    assert found.mean("dice_affine") is None


@pytest.mark.parametrize("interpolation", ["label", "nearest"])
def test_a_shift_is_undone_by_the_transform_and_scored_without_it(interpolation):
    fixed, moving = blocks(1, 2), blocks(1, 2, shift=2)
    back = shift_by(3.0, 0, 0)
    found = evaluate_labels(fixed, moving, (back,), linear=(back,), interpolation=interpolation)
    for score in found.scores:
        assert score.dice == score.dice_affine == 1
        assert score.dice_before == pytest.approx(4 / 6)
    np.testing.assert_array_equal(found.warped, fixed.data)


def test_the_surface_distance_of_a_shift_is_its_length_in_mm():
    found = evaluate_labels(blocks(1), blocks(1, shift=2), (shift_by(0, 0, 0),))
    assert found.scores[0].hd95_mm == pytest.approx(3.0)


def test_labels_of_one_side_are_named_but_not_scored():
    found = evaluate_labels(blocks(1, 2), blocks(1, 9), ())
    assert [score.label for score in found.scores] == [1]
    assert (found.only_fixed, found.only_moving) == ((2,), (9,))


def test_maps_without_a_common_label_have_no_mean():
    found = evaluate_labels(blocks(1), blocks(2), ())
    assert found.scores == ()
    assert found.mean("dice") is None


def test_scores_carry_the_names_of_their_labels():
    found = evaluate_labels(blocks(1, 2), blocks(1, 2), (), names={2: "caudate"})
    assert [score.name for score in found.scores] == ["", "caudate"]


def test_the_registration_error_of_a_known_shift_is_its_length():
    points = np.random.default_rng(0).uniform(0, 20, size=(15, 3))
    np.testing.assert_allclose(target_registration_error(points, points + np.array([3, 0, 4]), ()), 5.0)
    np.testing.assert_allclose(
        target_registration_error(points, points + np.array([3, 0, 4]), (shift_by(3, 0, 4),)), 0, atol=1e-12
    )


def test_the_registration_error_follows_the_whole_chain():
    grid = Grid((12, 12, 12), np.diag([2.0, 2.0, 2.0, 1.0]))
    warp = DisplacementTransform(np.full((12, 12, 12, 3), (1, 2, 0), np.float32), grid)
    turn = AffineTransform(np.array([[0.0, -1, 0, 5], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]))
    points = np.array([[4.0, 6, 8], [10, 3, 7]])
    moved = points + np.array([1, 2, 0])
    partners = np.c_[5 - moved[:, 1], moved[:, 0], moved[:, 2]]
    np.testing.assert_allclose(target_registration_error(points, partners, (warp, turn)), 0, atol=1e-5)


@pytest.mark.parametrize("size", [0.2, 3.0, 30.0])
def test_the_spread_of_the_log_determinant_is_that_of_learn2reg(size):
    rng = np.random.default_rng(1)
    field = np.stack([ndimage.gaussian_filter(rng.normal(size=(14, 15, 16)), 2) for _ in range(3)])
    field *= size / np.abs(field).max()
    found = sdlogj_learn2reg(np.moveaxis(field, 0, -1))
    assert found == pytest.approx(sdlogj_as_in_learn2reg(field), rel=1e-9)


@pytest.mark.parametrize("shape", [(10, 11), (8, 9, 10)])
def test_a_shift_and_a_uniform_stretch_have_no_spread(shape):
    points = np.stack(np.meshgrid(*[np.arange(float(n)) for n in shape], indexing="ij"), -1)
    assert sdlogj_learn2reg(np.full_like(points, 2.5)) == pytest.approx(0, abs=1e-12)
    assert sdlogj_learn2reg(0.3 * points) == pytest.approx(0, abs=1e-12)
