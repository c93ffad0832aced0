"""Encoders of action units and their attention, without a UNet."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.synth_faces.networks.conditioning.attention import AuProjection
from vision_cli.synth_faces.networks.conditioning.encoders import ENCODER_KINDS, AuTokens, build_encoder
from vision_cli.synth_faces.values import AUS

WIDTH, HEADS, DEPTH = 16, 2, 8


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def projection(seed=0):
    torch.manual_seed(seed)
    return AuProjection(WIDTH, HEADS * DEPTH)


def queries(count=2, places=9, seed=1):
    return torch.randn(count, HEADS, places, DEPTH, generator=seeded(seed))


def vector(**intensities):
    return torch.tensor([[intensities.get(f"au{name}", 0.0) for name in AUS]])


@pytest.mark.parametrize(("kind", "tokens"), list(zip(ENCODER_KINDS, (41, 1, 4), strict=True)))
def test_each_encoder_has_its_number_of_tokens(kind, tokens):
    encoder = build_encoder(kind, len(AUS), WIDTH, seeded())
    found = encoder(5 * torch.rand(3, len(AUS), generator=seeded()))
    assert found.tokens.shape == (3, tokens, WIDTH)
    assert encoder.kind == kind
    assert (found.log_weights is not None) == (kind == "per-au")


@pytest.mark.parametrize("kind", ENCODER_KINDS)
def test_weights_come_from_the_generator(kind):
    vectors = 5 * torch.rand(2, len(AUS), generator=seeded())
    one, same, other = (build_encoder(kind, len(AUS), WIDTH, seeded(seed))(vectors).tokens for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)


def test_an_empty_vector_adds_nothing_by_tokens_of_their_own():
    encoder, layer = build_encoder("per-au", len(AUS), WIDTH, seeded()), projection()
    assert not layer(queries(1), encoder(vector())).any()
    assert layer(queries(1), encoder(vector(au12=3.0))).abs().max() > 1e-3


def test_one_token_adds_the_same_everywhere_and_a_token_of_its_own_does_not():
    """The weakness of the paper's encoder, and why the default is another."""
    layer = projection()
    spread = {
        kind: layer(queries(1), build_encoder(kind, len(AUS), WIDTH, seeded())(vector(au12=4.0))).std(dim=2).max()
        for kind in ("paper", "per-au")
    }
    assert spread["paper"] < 1e-6
    assert spread["per-au"] > 1e-2


def test_an_action_unit_fades_out_without_a_step():
    encoder, layer = build_encoder("per-au", len(AUS), WIDTH, seeded()), projection()
    alone = layer(queries(1), encoder(vector(au12=3.0)))
    changes = [
        float((layer(queries(1), encoder(vector(au12=3.0, au4=low))) - alone).abs().max().detach())
        for low in (1.0, 1e-2, 1e-4)
    ]
    assert changes[0] > 10 * changes[1] > 100 * changes[2]


def test_action_units_that_are_absent_change_nothing():
    encoder, layer = build_encoder("per-au", len(AUS), WIDTH, seeded()), projection()
    before = layer(queries(1), encoder(vector(au1=2.0)))
    with torch.no_grad():
        encoder.base[5:] += 10
    torch.testing.assert_close(layer(queries(1), encoder(vector(au1=2.0))), before)


@settings(max_examples=20)
@given(st.lists(st.sampled_from([-2.0, -0.5, 0.0, 1.0]), min_size=3, max_size=3), st.integers(0, 100))
def test_attention_with_weights_is_the_written_sum(logs, seed):
    """Softmax with a factor a token and one more token of logit 0 and value 0, computed by hand."""
    layer, query = projection(seed), queries(1, seed=seed)
    tokens = torch.randn(1, 3, WIDTH, generator=seeded(seed))
    found = layer(query, AuTokens(tokens, torch.tensor([logs])))
    key, value = (one(tokens).view(1, 3, HEADS, DEPTH).transpose(1, 2) for one in (layer.to_k, layer.to_v))
    weights = (query @ key.transpose(-1, -2) / DEPTH**0.5).exp() * torch.tensor(logs).exp()
    wanted = weights @ value / (1 + weights.sum(dim=-1, keepdim=True))
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-4)
