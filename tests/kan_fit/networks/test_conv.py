"""S-ConvKAN against its definition: a dense layer on every patch."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from vision_cli.core.errors import UsageError
from vision_cli.kan_fit.networks.conv import SKANConv2d
from vision_cli.kan_fit.networks.expansion import LayerPlan

POOL = ("bspline", "cheby", "fourier")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def layer_of(plan, *words, **options):
    layer = SKANConv2d(plan, *words, generator=generator(), **options).double()
    if layer.logits is not None:
        torch.nn.init.normal_(layer.logits, generator=generator(1))
    return layer


def by_patches(layer, image, stride=1, padding=0, dilation=1):
    """Sum over the entries of every patch of a function of each, entry by entry, as the definition has it."""
    padded = functional.pad(image, (padding,) * 4)
    side = layer.kernel_size[0]
    groups, per_group = layer.groups, layer.plan.inputs // layer.groups
    reach = dilation * (side - 1) + 1
    rows = range(0, padded.shape[2] - reach + 1, stride)
    columns = range(0, padded.shape[3] - reach + 1, stride)
    weight = layer.effective_weight()
    result = image.new_zeros(len(image), layer.plan.outputs, len(rows), len(columns))
    outputs = layer.plan.outputs // groups
    for a, top in enumerate(rows):
        for b, left in enumerate(columns):
            for i in range(side):
                for j in range(side):
                    entry = padded[:, :, top + i * dilation, left + j * dilation]
                    values = layer.functions(entry)
                    for g in range(groups):
                        own = layer.node // per_group == g
                        part = slice(g * outputs, (g + 1) * outputs)
                        result[:, part, a, b] += values[:, own] @ weight[own, :, i, j]
    return result + layer.bias[:, None, None]


@pytest.mark.slow
@settings(max_examples=40)
@given(
    stride=st.integers(1, 2),
    padding=st.integers(0, 2),
    dilation=st.integers(1, 2),
    groups=st.sampled_from([1, 2, 4]),
    level=st.sampled_from(["node", "edge", "layer"]),
)
def test_one_convolution_of_the_expanded_image_is_the_sum_over_patches(stride, padding, dilation, groups, level):
    plan = LayerPlan((POOL,) * 4, 8, 3, level)
    layer = layer_of(plan, 2, stride, padding, dilation, groups, norm="none")
    image = torch.rand(2, 4, 5, 6, generator=generator(2), dtype=torch.float64) * 2.4 - 1.2
    expected = by_patches(layer, image, stride, padding, dilation)
    torch.testing.assert_close(layer(image), expected)


def test_groups_with_channels_of_different_spaces():
    modes = (("bspline",), ("cheby",), ("cheby",), ("cheby",))
    layer = layer_of(LayerPlan(modes, 6, 5), 3, 1, 1, 1, 2, norm="none")
    image = torch.rand(1, 4, 5, 5, generator=generator(3), dtype=torch.float64) * 2 - 1
    torch.testing.assert_close(layer(image), by_patches(layer, image, padding=1))


def test_gradients_reach_image_weights_and_gates():
    layer = layer_of(LayerPlan((POOL,) * 2, 2, 3), 2, norm="none")
    image = (torch.rand(1, 2, 3, 3, generator=generator(), dtype=torch.float64) * 1.6 - 0.8).requires_grad_()
    assert torch.autograd.gradcheck(layer, (image,))
    layer(image).sum().backward()
    assert layer.logits.grad.abs().sum() > 0
    assert (layer.weight.grad != 0).any(dim=0).all()


def test_normalised_images_of_any_scale_give_the_same():
    layer = layer_of(LayerPlan((POOL,) * 3, 4), 3, 1, 1)
    image = torch.randn(4, 3, 6, 6, generator=generator(), dtype=torch.float64)
    torch.testing.assert_close(layer(image), layer(image * 100 + 7), rtol=1e-4, atol=1e-4)


def test_it_takes_the_place_of_an_ordinary_convolution():
    ordinary = torch.nn.Conv2d(4, 6, (3, 1), stride=(2, 1), padding=(1, 0), groups=2)
    ours = SKANConv2d(LayerPlan((POOL,) * 4, 6), (3, 1), (2, 1), (1, 0), groups=2, generator=generator())
    image = torch.randn(2, 4, 7, 8)
    assert ours(image).shape == ordinary(image).shape
    assert ours(image).is_contiguous(memory_format=torch.channels_last)


def test_channels_that_groups_do_not_divide_are_refused():
    with pytest.raises(UsageError, match="4 to 6 channels in 4 groups"):
        SKANConv2d(LayerPlan((POOL,) * 4, 6), 3, groups=4)


def test_contributions_are_variances_of_what_modes_give():
    layer = layer_of(LayerPlan((POOL,) * 3, 4), 1, norm="none")
    image = torch.rand(3, 3, 4, 4, generator=generator(), dtype=torch.float64) * 2 - 1
    found = layer.contributions(image)
    flat = image.permute(0, 2, 3, 1).flatten(0, 2)
    columns, weight = layer.functions(flat), layer.effective_weight().flatten(1)
    own = (layer.node == 1) & (layer.mode == 2)
    assert found[1, 2].item() == pytest.approx((columns[:, own] @ weight[own]).var(0, unbiased=False).sum().item())
