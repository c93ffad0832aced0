"""The parts of the network, each against what it is said to compute."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from vision_cli.fewshot_seg.networks.fusion import MultiLevelFusion, TaskWeights
from vision_cli.fewshot_seg.networks.layers import to_size
from vision_cli.fewshot_seg.networks.prompts import SparsePrompts, TaskTokens
from vision_cli.fewshot_seg.networks.prototypes import DomainPrototype, local_prototypes, masked_average
from vision_cli.fewshot_seg.networks.similarity import Matching, support_pixels


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_untrained_fusion_leaves_the_embedding_as_it_is():
    embedding = torch.randn(2, 8, 4, 4)
    fusion = MultiLevelFusion(3, 4, 8)
    weights = torch.full((2, 3), 1 / 3)
    assert torch.equal(fusion(torch.randn(2, 3, 4, 4, 4), embedding, weights), embedding)
    torch.nn.init.ones_(fusion.gamma)
    assert not torch.allclose(fusion(torch.randn(2, 3, 4, 4, 4), embedding, weights), embedding)


def test_task_weights_start_equal_and_add_up_to_one():
    module = TaskWeights(8, 4)
    c, d = torch.randn(3, 8), torch.randn(3, 8)
    weights, gate = module(c, d)
    assert torch.allclose(weights, torch.full((3, 4), 0.25))
    assert torch.allclose(gate, torch.full((3, 1), 0.5))
    torch.nn.init.normal_(module.mlp[-1].weight)
    weights, _ = module(c, d)
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert not torch.allclose(weights[0], weights[1])


def test_the_masked_average_is_that_of_numpy_over_the_supports_with_the_class():
    features, mask = torch.randn(1, 3, 4, 5, 5), torch.rand(1, 3, 5, 5)
    mask[0, 1] = 0
    wanted = np.mean(
        [np.average(features[0, k].flatten(1).numpy(), axis=1, weights=mask[0, k].flatten().numpy()) for k in (0, 2)],
        axis=0,
    )
    assert masked_average(features, mask)[0].numpy() == pytest.approx(wanted, abs=1e-5)
    assert torch.equal(masked_average(features, torch.zeros_like(mask)), torch.zeros(1, 4))


def test_local_prototypes_find_the_parts_of_a_region():
    """Four flat parts of a region give four prototypes that are their features; the fifth is one of them."""
    parts = torch.eye(4)
    picture = torch.zeros(4, 8, 8)
    for number, (row, column) in enumerate([(0, 0), (0, 4), (4, 0), (4, 4)]):
        picture[:, row : row + 4, column : column + 4] = parts[number][:, None, None]
    found, there = local_prototypes(picture[None], torch.ones(1, 8, 8))
    assert there.all()
    nearest = (F.normalize(found[0], dim=1) @ parts).amax(0)
    assert nearest.min() > 0.99


@settings(max_examples=20)
@given(pixels=st.integers(0, 7))
def test_a_region_has_no_more_local_prototypes_than_pixels(pixels):
    mask = torch.zeros(1, 16)
    mask[0, :pixels] = 1
    features = torch.randn(1, 6, 4, 4)
    found, there = local_prototypes(features, mask.view(1, 4, 4))
    assert int(there.sum()) == min(pixels, 5)
    assert torch.isfinite(found).all()
    assert (found[~there] == 0).all()


def test_a_part_smaller_than_a_pixel_of_the_features_is_its_fullest_pixel():
    mask = torch.zeros(1, 4, 4)
    mask[0, 1, 2], mask[0, 1, 3] = 0.2, 0.1
    features = torch.randn(1, 6, 4, 4)
    found, there = local_prototypes(features, mask)
    assert there.sum() == 1
    assert torch.allclose(found[0, 0], features[0, :, 1, 2], atol=1e-5)


def test_the_domain_prototype_depends_on_the_statistics_alone_and_not_on_padding():
    module = DomainPrototype(3, 8)
    levels = torch.randn(1, 2, 4, 3, 6, 6)
    known = torch.ones(1, 2, 6, 6)
    plain = module(levels, known)
    turned = levels.flip(-1).roll(1, 1)
    assert torch.allclose(module(turned, known), plain, atol=1e-5)
    known[..., 4:, :] = 0
    cut = levels[..., :4, :]
    noisy = torch.cat([cut, 100 * levels[..., 4:, :]], -2)
    assert torch.allclose(module(noisy, known), module(cut, known[..., :4, :]), atol=1e-4)


def test_similarity_maps_are_cosines_with_prototypes_and_pixels():
    matching = Matching()
    query, support = torch.randn(1, 8, 3, 3), torch.randn(1, 2, 8, 3, 3)
    foreground = (torch.rand(1, 2, 3, 3) > 0.5).float()
    foreground[0, 0, 0, 0], foreground[0, 0, 0, 1] = 1, 0
    c, b = torch.randn(1, 8), torch.randn(1, 8)
    pixels = support_pixels(support, foreground, 1 - foreground)
    maps, coarse = matching(query, c, b, pixels, foreground.mean(1))
    flat = support.transpose(1, 2).flatten(2)[0]
    cosine = F.cosine_similarity(query[0].flatten(1)[:, :, None], flat[:, None], dim=0)
    is_class = foreground.flatten(1)[0] > 0
    attention = torch.softmax(20 * cosine, 1)
    wanted = [
        F.cosine_similarity(query[0].flatten(1), c[0][:, None], dim=0),
        F.cosine_similarity(query[0].flatten(1), b[0][:, None], dim=0),
        cosine[:, is_class].amax(1),
        cosine[:, ~is_class].amax(1),
        attention[:, is_class].sum(1),
        foreground.mean(1).flatten(),
    ]
    assert torch.allclose(maps[0].flatten(1), torch.stack(wanted), atol=1e-5)
    assert coarse.shape == (1, 3, 3)


def test_a_pixel_of_which_nothing_is_known_is_matched_with_nothing():
    matching = Matching()
    query, support = torch.randn(1, 8, 3, 3), torch.randn(1, 1, 8, 3, 3)
    foreground = (torch.arange(9).view(1, 1, 3, 3) < 3).float()
    background = (torch.arange(9).view(1, 1, 3, 3) >= 5).float()
    arguments = torch.randn(1, 8), torch.randn(1, 8)
    changed = support.clone()
    changed[..., 1, :2] = 100.0  # pixels 3 and 4
    first, second = (
        matching(query, *arguments, support_pixels(one, foreground, background), foreground[:, 0])[0]
        for one in (support, changed)
    )
    assert torch.allclose(first, second, atol=1e-6)


def test_support_pixels_are_capped_by_halves():
    features = torch.randn(2, 2, 4, 10, 10)
    foreground = torch.zeros(2, 2, 10, 10)
    foreground[0, :, :6] = 1
    foreground[1, 0, 0, :7] = 1
    pixels = support_pixels(features, foreground, 1 - foreground, most=50)
    assert pixels.directions.shape == (2, 50, 4)
    # Of few pixels of the class none is left out; of many, half of what is kept and their share of the rest.
    assert pixels.foreground[1].sum() == 7
    assert pixels.foreground[0].sum() >= 25
    assert pixels.background[0].sum() > 0
    known = {tuple(row) for row in F.normalize(features[1].transpose(0, 1).flatten(1), dim=0).T.tolist()}
    chosen = {tuple(row) for row in pixels.directions[1].tolist()}
    assert chosen <= known
    assert len(chosen) == 50


def test_prompts_read_only_prototypes_that_are_there():
    module = SparsePrompts(8, heads=2)
    tokens, kinds = torch.randn(1, 4, 8), torch.tensor([0, 1, 2, 3])
    there = torch.tensor([[True, True, True, False]])
    changed = tokens.clone()
    changed[0, 3] = 9.0
    query, positions, gate = torch.randn(1, 8, 2, 2), torch.randn(1, 8, 2, 2), torch.full((1, 1), 0.5)
    first = module(TaskTokens(tokens, kinds, there), query, positions, gate)
    assert first.shape == (1, 8, 8)
    assert torch.allclose(module(TaskTokens(changed, kinds, there), query, positions, gate), first)
    assert not torch.allclose(module(TaskTokens(changed, kinds, ~there), query, positions, gate), first)


def test_the_gate_weighs_prompts_of_the_class_against_that_of_the_domain():
    module = SparsePrompts(8, heads=2)
    task = TaskTokens(torch.randn(1, 3, 8), torch.tensor([0, 1, 2]), torch.ones(1, 3, dtype=torch.bool))
    query, positions = torch.randn(1, 8, 2, 2), torch.randn(1, 8, 2, 2)
    even, tilted = (module(task, query, positions, torch.full((1, 1), gate)) for gate in (0.5, 0.75))
    assert torch.allclose(tilted[:, :7], 1.5 * even[:, :7], atol=1e-6)
    assert torch.allclose(tilted[:, 7:], 0.5 * even[:, 7:], atol=1e-6)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_maps_keep_their_mean_at_another_size(side):
    maps = torch.rand(1, 2, 8, 8)
    resized = to_size(maps, (side, side))
    assert resized.shape == (1, 2, side, side)
    if side <= 8:
        assert math.isclose(float(resized.mean()), float(maps.mean()), rel_tol=1e-5)
    assert resized.min() >= maps.min()
    assert resized.max() <= maps.max()
