"""The whole network: shapes, ablations, one encoding for many sentences, and the sizes of the variants."""

from __future__ import annotations

import pytest
import torch

from vision_cli.gaze_predict.networks.building import build_clip_rn50, build_embedded, build_smallest, for_inference
from vision_cli.gaze_predict.networks.encoders.clip_image import ClipResNet
from vision_cli.gaze_predict.networks.encoders.embedded_text import EmbeddedTextEncoder
from vision_cli.gaze_predict.networks.gem import Ablation
from vision_cli.gaze_predict.text.tokenizer import Tokenizer

SIDE = 64


def inputs(count=3, films=2, length=6):
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(1, 64, (count, length), generator=generator)
    mask = torch.arange(length)[None] < torch.tensor([6, 4, 1])[:count, None]
    return torch.rand(films, 1, SIDE, SIDE, generator=generator), torch.tensor([0, 1, 1])[:count], tokens, mask


def build(seed=0, **options):
    torch.manual_seed(seed)
    return build_smallest(**options).eval()


@pytest.mark.parametrize("head", ["query", "fc"])
def test_shapes_of_an_answer(head):
    answer = build(head=head)(*inputs())
    assert answer.log_density.shape == (3, SIDE // 4, SIDE // 4)
    assert answer.points.shape == (3, 8, 2)
    assert ((answer.points >= 0) & (answer.points <= 1)).all()
    assert answer.log_duration_mean.shape == answer.log_duration_spread.shape == answer.stop.shape == (3, 8)
    assert (answer.log_duration_spread > 0).all()
    assert answer.correspondence is None


@pytest.mark.parametrize("side", [48, 96])
def test_a_film_of_another_size_has_a_map_of_another_size(side):
    answer = build()(torch.rand(2, 1, side, side), *inputs()[1:])
    assert answer.log_density.shape == (3, side // 4, side // 4)


def test_one_encoding_serves_many_sentences():
    network = build()
    films, which, tokens, mask = inputs()
    together = network(films, which, tokens, mask)
    features = network.encode_film(films[1:])
    for number in (1, 2):
        alone = network.answer(features, tokens[number : number + 1], mask[number : number + 1])
        torch.testing.assert_close(alone.log_density[0], together.log_density[number], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(alone.points[0], together.points[number], atol=1e-5, rtol=1e-4)


def test_padding_does_not_change_an_answer():
    network = build()
    films, which, tokens, mask = inputs()
    longer = torch.cat([tokens, tokens], 1), torch.cat([mask, torch.zeros_like(mask)], 1)
    torch.testing.assert_close(
        network(films, which, tokens, mask).log_density,
        network(films, which, *longer).log_density,
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.parametrize("context", [True, False])
def test_the_sentence_changes_the_map(context):
    network = build(ablation=Ablation(context=context))
    films, _, tokens, mask = inputs()
    answer = network(films[:1], torch.zeros(3, dtype=torch.long), tokens, mask)
    spread = answer.log_density.std(0).mean()
    assert spread > 1e-4


@pytest.mark.parametrize("part", ["context", "graph", "matching"])
def test_each_ablation_changes_the_result(part):
    films, which, tokens, mask = inputs()
    points = torch.rand(3, 8, 2, generator=torch.Generator().manual_seed(2))
    whole, without = build(), build(ablation=Ablation(**{part: False}))
    # What both have is the same: what differs is due to the part.
    own = whole.state_dict()
    shared = {
        name: own[name] for name, one in without.state_dict().items() if name in own and own[name].shape == one.shape
    }
    without.load_state_dict(shared, strict=False)
    first, second = (one(films, which, tokens, mask, points) for one in (whole, without))
    if part == "context":
        assert not torch.allclose(first.log_density, second.log_density, atol=1e-4)
        assert without.decoder is None
    else:
        torch.testing.assert_close(first.log_density, second.log_density)
        assert not torch.allclose(first.correspondence, second.correspondence, atol=1e-4)


def test_without_graph_and_matching_there_is_no_correspondence():
    network = build(ablation=Ablation(graph=False, matching=False))
    assert network.behaviour is None
    assert network(*inputs(), torch.rand(3, 8, 2)).correspondence is None


def test_the_loss_of_matching_reaches_points_and_density():
    network = build().train()
    answer = network(*inputs(), torch.rand(3, 8, 2))
    answer.points.retain_grad()
    (-answer.correspondence.diagonal(dim1=1, dim2=2).mean()).backward()
    assert answer.points.grad.abs().sum() > 0
    for name in (
        "head.queries",
        "projector.kernel.weight",
        "image_encoder.stem.0.weight",
        "text_encoder.pieces.weight",
    ):
        assert network.get_parameter(name).grad.abs().sum() > 0, name


@pytest.mark.parametrize(
    "ablation", [Ablation(), Ablation(False, False, False), Ablation(graph=False), Ablation(matching=False)], ids=str
)
@pytest.mark.parametrize("head", ["query", "fc"])
def test_no_trained_parameter_is_idle(ablation, head):
    network = build(ablation=ablation, head=head).train()
    answer = network(*inputs(), torch.rand(3, 8, 2))
    tensors = [answer.log_density, answer.points, answer.log_duration_mean, answer.log_duration_spread, answer.stop]
    tensors += [] if answer.correspondence is None else [answer.correspondence]
    sum(one.square().sum() for one in tensors).backward()
    idle = [name for name, one in network.named_parameters() if one.requires_grad and one.grad is None]
    assert idle == []


def test_the_small_network_is_small():
    network = build_embedded(Tokenizer.default().rows)
    state = for_inference(network.state_dict())
    count = sum(one.numel() for one in state.values())
    assert count <= 2_250_000
    assert 2 * sum(one.numel() for one in network.state_dict().values()) <= 5.5e6
    assert not any(name.startswith("behaviour.") for name in state)


def test_the_paper_s_network_has_its_published_widths():
    # The depth of the encoders costs time and tests nothing here.
    network = build_clip_rn50(ClipResNet((1, 1, 1)), EmbeddedTextEncoder(64, 512, depth=1), head="query").eval()
    assert network.neck.width == 512
    assert len(network.decoder.layers) == 3
    assert network.projector.kernel.out_features == 256 * 9 + 1
    assert network.behaviour.embed.width == 1024
    films, which, tokens, mask = inputs()
    with torch.no_grad():
        assert network(films, which, tokens, mask).log_density.shape == (3, 16, 16)
