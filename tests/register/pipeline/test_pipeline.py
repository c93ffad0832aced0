from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vision_cli.core.compute.devices import Compute, configure
from vision_cli.core.errors import InputError, NumericalError, ResourceError
from vision_cli.io.volumes.volumes import Volume, write_volume
from vision_cli.phantoms.brains.brains import Difference, brain_pair, slice_pair
from vision_cli.phantoms.brains.hearts import cine_pair
from vision_cli.register.evaluation.measures import evaluate_labels
from vision_cli.register.options.registration import PairFiles, RegistrationOptions
from vision_cli.register.pipeline.inputs import Pair, grid_of, read_pair
from vision_cli.register.pipeline.pipeline import register
from vision_cli.register.transforms.transforms import map_points

BENT = Difference(deform_mm=4, correlation_mm=40, shift_mm=6, angle_deg=6, stretch=0.03)
SHORT = (12, 10, 8)


@pytest.fixture(scope="module")
def compute() -> Compute:
    return configure("cpu", 1)


@pytest.fixture(scope="module")
def phantom():
    return slice_pair(9, (64, 72), (3.0, 3.0), difference=BENT)


def volume_of(values, vox2ras, name="image.nii.gz"):
    return Volume(values, np.asarray(vox2ras, float), values.dtype, Path(name))


def pair_of(phantom, **more):
    return Pair(
        volume_of(phantom.fixed, phantom.fixed_vox2ras), volume_of(phantom.moving, phantom.moving_vox2ras), **more
    )


def written(folder, phantom):
    write_volume(folder / "fixed.nii.gz", phantom.fixed, phantom.fixed_vox2ras)
    write_volume(folder / "moving.nii.gz", phantom.moving, phantom.moving_vox2ras)
    return PairFiles(fixed=folder / "fixed.nii.gz", moving=folder / "moving.nii.gz")


def errors_in_mm(phantom, chain):
    """Distance between found and true image of each voxel of the fixed foreground."""
    voxels = np.argwhere(phantom.fixed_labels > 0)
    points = np.c_[voxels, np.ones(len(voxels))] @ phantom.fixed_vox2ras.T
    truth = points[:, :-1] + phantom.displacement[(slice(None), *voxels.T)].T
    return np.linalg.norm(map_points(chain, points[:, :-1]) - truth, axis=1)


@pytest.mark.parametrize("transform", ["diffeo", "displacement"])
def test_a_deformation_comes_closer_to_the_truth_than_its_affine(phantom, compute, transform):
    found = register(pair_of(phantom), RegistrationOptions(transform=transform, iterations=SHORT), compute)
    before, linear, whole = (errors_in_mm(phantom, chain).mean() for chain in ((), (found.affine,), found.chain))
    assert whole < linear < before
    assert found.similarity[0] < found.similarity[1] < found.similarity[2] <= 1
    assert found.warp.displacement.shape == (*phantom.fixed.shape, 2)
    if transform == "diffeo":
        assert found.folds == 0
        assert found.inverse_error[0] < 0.1
        assert found.jacobian_range[0] > 0
    assert found.log_jacobian.shape == phantom.fixed.shape
    assert sum(share for _, share in found.scales.values()) == pytest.approx(1)
    assert {"read", "affine", "optimise", "fields"} <= set(found.seconds)


def test_the_inverse_warp_undoes_the_warp_in_space(phantom, compute):
    found = register(pair_of(phantom), RegistrationOptions(iterations=SHORT), compute)
    voxels = np.argwhere(phantom.fixed_labels > 0)
    points = (np.c_[voxels, np.ones(len(voxels))] @ phantom.fixed_vox2ras.T)[:, :-1]
    back = map_points((found.inverse_warp,), map_points((found.warp,), points))
    assert np.linalg.norm(back - points, axis=1).mean() < 0.3


def test_a_head_on_a_turned_grid_of_another_order_is_registered(compute):
    phantom = brain_pair(5, (32, 38, 32), (6.0, 6.0, 6.0), difference=BENT, moving_axcodes="LIA", moving_oblique_deg=10)
    found = register(pair_of(phantom), RegistrationOptions(iterations=(10, 8, 6)), compute)
    linear, whole = (errors_in_mm(phantom, chain).mean() for chain in ((found.affine,), found.chain))
    assert whole < linear
    assert found.folds == 0


