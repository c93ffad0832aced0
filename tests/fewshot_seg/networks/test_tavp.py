"""The network as a whole, at the smallest shapes: shapes, supports that matter, and what each ablation leaves out."""

from __future__ import annotations

from dataclasses import fields

import pytest
import torch

from vision_cli.fewshot_seg.networks.backbones import normalise
from vision_cli.fewshot_seg.networks.building import build_conv, build_smallest, build_tiny
from vision_cli.fewshot_seg.networks.decoder import Clicks
from vision_cli.fewshot_seg.networks.tavp import Ablation

ABLATIONS = {
    "fusion": Ablation(fusion=False),
    "domain": Ablation(domain_prototype=False),
    "dense": Ablation(dense_prompt=False),
    "weights": Ablation(task_weights=False),
    "fixed": Ablation(prompts="fixed"),
    "all": Ablation(False, False, False, False, False, "fixed"),
}


def episode(*, shots=2, side=64, count=2):
    torch.manual_seed(1)
    images = normalise(torch.rand(count, shots + 1, 3, side, side) * 255)
    masks = torch.zeros(count, shots, side, side)
    masks[..., side // 4 : side // 2, side // 4 : side // 2] = 1
    return images[:, :-1], masks, images[:, -1]


def shaken(network):
    """Return a network none of whose parts is still nothing."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    return network.eval()


@pytest.fixture(scope="module", params=[True, False], ids=["transformer", "convolutions"])
def network(request):
    torch.manual_seed(0)
    return shaken(build_smallest(has_transformer=request.param))


def test_the_answer_has_four_times_the_size_of_the_features(network):
    with torch.no_grad():
        prediction = network(*episode())
    assert prediction.logits.shape == (2, 32, 32)
    assert prediction.coarse.shape == (2, 8, 8)
    assert prediction.iou.shape == prediction.presence.shape == (2,)
    assert prediction.summary.c.shape == (2, 32)


def test_an_episode_has_the_same_answer_alone_and_in_a_batch(network):
    images, masks, query = episode()
    with torch.no_grad():
        both, alone = network(images, masks, query), network(images[1:], masks[1:], query[1:])
    assert torch.allclose(both.logits[1], alone.logits[0], atol=1e-4)
    assert torch.allclose(both.presence[1], alone.presence[0], atol=1e-4)


def test_the_order_of_supports_does_not_count(network):
    images, masks, query = episode()
    with torch.no_grad():
        first, second = network(images, masks, query), network(images.flip(1), masks.flip(1), query)
    assert torch.allclose(first.logits, second.logits, atol=1e-3)


def test_another_mask_on_the_same_support_gives_another_answer(network):
    images, masks, query = episode()
    with torch.no_grad():
        first, second = network(images, masks, query), network(images, 1 - masks, query)
    assert (first.logits - second.logits).abs().max() > 1e-3
    assert (first.coarse - second.coarse).abs().max() > 1e-3


def test_negative_supports_and_full_masks_are_answered(network):
    images, masks, query = episode()
    masks[:, 0], masks[:, 1] = 0, 1
    with torch.no_grad():
        prediction = network(images, masks, query)
    assert torch.isfinite(prediction.logits).all()
    assert torch.isfinite(prediction.coarse).all()


def test_pictures_of_another_size_are_taken():
    torch.manual_seed(0)
    network = shaken(build_smallest())
    with torch.no_grad():
        prediction = network(*episode(side=96, count=1))
    assert prediction.logits.shape == (1, 48, 48)


def test_clicks_stand_at_the_same_place_of_a_picture_of_any_size():
    torch.manual_seed(0)
    decoder = build_smallest().tavp.decoder
    clicks = Clicks(torch.tensor([[[20.0, 30.0]]]), torch.ones(1, 1))
    # Pixel centres: (x + 0.5) / width is kept.
    larger = Clicks((clicks.points + 0.5) * 2 - 0.5, clicks.labels)
    first, second = decoder.click_tokens(clicks, (64, 64)), decoder.click_tokens(larger, (128, 128))
    assert first.shape == (1, 2, 32)
    assert torch.allclose(first, second, atol=1e-5)


def test_clicks_and_prior_maps_change_the_answer():
    torch.manual_seed(0)
    network = shaken(build_smallest(priors=1))
    images, masks, query = episode(count=1)
    with torch.no_grad():
        supports, encoded = network.supports(images, masks), network.encode(query)
        plain = network.tavp(supports, encoded).logits
        clicked = network.tavp(
            supports, encoded, clicks=Clicks(torch.full((1, 1, 2), 9.0), torch.ones(1, 1)), image_size=(64, 64)
        ).logits
        told = network.tavp(supports, encoded, priors=torch.rand(1, 1, 8, 8)).logits
    assert (plain - clicked).abs().max() > 1e-4
    assert (plain - told).abs().max() > 1e-5


@pytest.mark.parametrize("name", ABLATIONS)
def test_an_ablation_leaves_out_parts_and_trains_all_that_is_left(name):
    torch.manual_seed(0)
    whole, network = build_smallest(), build_smallest(ablation=ABLATIONS[name])
    left, before = set(network.state_dict()), set(whole.state_dict())
    # Equal weights of levels and fixed prompts have no weights of their own.
    assert left < before
    shaken(network)
    prediction = network(*episode(count=1))
    total = prediction.logits.sum() + prediction.coarse.sum() + prediction.iou.sum() + prediction.presence.sum()
    total.backward()
    idle = [key for key, one in network.named_parameters() if one.requires_grad and one.grad is None]
    assert idle == []


def test_all_that_is_trained_has_a_part_in_the_answer():
    torch.manual_seed(0)
    network = build_smallest()
    prediction = network(*episode(count=1))
    total = prediction.logits.sum() + prediction.coarse.sum() + prediction.iou.sum() + prediction.presence.sum()
    total.backward()
    assert [key for key, one in network.named_parameters() if one.requires_grad and one.grad is None] == []
    frozen = {key.split(".")[3] for key, one in network.named_parameters() if not one.requires_grad}
    assert frozen == {"point_embeddings", "not_a_point_embed", "mask_downscaling", "output_hypernetworks_mlps"}


def test_the_small_networks_fit_into_the_wheel():
    tiny, conv = (sum(one.numel() for one in build().parameters()) for build in (build_tiny, build_conv))
    # float16, two bytes a weight; 12 MB is the limit.
    assert 2 * tiny < 12e6
    assert conv < tiny


def test_every_switch_of_the_ablation_is_on_at_first():
    assert [getattr(Ablation(), field.name) for field in fields(Ablation)] == [True] * 5 + ["generated"]
