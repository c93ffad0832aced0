from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from vision_cli.core.compute.devices import configure
from vision_cli.core.errors import InputError, MissingError
from vision_cli.io.volumes.volumes import Volume
from vision_cli.phantoms.brains.brains import Difference, brain_pair, slice_pair
from vision_cli.phantoms.brains.pairs import PhantomGrid
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.optimisation import images
from vision_cli.register.optimisation.images import Image
from vision_cli.register.optimisation.optimise import Settings, WaveletOptimiser
from vision_cli.register.options.registration import RegistrationOptions
from vision_cli.register.pipeline import prediction
from vision_cli.register.pipeline.inputs import Pair
from vision_cli.register.pipeline.pipeline import register
from vision_cli.register.pipeline.prediction import NetworkPredictor, network_grid
from vision_cli.register.pipeline.weights import describe_network
from vision_cli.register.transforms import fields
from vision_cli.register.transforms.fields import Grid

CPU = torch.device("cpu")
SHORT = (12, 10, 8)
BENT = Difference(deform_mm=4, correlation_mm=40, shift_mm=0, angle_deg=0, stretch=0)


@pytest.fixture(scope="module")
def compute():
    return configure("cpu", 1)


@pytest.fixture(scope="module")
def slices():
    return slice_pair(9, (64, 72), (3.0, 3.0), difference=BENT)


def grid_of(codes, shape, spacing, angle=0):
    made = PhantomGrid.oriented(
        shape, spacing, axcodes=codes, centre=(3.0, -12.0, 20.0)[: len(shape)], oblique_deg=angle
    )
    return Grid(made.shape, made.vox2ras)


def stored(network, directory, name="net"):
    save_file(network.state_dict(), directory / f"{name}.safetensors", describe_network(network))
    return str(directory / f"{name}.safetensors")


def pair_of(pair):
    return Pair(
        Volume(pair.fixed, np.asarray(pair.fixed_vox2ras, float), pair.fixed.dtype, Path("fixed.nii.gz")),
        Volume(pair.moving, np.asarray(pair.moving_vox2ras, float), pair.moving.dtype, Path("moving.nii.gz")),
    )


class Known(torch.nn.Module):
    """Stands in for a network: predicts the same shift in mm along the world axes, whatever it sees."""

    dim = 3
    variant = "diffeo"
    longest_side = 32
    reference = None

    def __init__(self, shift_voxels):
        super().__init__()
        self.shift = shift_voxels

    def forward(self, moving, fixed):
        self.seen = moving, fixed
        return self

    def field_voxels(self, reference):
        shape = self.seen[0].shape[2:]
        return torch.tensor(self.shift).view(1, -1, *[1] * len(shape)).expand(1, -1, *shape)


@pytest.mark.parametrize(
    ("codes", "shape", "spacing", "angle"),
    [
        ("RAS", (40, 50, 40), (2.0, 2.0, 2.0), 0),
        ("LIA", (40, 50, 44), (2.0, 2.0, 2.5), 0),
        ("PSR", (30, 50, 44), (3.0, 2.0, 2.5), 14),
        ("LPS", (60, 60, 7), (1.5, 1.5, 9.0), 5),
        ("RA", (60, 41), (1.5, 2.0), 12),
        ("LP", (60, 41), (1.5, 2.0), 0),
    ],
)
def test_the_network_sees_the_box_along_the_world_axes(codes, shape, spacing, angle):
    box = grid_of(codes, shape, spacing, angle)
    shape = box.shape
    extent = ((np.asarray(shape) - 1) * box.spacing).max()
    grid = network_grid(box, extent / 63)
    assert nib.aff2axcodes(grid.vox2ras) == ("R", "A", "S")[: len(shape)]
    assert all(n % 16 == 0 for n in grid.shape)
    assert max(grid.shape) == 64
    np.testing.assert_allclose(grid.spacing, extent / 63)
    corners = np.stack(np.meshgrid(*[(0, n - 1) for n in shape], indexing="ij"), -1).reshape(-1, len(shape))
    homogeneous = np.c_[corners, np.ones(len(corners))] @ (np.linalg.inv(grid.vox2ras) @ box.vox2ras).T
    inside = homogeneous[:, :-1]
    assert inside.min() > -1e-6
    assert (inside <= np.asarray(grid.shape) - 1 + 1e-6).all()
    np.testing.assert_allclose(inside.mean(0), (np.asarray(grid.shape) - 1) / 2)