def test_thick_slices_of_a_beating_heart_meet_in_their_planes(compute):
    """Nine slices of 10 mm, end diastole and end systole: no wavelet level takes the slices apart."""
    pair = cine_pair(3, (96, 96, 9), (1.8, 1.8, 10.0))
    fixed, moving = (
        volume_of(labels, vox2ras)
        for labels, vox2ras in ((pair.fixed_labels, pair.fixed_vox2ras), (pair.moving_labels, pair.moving_vox2ras))
    )
    found = register(pair_of(pair), RegistrationOptions(), compute)
    before, after = (evaluate_labels(fixed, moving, chain).mean("dice") for chain in ((), found.chain))
    assert after > before + 0.1
    assert after > 0.75
    assert found.folds == 0
    assert found.work_grid.shape[2] == found.field_grid.shape[2] == 9
    assert all(c.shape[-1] == 9 for c in found.coefficients[-2:])
    assert found.network is not None


@pytest.mark.parametrize("transform", ["rigid", "affine"])
def test_a_linear_registration_has_no_warp(phantom, compute, transform):
    found = register(pair_of(phantom), RegistrationOptions(transform=transform), compute)
    assert found.warp is None
    assert found.inverse_warp is None
    assert found.log_jacobian is None
    assert found.history == ()
    assert found.chain == (found.affine,)
    linear = found.affine.matrix[:2, :2]
    assert np.allclose(linear @ linear.T, np.eye(2)) == (transform == "rigid")
    assert found.similarity[2] > found.similarity[0]


def test_the_same_pair_gives_the_same_bits_again(phantom, compute):
    first, second = (register(pair_of(phantom), RegistrationOptions(iterations=SHORT), compute) for _ in range(2))
    np.testing.assert_array_equal(first.warp.displacement, second.warp.displacement)
    np.testing.assert_array_equal(first.affine.matrix, second.affine.matrix)
    assert first.similarity == second.similarity


def test_an_interrupted_registration_goes_on_to_the_same_bits(phantom, compute):
    options = RegistrationOptions(iterations=SHORT)
    whole = register(pair_of(phantom), options, compute)
    kept, seen, planned = [], [], []

    def stop(step):
        seen.append(step)
        if len(seen) == 15:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        register(
            pair_of(phantom),
            options,
            compute,
            on_step=stop,
            on_plan=planned.append,
            on_interrupt=lambda matrix, state: kept.append((matrix, copy.deepcopy(state))),
        )
    resumed = register(pair_of(phantom), options, compute, resume_from=kept[0])
    np.testing.assert_array_equal(whole.warp.displacement, resumed.warp.displacement)
    assert planned == [len(whole.history)]
    assert resumed.history == whole.history


def far_away(phantom):
    vox2ras = phantom.moving_vox2ras.copy()
    vox2ras[:2, 2] += 5000
    return Pair(volume_of(phantom.fixed, phantom.fixed_vox2ras), volume_of(phantom.moving, vox2ras))


def test_images_apart_in_space_are_refused_where_the_header_is_to_count(phantom, compute):
    with pytest.raises(NumericalError, match="do not overlap in space"):
        register(far_away(phantom), RegistrationOptions(transform="affine", init="header"), compute)


def test_images_apart_in_space_start_from_their_centres_and_say_so(phantom, compute):
    found = register(far_away(phantom), RegistrationOptions(transform="affine"), compute)
    assert any("do not overlap" in note for note in found.notes)
    assert found.similarity[1] > 0.3


def test_a_given_matrix_is_the_start(phantom, compute):
    options = RegistrationOptions(transform="affine")
    found = register(pair_of(phantom), options, compute, start=phantom.fixed_to_moving_ras)
    assert errors_in_mm(phantom, found.chain).mean() < 6


def test_little_memory_makes_the_grid_coarser_and_says_so(phantom, compute):
    memory = 0.75 + (110 * phantom.fixed.size + 90 * 1500) / 1e9
    found = register(pair_of(phantom), RegistrationOptions(iterations=(3,), max_memory_gb=memory), compute)
    assert int(np.prod(found.work_grid.shape)) <= 1500
    assert any("to stay within memory" in note for note in found.notes)
    assert found.warp.displacement.shape[:-1] == phantom.fixed.shape


def test_too_little_memory_is_refused(phantom, compute):
    with pytest.raises(ResourceError, match="--max-memory"):
        register(pair_of(phantom), RegistrationOptions(max_memory_gb=0.1), compute)


