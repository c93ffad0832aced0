from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from vision_cli.core.compute.devices import Compute, configure
from vision_cli.core.errors import InputError, MissingError, NumericalError, ResourceError
from vision_cli.io.volumes.volumes import Volume
from vision_cli.phantoms.brains.brains import Difference, brain_pair, slice_pair
from vision_cli.phantoms.brains.hearts import cine_pair
from vision_cli.register.evaluation.measures import evaluate_labels
from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.optimise import Settings, WaveletOptimiser
from vision_cli.register.options.registration import RegistrationOptions
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.pipeline.pipeline import _result_on_fixed_grid, register
from vision_cli.register.pipeline.result import ImageTerm
from vision_cli.register.transforms.fields import Grid, gaussian_blur, jacobian_determinant, transfer
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
    assert found.similarity.before < found.similarity.affine < found.similarity.after <= 1
    assert found.warp.displacement_mm.shape == (*phantom.fixed.shape, 2)
    if transform == "diffeo":
        assert found.folded_voxels == 0
        assert found.inverse_error.mean_voxels < 0.1
        assert found.jacobian_range[0] > 0
    assert found.log_jacobian.shape == phantom.fixed.shape
    assert sum(level.energy_share for level in found.levels) == pytest.approx(1)
    assert {"read", "affine", "optimise", "fields"} <= set(found.seconds)


@pytest.fixture(scope="module")
def brain_slice():
    return slice_pair(9, (64, 72), (3.0, 3.0), strip=True, difference=BENT)


@pytest.fixture(scope="module")
def same_contrast(brain_slice, compute):
    return register(pair_of(brain_slice), RegistrationOptions(iterations=SHORT, method="optimize"), compute)


def in_contrast(phantom, kind):
    """The moving image with the contrast of its tissue inverted, linearly or not, on a black background."""
    inside = phantom.moving_labels > 0
    level = phantom.moving / np.quantile(phantom.moving[inside], 0.99)
    tissue = {"inverted": 1.1 - level, "bent": np.interp(level, [0, 0.3, 0.7, 1], [1, 0.9, 0.4, 0.1])}[kind]
    moving = np.where(inside, 100 * tissue.clip(0.02, None), 0).astype(np.float32)
    return Pair(
        volume_of(phantom.fixed, phantom.fixed_vox2ras), volume_of(moving, phantom.moving_vox2ras, "other.nii.gz")
    )


@pytest.mark.parametrize("kind", ["inverted", "bent"])
def test_another_contrast_ends_as_near_as_the_same(brain_slice, same_contrast, compute, kind):
    options = RegistrationOptions(iterations=SHORT, method="optimize")
    found = register(in_contrast(brain_slice, kind), options, compute)
    plain, other = (errors_in_mm(brain_slice, one.chain).mean() for one in (same_contrast, found))
    # Voxels have 3 mm; with the intensities as they are, the inverted image ends 0.44 mm worse.
    assert other < plain + 0.25
    assert (same_contrast.image_term.mapped, found.image_term.mapped) == (False, True)
    assert found.image_term.increasing < 0.75 * found.image_term.explained
    assert "different contrasts" in " ".join(found.notes)
    assert not same_contrast.notes


def test_the_same_contrast_is_compared_as_with_the_metric_given(brain_slice, same_contrast, compute):
    options = RegistrationOptions(iterations=SHORT, method="optimize", metric="lncc")
    given = register(pair_of(brain_slice), options, compute)
    assert np.array_equal(given.warp.displacement_mm, same_contrast.warp.displacement_mm)
    assert given.image_term == ImageTerm("lncc")


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
    assert found.folded_voxels == 0


@pytest.mark.slow
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
    assert found.folded_voxels == 0
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
    assert found.similarity.after > found.similarity.before


def test_the_same_pair_gives_the_same_bits_again(phantom, compute):
    first, second = (register(pair_of(phantom), RegistrationOptions(iterations=SHORT), compute) for _ in range(2))
    np.testing.assert_array_equal(first.warp.displacement_mm, second.warp.displacement_mm)
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
            on_interrupt=lambda checkpoint: kept.append(copy.deepcopy(checkpoint)),
        )
    resumed = register(pair_of(phantom), options, compute, resume_from=kept[0])
    np.testing.assert_array_equal(whole.warp.displacement_mm, resumed.warp.displacement_mm)
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
    assert found.similarity.affine > 0.3


def test_a_given_matrix_is_the_start(phantom, compute):
    options = RegistrationOptions(transform="affine")
    found = register(pair_of(phantom), options, compute, start=phantom.fixed_to_moving_ras)
    assert errors_in_mm(phantom, found.chain).mean() < 6


