"""The networks as published: curves, sizes, ranges, and what each part does."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from vision_cli.enhance_eval.networks import iat, pairlie, ruas, sci, zero_dce, zero_dce_pp

BUILDERS = {
    "zero-dce": zero_dce.zero_dce,
    "zero-dce++": zero_dce_pp.zero_dce_pp,
    "sci": sci.sci,
    "ruas": ruas.ruas,
    "pairlie": pairlie.pairlie,
    "iat": iat.iat,
}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


@pytest.mark.parametrize("name", BUILDERS)
def test_outputs_have_the_shape_of_the_input_and_are_in_range(name):
    network = BUILDERS[name]().eval()
    with torch.no_grad():
        output = network(torch.rand(2, 3, 25, 38))
    assert output.shape == (2, 3, 25, 38)
    assert output.min() >= 0
    assert output.max() <= 1


@pytest.mark.parametrize("name", BUILDERS)
def test_all_parts_that_run_learn(name):
    network = BUILDERS[name]()
    network(torch.rand(2, 3, 24, 24)).sum().backward()
    without = {key for key, one in network.named_parameters() if one.grad is None}
    idle = {"sci": "calibrate.", "ruas": "denoise_net."}.get(name)
    assert all(idle is not None and key.startswith(idle) for key in without)


def test_curves_keep_0_and_1_and_the_range():
    picture = torch.tensor([0.0, 1.0, 0.25]).view(1, 1, 1, 3).expand(1, 3, 1, 3)
    maps = torch.full((1, 24, 1, 3), -1.0)
    after = zero_dce.apply_curves(picture, maps)[0, 0, 0]
    assert after[:2].tolist() == [0, 1]
    expected = 0.25
    for _ in range(8):
        expected = expected - (expected**2 - expected)
    assert after[2] == pytest.approx(expected)


@pytest.mark.parametrize("size", [(24, 36), (25, 38), (5, 7), (1, 1)])
def test_zero_dce_pp_pads_and_cuts_off(size):
    network = zero_dce_pp.zero_dce_pp()
    picture = torch.rand(1, 3, *size)
    padded = F.pad(picture, (0, -size[1] % 12, 0, -size[0] % 12), mode="replicate")
    with torch.no_grad():
        torch.testing.assert_close(network(picture), network(padded)[..., : size[0], : size[1]])


def test_zero_dce_pp_gives_the_same_with_and_without_gradients():
    network, picture = zero_dce_pp.zero_dce_pp(scale=4), torch.rand(1, 3, 150, 31)
    with torch.no_grad():
        in_rows = network(picture)
    torch.testing.assert_close(network(picture).detach(), in_rows)


def test_zero_dce_pp_at_full_scale_needs_no_padding():
    network = zero_dce_pp.zero_dce_pp(scale=1)
    assert network(torch.rand(1, 3, 5, 7)).shape == (1, 3, 5, 7)


def test_sci_divides_by_an_illumination_no_darker_than_the_picture():
    network, picture = sci.sci().eval(), torch.rand(1, 3, 12, 12)
    with torch.no_grad():
        illumination = network.enhance(picture)
    assert (illumination >= picture).all()
    assert len(network.state_dict()) == 83
    assert network.state_dict()["enhance.conv.0.weight"] is not None
    torch.testing.assert_close(
        network.state_dict()["enhance.conv.0.weight"], network.state_dict()["enhance.blocks.0.0.weight"]
    )


def test_ruas_starts_from_the_maximum_to_the_right_and_below():
    picture = torch.zeros(1, 3, 4, 4)
    picture[:, :, 2, 2] = 1
    spread = ruas._local_maximum(picture)[0, 0]
    assert spread.nonzero().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]


def test_ruas_removes_noise_only_if_asked_to():
    plain, cleaning = ruas.ruas(), ruas.ruas(denoise=True)
    cleaning.load_state_dict(plain.state_dict())
    picture = torch.rand(1, 3, 10, 10)
    with torch.no_grad():
        torch.testing.assert_close(cleaning(picture), cleaning.denoise_net(plain(picture)))


def test_pairlie_with_a_smaller_exponent_is_brighter():
    network, other = pairlie.pairlie(0.2), pairlie.pairlie(0.14)
    other.load_state_dict(network.state_dict())
    picture = torch.rand(1, 3, 9, 9)
    with torch.no_grad():
        assert (other(picture) > network(picture)).all()


def test_iat_as_initialised_is_a_product_and_a_sum():
    """With gamma and colours at their start the global branch changes next to nothing."""
    network, picture = iat.iat().eval(), torch.rand(1, 3, 8, 8)
    with torch.no_grad():
        for one in (network.global_net.gamma_linear, network.global_net.color_linear):
            torch.nn.init.zeros_(one.weight)
            torch.nn.init.zeros_(one.bias)
        factor, offset = network.local_net(picture)
        torch.testing.assert_close(network(picture), (picture * factor + offset).clamp(1e-8, 1))


def test_iat_colours_mix_channels_by_rows():
    network, picture = iat.iat().eval(), torch.rand(2, 3, 8, 8)
    swap = torch.tensor([[0.0, 1, 0], [1, 0, 0], [0, 0, 1]])
    with torch.no_grad():
        for one in (network.global_net.gamma_linear, network.global_net.color_linear):
            torch.nn.init.zeros_(one.weight)
            torch.nn.init.zeros_(one.bias)
        before = network(picture)
        network.global_net.color_base.copy_(swap)
        torch.testing.assert_close(network(picture), before[:, [1, 0, 2]])
