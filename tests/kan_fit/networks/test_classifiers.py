"""Image classifiers: shapes, seeds, and the selection of modes."""

from __future__ import annotations

import pytest
import torch

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.networks.classifiers import Classifier, plan_classifier, select_modes

POOL = ("bspline", "cheby", "fourier")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("arch", ["conv", "dense"])
@pytest.mark.parametrize("level", ["node", "edge", "layer"])
def test_narrowing_keeps_what_the_chosen_functions_gave(arch, level):
    network = Classifier(plan_classifier(arch, (1, 8, 8), 3, (4,), POOL, level=level), generator()).eval()
    chosen = [[POOL[(node + number) % 3] for node in range(n)] for number, n in enumerate(network.plan.nodes)]
    for layer, modes in zip(network.expansions(), chosen, strict=True):
        kept = layer.columns_of(modes)
        silent = torch.ones(len(layer.node), dtype=torch.bool)
        silent[kept] = False
        with torch.no_grad():
            layer.weight[silent] = 0
            torch.nn.init.normal_(layer.logits, generator=generator(5))
    images = torch.rand(5, 1, 8, 8, generator=generator(1))
    small = select_modes(network, chosen).eval()
    torch.testing.assert_close(small(images), network(images))
    assert small.parameter_count() < network.parameter_count()
    assert all(layer.plan.is_selected for layer in small.expansions())


@pytest.mark.parametrize("arch", ["conv", "cnn", "dense"])
def test_classifiers_give_logits_and_draw_the_same_from_the_same_seed(arch):
    plan = plan_classifier(arch, (3, 12, 10), 5, (4, 6), POOL)
    first, second = (Classifier(plan, generator(4)).eval() for _ in range(2))
    images = torch.rand(2, 3, 12, 10)
    assert first(images).shape == (2, 5)
    torch.testing.assert_close(first(images), second(images))


def test_more_convolutions_than_the_image_can_be_halved_are_refused():
    with pytest.raises(UsageError, match="4 convolutions on images of 8 x 8"):
        plan_classifier("conv", (1, 8, 8), 2, (2, 2, 2, 2), POOL)