def test_the_spacing_and_the_preset_set_the_working_grid(phantom, compute):
    found = [
        register(pair_of(phantom), RegistrationOptions(transform="rigid", **options), compute)
        for options in ({}, {"preset": "fast"}, {"spacing": 9.0})
    ]
    spacings = [float(one.work_grid.spacing.min()) for one in found]
    assert spacings == pytest.approx([3, 6, 9], rel=0.1)


def test_a_mask_that_does_not_touch_its_image_is_refused(phantom, compute):
    vox2ras = phantom.fixed_vox2ras.copy()
    vox2ras[:2, 2] += 5000
    mask = volume_of(np.ones(phantom.fixed.shape, bool), vox2ras, "mask.nii.gz")
    with pytest.raises(InputError, match=r"mask\.nii\.gz: the mask does not touch"):
        register(pair_of(phantom, fixed_mask=mask), RegistrationOptions(transform="rigid"), compute)


def test_the_quality_is_measured_inside_the_mask(phantom, compute):
    inside = np.zeros(phantom.fixed.shape, bool)
    inside[20:44, 24:48] = True
    mask = volume_of(inside, phantom.fixed_vox2ras)
    found = register(pair_of(phantom, fixed_mask=mask), RegistrationOptions(iterations=(6, 6)), compute)
    assert found.foreground_voxels == inside.sum()


def test_images_of_two_and_three_axes_do_not_mix(phantom, tmp_path):
    files = written(tmp_path, phantom)
    write_volume(tmp_path / "moving.nii.gz", np.arange(336, dtype=np.float32).reshape(6, 7, 8), np.eye(4))
    with pytest.raises(InputError, match=r"moving\.nii\.gz: 3D found; 2D, as .* expected"):
        read_pair(files)


def test_labels_of_other_axes_than_their_image_are_refused(phantom, tmp_path):
    write_volume(tmp_path / "labels.nii.gz", np.ones((6, 7, 8), np.uint8), np.eye(4))
    with pytest.raises(InputError, match=r"labels\.nii\.gz: 3D found; 2D"):
        read_pair(replace(written(tmp_path, phantom), fixed_label=tmp_path / "labels.nii.gz"))


def test_landmarks_without_partners_are_refused(phantom, tmp_path):
    for name, count in (("fixed.csv", 3), ("moving.csv", 2)):
        (tmp_path / name).write_text("x,y\n" + "1,2\n" * count)
    with pytest.raises(InputError, match="2 points found; 3, as the fixed ones, expected"):
        read_pair(
            replace(
                written(tmp_path, phantom),
                fixed_points=tmp_path / "fixed.csv",
                moving_points=tmp_path / "moving.csv",
            )
        )


def test_a_matrix_in_a_file_is_the_same_start_as_the_matrix(phantom, compute, tmp_path):
    np.savetxt(tmp_path / "start.txt", phantom.fixed_to_moving_ras, fmt="%.17g")
    options = RegistrationOptions(transform="affine")
    given = register(pair_of(phantom), options, compute, start=phantom.fixed_to_moving_ras)
    read = register(pair_of(phantom), replace(options, init=str(tmp_path / "start.txt")), compute)
    np.testing.assert_allclose(read.affine.matrix, given.affine.matrix, atol=1e-9)


def test_a_pair_is_read_with_what_comes_with_it(phantom, tmp_path):
    moved = phantom.fixed_vox2ras.copy()
    moved[0, 2] += 10
    write_volume(tmp_path / "labels.nii.gz", phantom.fixed_labels, moved)
    pair = read_pair(replace(written(tmp_path, phantom), fixed_label=tmp_path / "labels.nii.gz"))
    np.testing.assert_allclose(pair.fixed.data, phantom.fixed, atol=1e-5)
    np.testing.assert_allclose(grid_of(pair.moving).vox2ras, phantom.moving_vox2ras, atol=1e-4)
    assert pair.moving_mask is None
    assert any("same shape as fixed.nii.gz but another place in space" in note for note in pair.notes)


def test_a_constant_moving_image_gives_a_finite_matrix(phantom, compute):
    flat = Pair(
        volume_of(phantom.fixed, phantom.fixed_vox2ras),
        volume_of(np.full(phantom.fixed.shape, 5, np.float32), phantom.fixed_vox2ras),
    )
    found = register(flat, RegistrationOptions(transform="rigid"), compute)
    assert np.isfinite(found.affine.matrix).all()
    assert torch.get_num_threads() == 1