def proposer_of(monkeypatch, network, fixed, moving, matrix, kind="diffeo"):
    monkeypatch.setattr(prediction, "load_network", lambda _path: network)
    return NetworkPredictor("default", fixed, moving, matrix, fixed.grid, kind)


@pytest.mark.parametrize("kind", ["diffeo", "displacement"])
@pytest.mark.parametrize(("codes", "fineness"), [("RAS", 1.0), ("LIA", 1.0), ("PSR", 1.5)])
def test_a_predicted_shift_is_the_same_shift_in_space_on_every_grid(codes, fineness, kind, monkeypatch):
    box = grid_of(codes, (20, 24, 22), (2.0, 2.0, 2.0), 9)
    image = Image(torch.rand(box.shape, generator=torch.Generator().manual_seed(0)), box)
    proposer = proposer_of(monkeypatch, Known((1.0, -2.0, 0.5)), image, image, np.eye(4), kind)
    found = proposer.add_prediction(torch.zeros(3, *box.shape), box, fineness)
    axes = torch.tensor(box.vox2ras[:3, :3], dtype=torch.float32)
    in_mm = torch.einsum("ij,j...->i...", axes, found).reshape(3, -1).T
    expected = prediction.STEP * proposer.grid(fineness).vox2ras[:3, :3] @ np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(in_mm.numpy(), np.broadcast_to(expected, in_mm.shape), atol=1e-3)
    twice = proposer.add_prediction(found, box, fineness)
    torch.testing.assert_close(twice, 2 * found, atol=1e-3, rtol=0)


def test_the_network_is_shown_the_moving_image_as_it_is_aligned_so_far(monkeypatch):
    box = grid_of("RAS", (24, 24, 24), (2.0, 2.0, 2.0))
    values = torch.zeros(24, 24, 24)
    values[8:14, 8:16, 8:16] = 0.5
    by_affine, by_field = np.eye(4), torch.zeros(3, 24, 24, 24)
    by_affine[0, 3] = 4.0
    by_field[0] = 1.0
    network = Known((0.0, 0.0, 0.0))
    moved = Image(torch.roll(values, 3, 0), box)
    proposer_of(monkeypatch, network, Image(values, box), moved, by_affine).add_prediction(by_field, box)
    moving, fixed = network.seen
    # The image is interpolated twice on its way, which blurs its edges.
    assert float((moving - fixed).abs().mean()) < 0.003
    assert float((moving - fixed).abs().max()) < 0.2
    assert float(fixed.max()) == 1.0


def test_what_a_field_has_of_fine_detail_is_kept(monkeypatch):
    box = grid_of("RAS", (60, 60, 60), (1.0, 1.0, 1.0))
    image = Image(torch.rand(box.shape, generator=torch.Generator().manual_seed(0)), box)
    fine = 0.2 * torch.randn(3, *box.shape, generator=torch.Generator().manual_seed(1))
    still = proposer_of(monkeypatch, Known((0.0, 0.0, 0.0)), image, image, np.eye(4))
    torch.testing.assert_close(still.add_prediction(fine, box), fine, atol=1e-5, rtol=0)


def optimiser_of(pair, **options):
    fixed, moving = (images.normalise(x, CPU) for x in (pair.fixed, pair.moving))
    grid = Grid(pair.fixed.shape, pair.fixed_vox2ras)
    return WaveletOptimiser(fixed, moving, grid, Settings(**{"iterations": SHORT, **options}))


def test_a_field_that_is_worth_it_is_taken_and_another_is_not(slices):
    settled = optimiser_of(slices)
    settled.run()
    good = settled.field_voxels()
    for field, margin, wins in (
        (good, 0.1, True),
        (good, 1e3, False),
        (-2 * good, 0.0, False),
        (torch.full_like(good, torch.nan), 0.0, False),
    ):
        optimiser = optimiser_of(slices)
        optimiser.run(until=1)
        before = [c.clone() for c in optimiser.state.coefficients]
        losses = optimiser.compare_with(field, margin)
        assert losses.favour_proposed(margin) is wins
        assert losses == optimiser.state.compared or np.isnan(losses.proposed)
        assert losses.optimised < losses.affine
        kept = all(torch.equal(a, b) for a, b in zip(before, optimiser.state.coefficients, strict=False))
        assert kept is not wins
        optimiser.run()
        assert optimiser.state.stage == len(optimiser.shrink_factors)


