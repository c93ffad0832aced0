"""WiNet: shapes, initialisation and assembly of the field."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.core.errors import InputError
from vision_cli.register.networks.winet import WiNet
from vision_cli.register.transforms import fields


@pytest.fixture
def rng():
    return np.random.default_rng(40)


def drawn(rng, *shape):
    return torch.tensor(rng.normal(size=shape), dtype=torch.float32)


@pytest.mark.parametrize(("dim", "shape"), [(2, (32, 48)), (3, (16, 32, 16))])
@pytest.mark.parametrize("wavelet", ["haar", "db4"])
@pytest.mark.parametrize("parts", [{}, {"refine": False}, {"smooth": False}])
def test_the_field_has_the_shape_of_the_images_and_every_parameter_a_part_in_it(dim, shape, wavelet, parts, rng):
    network = WiNet(dim, 2, wavelet, **parts)
    torch.manual_seed(0)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    moving, fixed = drawn(rng, 2, 1, *shape), drawn(rng, 2, 1, *shape)
    found = network(moving, fixed)
    assert found.normalised_field.shape == (2, dim, *shape)
    bands = 2**dim
    for coefficients, part, count in zip(found.coefficients, (8, 4, 2), (bands, bands - 1, bands - 1), strict=True):
        assert coefficients.shape == (2, count * dim, *(n // part for n in shape))
    found.normalised_field.square().sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(torch.isfinite(parameter.grad).all()), name
        # A bias before an instance norm is taken out by it.
        if not (name.startswith("enc1") and name.endswith("bias")):
            assert float(parameter.grad.abs().max()) > 0, name


def test_a_new_network_predicts_hardly_any_motion(rng):
    torch.manual_seed(0)
    found = WiNet(3, 2)(drawn(rng, 1, 1, 16, 16, 32), drawn(rng, 1, 1, 16, 16, 32))
    assert 0 < float(found.field_voxels().detach().abs().max()) < 0.01


def test_a_pair_does_not_depend_on_its_batch(rng):
    torch.manual_seed(0)
    network = WiNet(2, 4).eval()
    moving, fixed = drawn(rng, 3, 1, 32, 32), drawn(rng, 3, 1, 32, 32)
    together = network(moving, fixed).normalised_field
    alone = torch.cat([network(moving[n : n + 1], fixed[n : n + 1]).normalised_field for n in range(3)])
    torch.testing.assert_close(together, alone, atol=1e-8, rtol=1e-4)


def test_fields_in_voxels_count_half_the_distance_of_the_outer_centres():
    network = WiNet(2, 1, smooth=False, refine=False)
    found = network(torch.rand(1, 1, 16, 32), torch.rand(1, 1, 16, 32))
    torch.testing.assert_close(found.field_voxels()[:, 0], found.normalised_field[:, 0] * 7.5)
    torch.testing.assert_close(found.field_voxels()[:, 1], found.normalised_field[:, 1] * 15.5)
    torch.testing.assert_close(found.field_voxels((9, 11))[:, 1], found.normalised_field[:, 1] * 5.0)


@pytest.mark.parametrize("shapes", [((20, 32), (20, 32)), ((16, 32), (32, 16)), ((16, 16, 16), (16, 16, 16))])
def test_images_that_do_not_fit_are_refused(shapes):
    with pytest.raises(InputError, match="multiples of 16"):
        WiNet(2, 1)(*(torch.zeros(1, 1, *shape) for shape in shapes))


def test_the_coarsest_approximation_alone_is_a_smooth_field(rng):
    """One coefficient of the LLL band spreads over its eight voxels a side, of each component by itself."""
    network = WiNet(3, 1, refine=False, smooth=False)
    low = torch.zeros(1, 3, 2, 2, 2)
    low[0, 1, 0, 1, 0] = 1.0
    details = [torch.zeros(1, 21, 2 * k, 2 * k, 2 * k) for k in (1, 2, 4)]
    field = low
    for number, own in enumerate(details, start=1):
        field = network._assemble(field, own, number)
    expected = torch.zeros(1, 3, 16, 16, 16)
    expected[0, 1, :8, 8:, :8] = 8.0**-0.5 / 8
    torch.testing.assert_close(field, expected)


@settings(max_examples=10)
@given(st.integers(0, 2**16))
def test_the_exponential_of_a_predicted_velocity_does_not_fold(seed):
    generator = torch.Generator().manual_seed(seed)
    network = WiNet(2, 1)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.1
    images = torch.rand(2, 1, 1, 48, 48, generator=generator)
    with torch.no_grad():
        velocity = network(images[0], images[1]).field_voxels()[0]
    velocity = fields.gaussian_blur(velocity, (3.0, 3.0))
    velocity *= 3.0 / max(float(velocity.abs().max()), 1e-12)
    assert float(fields.jacobian_determinant(fields.exponentiate(velocity, 7)).min()) > 0


def test_scales_that_are_left_out_have_no_details(rng):
    images = [drawn(rng, 1, 1, 16, 16) for _ in range(2)]
    for scales in (1, 2, 3):
        torch.manual_seed(0)
        with torch.no_grad():
            _, w4, w2 = WiNet(2, 2, scales=scales)(*images).coefficients
        assert [bool((w == 0).all()) for w in (w4, w2)] == [scales < 2, scales < 3]
    with pytest.raises(InputError, match="4 scales found"):
        WiNet(2, 2, scales=4)
