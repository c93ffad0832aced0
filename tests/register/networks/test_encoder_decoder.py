"""The encoder and decoder: features at three scales."""

from __future__ import annotations

import pytest
import torch

from vision_cli.register.networks.encoder_decoder import EncoderDecoder


@pytest.mark.parametrize("dim", [2, 3])
def test_features_have_an_eighth_a_quarter_and_half_of_the_resolution(dim):
    features = EncoderDecoder(dim, 2).features(torch.rand(1, 2 * 2**dim, *[16] * dim))
    shapes = [(1, 16, *[4] * dim), (1, 16, *[8] * dim), (1, 8, *[16] * dim)]
    assert [tuple(part.shape) for part in features] == shapes