def test_a_field_that_is_taken_is_the_result(slices):
    settled = optimiser_of(slices)
    settled.run()
    other = optimiser_of(slices)
    other.set_final_field(settled.field_voxels())
    other.run()
    assert other.state.history == []
    torch.testing.assert_close(other.field_voxels(), settled.field_voxels(), atol=1e-4, rtol=0)


@pytest.mark.parametrize("method", ["auto", "network", "optimize"])
def test_a_registration_says_what_the_network_contributed(slices, compute, tmp_path, method):
    torch.manual_seed(0)
    weights = stored(WiNet(2, 2, longest_side=48), tmp_path)
    found = register(pair_of(slices), RegistrationOptions(iterations=SHORT, method=method, weights=weights), compute)
    if method == "optimize":
        assert found.network is None
        return
    share = found.network
    assert share.weights == weights
    assert len(share.sha256) == 64
    assert share.seconds > 0
    assert max(share.grid_shape) == (80 if method == "network" else 48)
    assert share.passes == (2 if method == "network" else 1)
    if method == "network":
        assert found.history == ()
        assert share.stage is None
        # A network that has learned nothing moves nothing.
        assert float(np.abs(found.warp.displacement_mm).max()) < 0.5
    else:
        assert share.loss_optimised < share.loss_affine
        assert share.loss_proposed == pytest.approx(share.loss_optimised, abs=0.01)
        assert not share.used
        alone = register(pair_of(slices), RegistrationOptions(iterations=SHORT, method="optimize"), compute)
        np.testing.assert_array_equal(found.warp.displacement_mm, alone.warp.displacement_mm)


def test_a_network_of_velocities_serves_for_displacements_too(slices, compute, tmp_path):
    weights = stored(WiNet(2, 2), tmp_path)
    options = RegistrationOptions(transform="displacement", iterations=SHORT, weights=weights)
    assert register(pair_of(slices), options, compute).network is not None


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: WiNet(3, 1), "a network of 3D images found; one of 2D images expected"),
        (lambda: WiNet(2, 1, variant="displacement"), "a network of displacements found; one of velocities expected"),
    ],
)
def test_weights_that_do_not_fit_the_pair_are_refused(slices, tmp_path, network, message):
    weights = stored(network(), tmp_path)
    image = Image(images.normalise(slices.fixed, CPU), Grid(slices.fixed.shape, slices.fixed_vox2ras))
    with pytest.raises(InputError, match=message):
        NetworkPredictor(weights, image, image, np.eye(3), image.grid, "diffeo")


def test_absent_weights_are_refused(slices, compute):
    with pytest.raises(MissingError, match="no such file"):
        register(pair_of(slices), RegistrationOptions(weights="nowhere.safetensors"), compute)


@pytest.mark.slow
@pytest.mark.parametrize("dim", [2, 3])
def test_the_shipped_weights_bring_heads_closer(dim, compute):
    """Heads that no training has seen, in an orientation of their own."""
    if dim == 2:
        pair = slice_pair(4, (96, 110), (2.0, 2.0), difference=BENT)
    else:
        pair = brain_pair(4, (70, 84, 70), (2.6, 2.6, 2.6), difference=BENT, moving_axcodes="PIR")
    found = register(pair_of(pair), RegistrationOptions(method="network"), compute)
    assert found.network.weights == f"winet-{dim}d"
    assert found.similarity.after > found.similarity.affine + 0.01
    assert found.folded_voxels == 0


def test_shipped_weights_say_how_they_were_made():
    directory = Path(fields.__file__).parents[2] / "weights"
    for name in ("winet-3d", "winet-2d"):
        card = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))
        assert card["training_command"].startswith("vcli register train --synthetic --label-maps")
        assert card["metrics"]["dice"] > card["metrics"]["dice_before"]
