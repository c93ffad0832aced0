from __future__ import annotations

import copy

import pytest
import torch

from vision_cli.core.errors import NumericalError
from vision_cli.phantoms.brains.brains import Difference, brain_pair, slice_pair
from vision_cli.phantoms.brains.hearts import cine_pair
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.losses import LocalCorrelation
from vision_cli.register.optimisation.optimise import Settings, WaveletOptimiser
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

SHORT = (12, 10, 8)
BENT = Difference(deform_mm=4, correlation_mm=40, shift_mm=2, angle_deg=1, stretch=0.02)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def bent_heads():
    return brain_pair(8, (32, 38, 32), (6.0, 6.0, 6.0), difference=BENT)


@pytest.fixture(scope="module")
def bent_slices():
    return slice_pair(9, (64, 72), (3.0, 3.0), difference=BENT)


def optimiser_of(pair, mask=None, **options):
    fixed, moving = (images.normalise(x, torch.device("cpu")) for x in (pair.fixed, pair.moving))
    grid = Grid(pair.fixed.shape, pair.fixed_vox2ras)
    return WaveletOptimiser(fixed, moving, grid, Settings(**{"iterations": SHORT, **options}), mask)


def correlation(optimiser, displacement_voxels):
    points = fields.identity_points(optimiser.grid.shape, torch.device("cpu")) + displacement_voxels
    warped = fields.sample(optimiser.moving[None], points)[0]
    return -float(LocalCorrelation(optimiser.fixed, 5)(warped))


def foreground_of(optimiser):
    return optimiser.fixed > 0.1


def same(first, second):
    return all(torch.equal(a, b) for a, b in zip(first.state.coefficients, second.state.coefficients, strict=True))


def test_two_heads_meet_without_folds_and_the_inverse_undoes_the_map(bent_heads):
    optimiser = optimiser_of(bent_heads)
    optimiser.run()
    assert optimiser.repair_folds(foreground_of(optimiser)) == 0
    forward_voxels = optimiser.displacement_voxels()
    assert correlation(optimiser, forward_voxels) > correlation(optimiser, torch.zeros_like(forward_voxels)) + 0.1
    assert float(fields.jacobian_determinant(forward_voxels).min()) > 0
    error = fields.compose(forward_voxels, optimiser.inverse_displacement_voxels(forward_voxels)).square().sum(0).sqrt()
    assert float(error.mean()) < 0.1
    assert len(optimiser.state.history) == optimiser.total_iterations


@pytest.mark.parametrize("kind", ["displacement", "diffeo"])
@pytest.mark.parametrize("metric", ["lncc", "mse", "mi", "mind"])
def test_slices_meet_with_each_kind_and_image_term(bent_slices, kind, metric):
    optimiser = optimiser_of(bent_slices, kind=kind, metric=metric)
    optimiser.run()
    forward_voxels = optimiser.displacement_voxels()
    assert forward_voxels.shape == (2, 64, 72)
    assert correlation(optimiser, forward_voxels) > correlation(optimiser, torch.zeros_like(forward_voxels)) + 0.02


def test_both_directions_of_the_image_term_meet_too(bent_slices):
    optimiser = optimiser_of(bent_slices, symmetric=True)
    optimiser.run()
    forward_voxels = optimiser.displacement_voxels()
    assert correlation(optimiser, forward_voxels) > correlation(optimiser, torch.zeros_like(forward_voxels)) + 0.05


def test_the_same_pair_gives_the_same_bits_again(bent_slices):
    first, second = (optimiser_of(bent_slices) for _ in range(2))
    first.run()
    second.run()
    assert same(first, second)
    assert first.state.history == second.state.history


@pytest.mark.parametrize("stop", [1, 12, 17, 30])
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(bent_slices, stop):
    whole = optimiser_of(bent_slices)
    whole.run()
    stopped = optimiser_of(bent_slices)

    def leave(_step):
        if len(stopped.state.history) == stop:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        stopped.run(leave)
    resumed = optimiser_of(bent_slices)
    resumed.state = copy.deepcopy(stopped.state)
    resumed.run()
    assert same(whole, resumed)
    assert whole.state.history == resumed.state.history


def test_a_finished_state_has_nothing_left_to_run(bent_slices):
    optimiser = optimiser_of(bent_slices)
    optimiser.run()
    before = [c.clone() for c in optimiser.state.coefficients]
    optimiser.run()
    assert all(torch.equal(a, b) for a, b in zip(before, optimiser.state.coefficients, strict=True))


def test_two_threads_find_the_map_of_one(bent_heads):
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        optimiser = optimiser_of(bent_heads, iterations=(6, 5, 4))
        optimiser.run()
        found.append(optimiser.displacement_voxels())
    assert float((found[0] - found[1]).abs().max()) <= 0.02


