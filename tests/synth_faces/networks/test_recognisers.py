"""Small recognisers: shapes, size, and that they can learn."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vision_cli.synth_faces.networks.recognisers import (
    RECOGNISED_AUS,
    build_au_guide,
    build_au_judge,
    build_guide,
    build_judge,
)
from vision_cli.synth_faces.networks.trunks import standardise
from vision_cli.synth_faces.values import AUS, EXPRESSIONS

BUILDERS = (build_guide, build_judge, build_au_guide, build_au_judge)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("build", BUILDERS)
@pytest.mark.parametrize("size", [48, 64, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_shapes(build, size, channels):
    network = build(channels=channels).eval()
    images = torch.rand(2, 3, size, size, generator=seeded())
    names = network.classes if hasattr(network, "classes") else network.aus
    assert network(images).shape == (2, len(names))
    assert network(images[:, :1]).shape == (2, len(names))
    assert network.features(images).shape == (2, network.trunk.width)


@pytest.mark.parametrize("build", BUILDERS)
def test_weights_stay_below_a_quarter_of_a_million(build):
    network = build(channels=3)
    assert 50_000 < sum(weights.numel() for weights in network.parameters()) <= 250_000


def test_classes_and_units_can_be_chosen():
    assert build_guide().classes == EXPRESSIONS
    assert build_judge(EXPRESSIONS[:7])(torch.rand(2, 1, 64, 64)).shape == (2, 7)
    assert set(RECOGNISED_AUS) <= set(AUS)
    assert 12 <= len(RECOGNISED_AUS) <= 22


def test_guide_and_judge_share_no_kind_of_layer_but_convolution_and_the_head():
    kinds = [
        {type(module) for module in build().trunk.modules() if not list(module.children())}
        for build in (build_guide, build_judge)
    ]
    assert kinds[0] & kinds[1] <= {nn.Conv2d}


@pytest.mark.parametrize("build", BUILDERS)
def test_weights_come_from_the_generator(build):
    one, same, other = (build(generator=seeded(seed)) for seed in (1, 1, 2))
    images = torch.rand(2, 1, 48, 48, generator=seeded())
    outputs = [network.eval()(images) for network in (one, same, other)]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.allclose(outputs[0], outputs[2])


@pytest.mark.parametrize("build", BUILDERS)
def test_light_and_contrast_of_a_face_change_nothing(build):
    network = build(generator=seeded()).eval()
    images = torch.rand(2, 3, 64, 64, generator=seeded())
    assert torch.allclose(network(images), network(0.3 * images + 0.5), atol=2e-2)


def test_a_blank_face_has_finite_values_and_gradients():
    images = torch.full((2, 3, 64, 64), 0.5, requires_grad=True)
    assert not standardise(images, 1).any()
    build_guide(generator=seeded()).eval()(images).sum().backward()
    assert torch.isfinite(images.grad).all()


def test_intensities_are_limited():
    network = build_au_judge(generator=seeded()).eval()
    with torch.no_grad():
        network.head.bias[:2] = torch.tensor([-9.0, 9.0])
    found = network.intensities(torch.rand(2, 1, 48, 48))
    assert found[:, 0].eq(0).all()
    assert found[:, 1].eq(5).all()


@pytest.mark.parametrize("build", [build_guide, build_judge])
def test_a_recogniser_learns_where_something_is(build):
    """Which corner of a noisy face is bright: an average over the face would not know."""
    generator = seeded(3)
    torch.set_num_threads(1)
    labels = torch.arange(48) % 4
    images = 0.2 * torch.rand(48, 1, 32, 32, generator=generator)
    for image, label in zip(images, labels, strict=True):
        row, column = divmod(int(label), 2)
        image[0, 5 + 16 * row : 11 + 16 * row, 5 + 16 * column : 11 + 16 * column] += 0.5
    network = build(("a", "b", "c", "d"), generator=generator)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(10):
        batch = torch.arange(step * 16, step * 16 + 16) % 32
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(images[batch]), labels[batch]).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        assert (network(images[32:]).argmax(1) == labels[32:]).float().mean() > 0.9
