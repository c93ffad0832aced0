"""Parts of GM-DF against their equations, and against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from torch import nn

from vision_cli.core.errors import InputError
from vision_cli.forgery_detect.networks.gmdf.encoder import VisionEncoder
from vision_cli.forgery_detect.networks.gmdf.experts import DomainNorm, Experts, attend_over_experts
from vision_cli.forgery_detect.networks.gmdf.masked import MaskedDecoder, masked_error
from vision_cli.forgery_detect.networks.gmdf.prompts import PromptEncoder
from vision_cli.forgery_detect.networks.gmdf.second_order import Aggregation, SecondOrder, covariance, square_root
from vision_cli.forgery_detect.networks.transformers import Attention


def small_encoder(experts=3, **options):
    torch.manual_seed(0)
    return VisionEncoder(
        side=16, patch=8, width=12, depth=2, heads=3, expert_dim=4, experts=experts, condition=5, **options
    )


@settings(max_examples=20)
@given(st.integers(0, 1000), st.integers(1, 4))
def test_attention_over_experts_is_the_mean_of_the_attended_outputs(seed, count):
    outputs = torch.randn(2, 3, count, 8, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    found = attend_over_experts(outputs)
    wanted = nn.functional.scaled_dot_product_attention(outputs, outputs, outputs).mean(dim=2)
    torch.testing.assert_close(found, wanted)
    # The order of the experts carries nothing.
    torch.testing.assert_close(attend_over_experts(outputs.flip(2)), found)


def test_domain_norm_is_equation_2():
    torch.manual_seed(1)
    norm = DomainNorm(6, 4)
    tokens, condition = torch.randn(2, 3, 6), torch.randn(2, 4)
    assert not norm(tokens, condition).any()
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    u = tokens.detach().numpy().astype(float)
    normed = (u - u.mean(-1, keepdims=True)) / np.sqrt(u.var(-1, keepdims=True) + 1e-5)
    scale, shift = (layer(condition).detach().numpy()[:, None] for layer in (norm.scale, norm.shift))
    np.testing.assert_allclose(norm(tokens, condition).detach().numpy(), normed * scale + shift, rtol=1e-4, atol=1e-5)


def test_each_expert_is_a_perceptron_of_its_own():
    torch.manual_seed(2)
    experts = Experts(6, 4, 3, 5)
    for layer in (experts.domain_norm.scale, experts.domain_norm.shift):
        nn.init.normal_(layer.weight)
    tokens, condition = torch.randn(2, 3, 6), torch.randn(2, 5)
    outputs = []
    for number in range(3):
        rows = slice(4 * number, 4 * number + 4)
        hidden = nn.functional.gelu(nn.functional.linear(tokens, experts.enter.weight[rows], experts.enter.bias[rows]))
        outputs.append(hidden @ experts.leave[number] + experts.bias[number])
    wanted = experts.domain_norm(attend_over_experts(torch.stack(outputs, dim=2)), condition)
    torch.testing.assert_close(experts(tokens, condition), wanted)


def test_attention_is_that_of_torch():
    torch.manual_seed(3)
    own, theirs = Attention(12, 3), nn.MultiheadAttention(12, 3, batch_first=True)
    own.load_state_dict(theirs.state_dict())
    tokens = torch.randn(2, 5, 12)
    mask = torch.full((5, 5), float("-inf")).triu(1)
    for each in (None, mask):
        wanted = theirs(tokens, tokens, tokens, attn_mask=each, need_weights=False)[0]
        torch.testing.assert_close(own(tokens, each), wanted, atol=1e-5, rtol=1e-5)


def test_untrained_experts_leave_the_encoder_as_it_is():
    encoder = small_encoder()
    image = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(encoder(image, torch.randn(2, 5)).tokens, encoder(image).tokens)
    nn.init.normal_(encoder.experts[0].domain_norm.scale.weight)
    assert not torch.allclose(encoder(image, torch.randn(2, 5)).tokens, encoder(image).tokens)


def test_hidden_patches_are_not_seen():
    encoder = small_encoder()
    image = torch.rand(1, 3, 16, 16)
    other = image.clone()
    other[..., 8:, 8:] = 0
    seen = torch.tensor([[0, 1, 2]])
    torch.testing.assert_close(encoder(image, seen=seen).tokens, encoder(other, seen=seen).tokens)
    assert encoder(image, seen=seen).tokens.shape == (1, 4, 12)
    everything = torch.arange(4)[None]
    torch.testing.assert_close(encoder(image, seen=everything).tokens, encoder(image).tokens)


def test_patches_are_the_pixels_that_the_convolution_sees():
    encoder = small_encoder()
    image = torch.rand(2, 3, 16, 16)
    cut = encoder.patches(image)
    assert cut.shape == (2, 4, 8 * 8 * 3)
    kernel = encoder.conv1.weight.permute(0, 2, 3, 1).flatten(1)
    torch.testing.assert_close(cut @ kernel.T, encoder.conv1(image).flatten(2).transpose(1, 2), atol=1e-5, rtol=1e-5)


def test_weights_of_clip_load_by_their_names():
    encoder, other = small_encoder(is_clip=True), small_encoder(is_clip=True)
    state = {f"visual.{name}": torch.randn_like(value) for name, value in encoder.state_dict().items()}
    encoder.load_clip(state)
    for name, value in encoder.state_dict().items():
        source = other.state_dict()[name] if name.startswith("experts.") else state[f"visual.{name}"]
        assert torch.equal(value, source), name


def test_weights_of_another_architecture_are_refused_whole():
    encoder = small_encoder(is_clip=True)
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    state = {f"visual.{name}": torch.randn_like(value) for name, value in before.items()}
    with pytest.raises(InputError, match=r"visual.ln_post.weight is \(3,\); \(12,\) expected"):
        encoder.load_clip(state | {"visual.ln_post.weight": torch.zeros(3)})
    del state["visual.conv1.weight"]
    with pytest.raises(InputError, match=r"no tensor visual.conv1.weight"):
        encoder.load_clip(state)
    assert all(torch.equal(value, before[name]) for name, value in encoder.state_dict().items())


def test_square_root_of_a_covariance():
    values = torch.randn(3, 200, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    matrices = covariance(values)
    for matrix, sample in zip(matrices, values, strict=True):
        np.testing.assert_allclose(
            matrix, np.cov(sample.T) + 1e-4 * np.eye(6) * np.trace(np.cov(sample.T)) / 6, 1e-6, 1e-6
        )
    for root, matrix in zip(square_root(matrices, 20), matrices, strict=True):
        np.testing.assert_allclose(root, sqrtm(matrix.numpy()), atol=1e-9)
    # As published: near for eigenvalues of one size.
    five = square_root(matrices)
    assert float((five @ five - matrices).norm() / matrices.norm()) < 0.02


def test_second_order_is_blind_to_order_and_mean_direction_of_tokens():
    torch.manual_seed(5)
    second = SecondOrder(12, 4)
    tokens = torch.randn(2, 9, 12)
    torch.testing.assert_close(second(tokens), second(tokens[:, torch.randperm(9)]), atol=1e-5, rtol=1e-5)
    assert second.expand.in_features == 4 * 5 // 2
    # Fewer tokens than features: the derivative is finite, flat tokens too.
    tokens = torch.randn(1, 3, 12, requires_grad=True)
    second(torch.cat([tokens, torch.ones(1, 3, 12)])).sum().backward()
    assert torch.isfinite(tokens.grad).all()


def test_aggregation_is_equation_8():
    torch.manual_seed(6)
    joined = Aggregation(12, 7, 2, reduced=4)
    first, levels = torch.randn(2, 12), (torch.randn(2, 5, 12), torch.randn(2, 5, 12))
    added = sum(joined.second_order(level) for level in levels)
    torch.testing.assert_close(joined(first, levels), joined.project(first + 0.1 * added))


def test_only_hidden_patches_count_and_each_is_normalised():
    pixels, predicted = torch.rand(2, 4, 30) * torch.tensor([1.0, 5, 0.2, 3])[:, None] + 7, torch.randn(2, 4, 30)
    seen = torch.tensor([[0, 2], [1, 3]])
    hidden = [(0, 1), (0, 3), (1, 0), (1, 2)]
    wanted = []
    for row, place in hidden:
        patch = pixels[row, place].double()
        wanted.append(((patch - patch.mean()) / (patch.var() + 1e-4).sqrt() - predicted[row, place]).square().mean())
    assert float(masked_error(pixels, predicted, seen)) == pytest.approx(float(torch.stack(wanted).mean()), rel=1e-4)
    predicted[0, 0] += 9
    assert float(masked_error(pixels, predicted, seen)) == pytest.approx(float(torch.stack(wanted).mean()), rel=1e-4)


def test_the_decoder_puts_tokens_where_they_were_seen():
    torch.manual_seed(7)
    decoder = MaskedDecoder(12, patches=4, patch=8, width=8, depth=1, heads=2)
    tokens = torch.randn(1, 3, 12)
    one = decoder(tokens, torch.tensor([[0, 3]]))
    other = decoder(tokens[:, [0, 2, 1]], torch.tensor([[3, 0]]))
    assert one.shape == (1, 4, 8 * 8 * 3)
    torch.testing.assert_close(one, other)
    assert not torch.allclose(one, decoder(tokens, torch.tensor([[1, 3]])))


@pytest.mark.parametrize("is_clip", [False, True])
def test_prompts_differ_by_domain_and_class(is_clip):
    torch.manual_seed(8)
    encoder = PromptEncoder(2, 6, width=8, depth=1, heads=2, is_clip=is_clip)
    prompts = encoder()
    assert prompts.features.shape == (3, 2, 6)
    torch.testing.assert_close(prompts.features.norm(dim=-1), torch.ones(3, 2))
    flat = prompts.features.detach().flatten(0, 1)
    assert float(torch.cdist(flat, flat)[~torch.eye(6, dtype=torch.bool)].min()) > 1e-5
    wanted = 0.07 + 0.01 * encoder.domain_words.norm(dim=1)
    torch.testing.assert_close(prompts.temperatures, wanted)
    features, temperatures = prompts.mixed(torch.tensor([[0.0, 1, 0], [0.5, 0, 0.5]]))
    torch.testing.assert_close(features[0], prompts.features[1])
    torch.testing.assert_close(features[1], nn.functional.normalize(prompts.features[[0, 2]].sum(dim=0), dim=-1))
    torch.testing.assert_close(temperatures[1], wanted[[0, 2]].mean())