def test_thick_slices_keep_their_axis():
    pair = cine_pair(2, (64, 64, 7), (3.0, 3.0, 12.0))
    optimiser = optimiser_of(pair)
    assert optimiser.field_grid.shape[2] == 7
    assert all(2 not in level.axes for level in optimiser.pyramid.levels)
    optimiser.run()
    assert optimiser.repair_folds(foreground_of(optimiser)) == 0
    forward_voxels = optimiser.displacement_voxels()
    assert correlation(optimiser, forward_voxels) > correlation(optimiser, torch.zeros_like(forward_voxels)) + 0.03


def test_the_parts_of_the_scales_add_up_to_the_field(bent_slices):
    optimiser = optimiser_of(bent_slices)
    optimiser.run()
    parts = optimiser.level_fields_voxels()
    assert next(iter(parts)).startswith("approximation")
    assert len(parts) == len(optimiser.state.coefficients)
    torch.testing.assert_close(sum(parts.values()), optimiser.field_voxels(), atol=1e-4, rtol=1e-4)


def test_a_stiffer_field_is_smoother(bent_slices):
    gradients = []
    for smoothness in (0.1, 5.0):
        optimiser = optimiser_of(bent_slices, smoothness=smoothness)
        optimiser.run()
        gradients.append(float(torch.diff(optimiser.field_voxels(), dim=1).square().mean()))
    assert gradients[1] < 0.5 * gradients[0]


def test_what_the_mask_leaves_out_does_not_pull(bent_slices):
    shape = bent_slices.fixed.shape
    mask = torch.zeros(shape)
    mask[:24] = 1
    masked, free = optimiser_of(bent_slices, mask), optimiser_of(bent_slices)
    masked.run()
    free.run()
    far = [float(optimiser.displacement_voxels()[:, 52:].abs().mean()) for optimiser in (masked, free)]
    assert far[0] < far[1]


def test_images_that_agree_stay_where_they_are(bent_slices):
    optimiser = optimiser_of(bent_slices)
    optimiser.moving = optimiser.fixed
    optimiser.run()
    moved = optimiser.displacement_voxels().norm(dim=0)[foreground_of(optimiser)]
    assert float(moved.mean()) < 0.15


def test_an_image_that_is_not_finite_ends_in_a_numerical_error(bent_slices):
    optimiser = optimiser_of(bent_slices)
    optimiser.moving = torch.full_like(optimiser.moving, float("nan"))
    with pytest.raises(NumericalError, match="not a finite number"):
        optimiser.run()


def test_repair_takes_out_folds_and_leaves_the_rest_alone(bent_slices):
    optimiser = optimiser_of(bent_slices, kind="displacement", iterations=(1, 1))
    pinched = torch.zeros(2, *optimiser.field_grid.shape)
    pinched[0, 10, 12] = 4.0
    optimiser.state.coefficients = optimiser.pyramid.analyse(pinched)
    everywhere = torch.ones(optimiser.grid.shape, dtype=torch.bool)
    before = optimiser.displacement_voxels()
    assert int((fields.jacobian_determinant(before) <= 0).sum()) > 0
    assert optimiser.repair_folds(everywhere) == 0
    after = optimiser.displacement_voxels()
    assert float(fields.jacobian_determinant(after).min()) > 0
    assert optimiser.state.repairs >= 1
    # Far from the pinch only rounding is left; what moved stays within reach of the smoothing.
    torch.testing.assert_close(after[:, 48:], before[:, 48:], atol=1e-4, rtol=0)


def test_folds_outside_of_what_counts_are_let_be(bent_slices):
    optimiser = optimiser_of(bent_slices, kind="displacement", iterations=(1, 1))
    pinched = torch.zeros(2, *optimiser.field_grid.shape)
    pinched[0, 10, 12] = 4.0
    optimiser.state.coefficients = optimiser.pyramid.analyse(pinched)
    assert optimiser.repair_folds(torch.zeros(optimiser.grid.shape, dtype=torch.bool)) == 0
    assert optimiser.state.repairs == 0


def test_a_field_that_folds_everywhere_ends_with_the_folds_counted(bent_slices):
    optimiser = optimiser_of(bent_slices, kind="displacement", iterations=(1, 1))
    shape = optimiser.field_grid.shape
    flipped = -2.5 * fields.identity_points(shape, torch.device("cpu"))
    optimiser.state.coefficients = optimiser.pyramid.analyse(
        flipped[torch.tensor([0, 1])] * torch.tensor([[[1.0]], [[0.0]]])
    )
    assert optimiser.repair_folds(torch.ones(optimiser.grid.shape, dtype=torch.bool)) > 0


def test_the_field_becomes_zero_where_nothing_fits_better(bent_slices):
    optimiser = optimiser_of(bent_slices)
    optimiser.run()
    assert not optimiser.keep_better_of_zero()
    optimiser.moving = optimiser.fixed
    assert optimiser.keep_better_of_zero()
    assert not optimiser.displacement_voxels().any()
