"""Convolution blocks: shapes and layers."""

from __future__ import annotations

import pytest
import torch

from vision_cli.register.networks.blocks import LEAKY_SLOPE, convolution, convolution_block, upsampling_block


@pytest.mark.parametrize("dim", [2, 3])
def test_a_convolution_block_divides_the_sides_by_its_stride(dim):
    block = convolution_block(dim, 3, 5, stride=2, norm=True)
    assert block(torch.rand(2, 3, *[8] * dim)).shape == (2, 5, *[4] * dim)
    assert [type(layer) for layer in block][::3] == [convolution(dim)] * 2
    assert {layer.negative_slope for layer in block if isinstance(layer, torch.nn.LeakyReLU)} == {LEAKY_SLOPE}


@pytest.mark.parametrize("dim", [2, 3])
def test_an_upsampling_block_doubles_the_sides(dim):
    assert upsampling_block(dim, 3)(torch.rand(1, 3, *[4] * dim)).shape == (1, 3, *[8] * dim)
