"""The built-in networks: sizes of pictures, numbers of parameters, and what their parts mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.enhance_eval.networks.centre_detector import build_centre_detector, read_peaks
from vision_cli.enhance_eval.networks.crop_classifier import build_crop_classifier
from vision_cli.enhance_eval.networks.curve_net import GUIDE, apply_curves, build_curve_net, shrink


def parameters(network):
    return sum(tensor.numel() for tensor in network.parameters())


@pytest.mark.parametrize("shape", [(128, 128), (65, 94), (17, 16)])
def test_the_detector_takes_pictures_of_any_size(shape):
    network = build_centre_detector(7).eval()
    with torch.no_grad():
        heat, sides = network(torch.rand(2, 3, *shape))
    places = tuple(-(-side // 4) for side in shape)
    assert heat.shape == (2, 7, *places)
    assert sides.shape == (2, 4, *places)
    assert (sides > 0).all()
    assert float(heat.sigmoid().mean()) < 0.2


def test_the_networks_are_as_small_as_they_say():
    assert parameters(build_centre_detector()) == 118894
    assert parameters(build_crop_classifier()) == 153882
    assert parameters(build_curve_net()) == 10561


def test_a_peak_is_the_box_around_its_place():
    heat, sides = torch.full((1, 3, 8, 10), -9.0), torch.ones(1, 4, 8, 10)
    heat[0, 1, 2, 3], heat[0, 1, 2, 4], heat[0, 2, 7, 9] = 3.0, 2.0, 1.0
    sides[0, :, 2, 3] = torch.tensor([6.0, 4.0, 10.0, 8.0])
    sides[0, :, 7, 9] = torch.tensor([5.0, 5.0, 50.0, 50.0])
    peaks = read_peaks(heat, sides, (32, 40), most=2)
    # The place beside a higher one of its class is none; boxes end where the picture does.
    assert peaks.labels.tolist() == [[1, 2]]
    np.testing.assert_allclose(peaks.corners[0].numpy(), [[8, 6, 24, 18], [33, 25, 40, 32]])
    np.testing.assert_allclose(peaks.scores[0].numpy(), torch.tensor([3.0, 1.0]).sigmoid().numpy())


def test_fewer_places_than_peaks_are_all_read():
    heat = torch.rand(2, 1, 2, 2)
    assert read_peaks(heat, torch.ones(2, 4, 2, 2), (8, 8)).scores.shape == (2, 4)


@pytest.mark.parametrize("shape", [(64, 64), (30, 51)])
def test_the_classifier_takes_pictures_of_any_size(shape):
    assert build_crop_classifier(4).eval()(torch.rand(3, 3, *shape)).shape == (3, 4)


def test_flat_curves_change_nothing():
    pictures = torch.rand(2, 3, 40, 70)
    assert torch.equal(apply_curves(pictures, torch.zeros(2, 3, 5, 9)), pictures)


def test_curves_keep_black_white_order_and_range():
    ramp = torch.linspace(0, 1, 101).expand(1, 3, 4, 101)
    for strength in (-1.0, -0.4, 0.7, 1.0):
        bent = apply_curves(ramp, torch.full((1, 3, 2, 2), strength))
        np.testing.assert_allclose([float(bent.min()), float(bent.max())], [0, 1], atol=1e-6)
        assert (bent.diff(dim=-1) >= -1e-6).all()
        assert bool((bent[..., 50] > 0.5).all()) == (strength < 0)


def test_a_flat_picture_stays_flat_up_to_its_border():
    torch.manual_seed(0)
    network = build_curve_net().eval()
    with torch.no_grad():
        enhanced, _ = network(torch.full((1, 3, 96, 150), 0.2))
    assert float(enhanced.amax((2, 3)).sub(enhanced.amin((2, 3))).max()) < 1e-5


def test_the_first_curves_are_nearly_straight_but_differ_between_pictures():
    torch.manual_seed(0)
    pictures = torch.rand(4, 3, 1, 1).expand(4, 3, 64, 64)
    with torch.no_grad():
        maps = build_curve_net().curves(pictures)
    assert float(maps.abs().max()) < 0.5
    assert float(maps.mean((2, 3)).std(0).min()) > 1e-3


def test_curves_see_as_much_of_a_large_picture_as_of_a_small_one():
    large = torch.rand(1, 3, 512, 768)
    assert shrink(large).shape[-2:] == (GUIDE, 96)
    assert torch.equal(shrink(large[..., :50, :60]), large[..., :50, :60])
    np.testing.assert_allclose(shrink(large).numpy(), large.unfold(2, 8, 8).unfold(3, 8, 8).mean((-1, -2)), atol=1e-6)