def test_little_memory_makes_the_grid_coarser_and_says_so(phantom, compute):
    memory = 0.75 + (110 * phantom.fixed.size + 90 * 1500) / 1e9
    found = register(pair_of(phantom), RegistrationOptions(iterations=(3,), max_memory_gb=memory), compute)
    assert int(np.prod(found.work_grid.shape)) <= 1500
    assert any("to stay within memory" in note for note in found.notes)
    assert found.warp.displacement_mm.shape[:-1] == phantom.fixed.shape


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


def test_the_fast_preset_has_its_own_penalty_and_no_network_unless_weights_are_named(phantom, compute):
    fast = RegistrationOptions(preset="fast", iterations=SHORT)
    given = (fast, replace(fast, method="optimize", volume_weight=0.3), replace(fast, volume_weight=0.45))
    found, same, firmer = (register(pair_of(phantom), options, compute) for options in given)
    assert found.network is None
    np.testing.assert_array_equal(found.warp.displacement_mm, same.warp.displacement_mm)
    assert firmer.sdlogj < found.sdlogj
    with pytest.raises(MissingError, match="no such file"):
        register(pair_of(phantom), replace(fast, weights="nowhere.safetensors"), compute)


def test_a_mask_that_does_not_touch_its_image_is_refused(phantom, compute):
    vox2ras = phantom.fixed_vox2ras.copy()
    vox2ras[:2, 2] += 5000
    mask = volume_of(np.ones(phantom.fixed.shape, bool), vox2ras, "mask.nii.gz")
    with pytest.raises(InputError, match=r"mask\.nii\.gz: no voxel of the mask inside"):
        register(pair_of(phantom, fixed_mask=mask), RegistrationOptions(transform="rigid"), compute)


def test_the_quality_is_measured_inside_the_mask(phantom, compute):
    inside = np.zeros(phantom.fixed.shape, bool)
    inside[20:44, 24:48] = True
    mask = volume_of(inside, phantom.fixed_vox2ras)
    found = register(pair_of(phantom, fixed_mask=mask), RegistrationOptions(iterations=(6, 6)), compute)
    assert found.foreground_voxels == inside.sum()


def test_a_matrix_in_a_file_is_the_same_start_as_the_matrix(phantom, compute, tmp_path):
    np.savetxt(tmp_path / "start.txt", phantom.fixed_to_moving_ras, fmt="%.17g")
    options = RegistrationOptions(transform="affine")
    given = register(pair_of(phantom), options, compute, start=phantom.fixed_to_moving_ras)
    read = register(pair_of(phantom), replace(options, init=str(tmp_path / "start.txt")), compute)
    np.testing.assert_allclose(read.affine.matrix, given.affine.matrix, atol=1e-9)


def test_a_constant_moving_image_gives_a_finite_matrix(phantom, compute):
    flat = Pair(
        volume_of(phantom.fixed, phantom.fixed_vox2ras),
        volume_of(np.full(phantom.fixed.shape, 5, np.float32), phantom.fixed_vox2ras),
    )
    found = register(flat, RegistrationOptions(transform="rigid"), compute)
    assert np.isfinite(found.affine.matrix).all()
    assert torch.get_num_threads() == 1


def test_a_mirrored_image_is_found_by_the_search_and_said(phantom, compute):
    # A patch on one side, so that the two sides differ.
    fixed, moving = (values.copy() for values in (phantom.fixed, phantom.fixed))
    for values in (fixed, moving):
        values[14:24, 30:44] = values.max()
    flipped = Pair(
        volume_of(fixed, phantom.fixed_vox2ras), volume_of(np.ascontiguousarray(moving[::-1]), phantom.fixed_vox2ras)
    )
    found = register(flipped, RegistrationOptions(transform="affine", init="search"), compute)
    assert found.orientation.mirrored
    assert found.similarity.affine > 0.9
    assert any("LEFT AND RIGHT MAY BE SWAPPED" in note for note in found.notes)
    assert any("with the image mirrored" in note for note in found.notes)


@pytest.mark.parametrize("change", ["nothing", "header", "intensity"])
def test_an_image_registered_with_itself_stays_where_it_is(phantom, compute, change):
    vox2ras, factor = phantom.fixed_vox2ras.copy(), 2.5 if change == "intensity" else 1.0
    if change == "header":
        vox2ras[:2, 2] += (7, -4)
    same = Pair(
        volume_of(phantom.fixed, phantom.fixed_vox2ras),
        volume_of(np.float32(factor) * phantom.fixed, vox2ras),
    )
    found = register(same, RegistrationOptions(method="optimize", iterations=(4,)), compute)
    assert found.affine_kept
    assert not found.warp.displacement_mm.any()
    assert any("the affine was kept" in note for note in found.notes)
    shift = found.affine.matrix[:2, 2] - (vox2ras - phantom.fixed_vox2ras)[:2, 2]
    assert np.abs(shift).max() < 0.3
    assert found.similarity.after == found.similarity.affine


def test_a_lesion_that_a_mask_hides_bends_the_map_less(phantom, compute):
    centre = np.argwhere(phantom.moving_labels > 0).mean(0) + 6
    index = np.indices(phantom.moving.shape)
    distance = np.sqrt(sum((axis - place) ** 2 for axis, place in zip(index, centre, strict=True)))
    moving = np.where(distance < 7, 0.2 * phantom.moving.max(), phantom.moving).astype(np.float32)
    sick = replace(pair_of(phantom), moving=volume_of(moving, phantom.moving_vox2ras))
    mask = volume_of(distance >= 7, phantom.moving_vox2ras)
    options = RegistrationOptions(method="optimize", iterations=SHORT)
    voxels = np.argwhere(phantom.fixed_labels > 0)
    points = (np.c_[voxels, np.ones(len(voxels))] @ phantom.fixed_vox2ras.T)[:, :-1]
    pairs = pair_of(phantom), replace(sick, moving_mask=mask), sick, pair_of(phantom, moving_mask=mask)
    healthy, masked, bent, same = (
        map_points(register(pair, options, compute, start=phantom.fixed_to_moving_ras).chain, points) for pair in pairs
    )
    # What lies under the mask has an influence on the range of intensities alone; voxels have 3 mm.
    assert np.linalg.norm(same - masked, axis=1).mean() < 0.3
    places = (np.c_[healthy, np.ones(len(points))] @ np.linalg.inv(phantom.moving_vox2ras).T)[:, :-1]
    outside = np.linalg.norm(places - centre, axis=1) > 7
    for part in (outside, ~outside):
        errors_mm = [np.linalg.norm(one - healthy, axis=1)[part].mean() for one in (masked, bent)]
        assert errors_mm[0] < 0.8 * errors_mm[1], errors_mm


def test_a_turned_noisy_image_of_itself_is_deformed_less_than_without_stiffness(compute, monkeypatch):
    turned = slice_pair(9, (64, 72), (3.0, 3.0), difference=Difference(deform_mm=0, shift_mm=5, angle_deg=8, stretch=0))
    options = RegistrationOptions(method="optimize", iterations=SHORT)
    stiff = errors_in_mm(turned, register(pair_of(turned), options, compute).chain).mean()
    monkeypatch.setattr("vision_cli.register.pipeline.pipeline.stiffness", lambda *images: None)
    soft = errors_in_mm(turned, register(pair_of(turned), options, compute).chain).mean()
    assert stiff < 0.8 * soft
    assert stiff < 0.6


def test_the_inverse_fits_on_the_fixed_grid_of_a_coarser_registration(phantom, compute):
    options = RegistrationOptions(preset="fast", method="optimize", iterations=SHORT)
    found = register(pair_of(phantom), options, compute)
    assert found.inverse_error is not None
    assert found.work_grid.spacing.min() == pytest.approx(6, rel=0.05)
    assert found.inverse_error.mean_voxels < 0.05


def test_folds_that_only_the_fixed_grid_sees_are_repaired():
    fixed, work = Grid((81, 81), np.eye(3)), Grid((41, 41), np.diag([2.0, 2.0, 1.0]))
    optimiser = WaveletOptimiser(torch.zeros(41, 41), torch.zeros(41, 41), work, Settings())
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(2, *optimiser.field_grid.shape, generator=generator)
    optimiser.set_final_field(3.0 * gaussian_blur(noise, (1.0, 1.0)))
    image = Image(torch.ones(81, 81), fixed, torch.ones(81, 81, dtype=torch.bool))
    before = optimiser.displacement_voxels()
    assert int((jacobian_determinant(transfer(before, work, fixed)) <= 0).sum()) > 0
    found = _result_on_fixed_grid(image, optimiser, np.eye(3))
    assert found.folded_voxels == 0
    assert 0 < found.repairs <= 20
    # The rest of the field stays.
    assert float((optimiser.displacement_voxels() - before).abs().median()) < 0.01
