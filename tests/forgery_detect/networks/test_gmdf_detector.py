"""The detector of GM-DF as a whole: shapes, invariances, domains, heat map, and CLIP's weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from vision_cli.core.errors import InputError, UsageError
from vision_cli.forgery_detect.networks.gmdf.building import build_gmdf, build_masked_decoder, load_clip

DOMAINS = ("ffpp", "celeb")
FEATURES = 7


@pytest.fixture(scope="module")
def network():
    """Give a nano detector whose every part has a say."""
    made = build_gmdf("nano", domains=DOMAINS, features=FEATURES, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "domain_norm" in name or name.startswith(("head.", "evidence.", "coherence.")):
                parameter.normal_(0, 0.1, generator=generator)
    return made.eval()


@pytest.fixture(scope="module")
def faces():
    """Give four pictures and their coherence features."""
    generator = torch.Generator().manual_seed(2)
    return torch.rand(4, 3, 112, 112, generator=generator), torch.randn(4, FEATURES, generator=generator)


def test_nano_is_as_large_as_it_is_said_to_be(network):
    assert sum(parameter.numel() for parameter in network.encoder.common_parameters()) == 2_827_200
    # As float16 it takes 8 of the 12 MB that the shipped weights may take.
    assert sum(value.numel() for value in network.state_dict().values()) < 4.1e6


@torch.no_grad()
def test_faces_are_judged_alone_whatever_their_batch(network, faces):
    image, coherence = faces
    weights = network.domain_weights(image, "celeb")
    whole = network(image, coherence, weights)
    assert whole.logit.shape == (4,)
    assert whole.heat.shape == (4, 7, 7)
    assert whole.features.shape == (4, 192)
    assert 0 <= float(whole.heat.min()) < float(whole.heat.max()) <= 1
    alone = torch.cat([network(image[[n]], coherence[[n]], weights[[n]]).logit for n in (2, 0)])
    torch.testing.assert_close(whole.logit[[2, 0]], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_logit_is_the_sum_of_its_parts(network, faces):
    image, coherence = faces
    weights = network.domain_weights(image, "ffpp")
    found = network(image, coherence, weights)
    prompts = found.prompt_logits[:, 1] - found.prompt_logits[:, 0]
    heat = found.heat.logit().mean(dim=(1, 2))
    linear = coherence.clamp(-4, 4) @ network.coherence.weight
    wanted = 0.5 * (prompts + network.head(found.features)[:, 0]) + heat + linear
    torch.testing.assert_close(found.logit, wanted, atol=1e-4, rtol=0)


@torch.no_grad()
def test_coherence_is_standardised_and_clipped(network, faces):
    part = build_gmdf("nano", domains=DOMAINS, features=3, experts=0).coherence
    part.set_statistics(torch.tensor([1.0, 0, 5]), torch.tensor([2.0, 1, 0]), torch.tensor([1.0, 10, 100]))
    values = torch.tensor([[3.0, 0, 5], [1, 99, 5], [1, -99, 7]])
    torch.testing.assert_close(part(values), torch.tensor([1.0, 40, -40]))


@torch.no_grad()
def test_the_domain_has_a_say(network, faces):
    image, coherence = faces
    found = [network(image, coherence, network.domain_weights(image, name)).logit for name in ("wildcard", *DOMAINS)]
    assert float((found[0] - found[1]).abs().max()) > 1e-4
    assert float((found[2] - found[1]).abs().max()) > 1e-4


@torch.no_grad()
def test_auto_tells_the_domain_by_the_nearest_prototype(network, faces):
    image, _ = faces
    tokens = network.describe(image)
    network.set_prototypes(torch.stack([tokens[0], tokens[3]]), torch.tensor(0.01))
    weights = network.domain_weights(image[[3, 0]])
    torch.testing.assert_close(weights, torch.tensor([[0.0, 0, 1], [0, 1, 0]]), atol=1e-3, rtol=0)
    network.set_prototypes(torch.stack([tokens[1], tokens[1]]), torch.tensor(1.0))
    torch.testing.assert_close(network.domain_weights(image[:1]), torch.tensor([[0.0, 0.5, 0.5]]))


def test_an_unknown_domain_is_refused(network, faces):
    with pytest.raises(UsageError, match="--domain dfdc: the weights know no such domain"):
        network.domain_weights(faces[0], "dfdc")


def test_weights_come_from_the_generator_alone():
    state = torch.get_rng_state()
    one, other = (
        build_gmdf("nano", domains=DOMAINS, features=2, generator=torch.Generator().manual_seed(3)) for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


@pytest.mark.slow
def test_base_has_the_shape_of_clip_and_bottleneck_experts():
    with torch.device("meta"):
        base = build_gmdf("base", domains=DOMAINS, features=FEATURES)
        whole = build_gmdf("base", domains=DOMAINS, features=FEATURES, expert_dim=3072)
        decoder = build_masked_decoder("base")
    shapes = {name: tuple(value.shape) for name, value in base.encoder.state_dict().items()}
    assert shapes["conv1.weight"] == (768, 3, 16, 16)
    assert shapes["positional_embedding"] == (197, 768)
    assert shapes["transformer.resblocks.11.attn.in_proj_weight"] == (2304, 768)
    assert sum(parameter.numel() for parameter in base.encoder.common_parameters()) == 85_799_424
    assert 5e6 < sum(parameter.numel() for parameter in base.encoder.experts.parameters()) < 7e6
    assert 170e6 < sum(parameter.numel() for parameter in whole.encoder.experts.parameters()) < 172e6
    assert len(decoder.transformer.resblocks) == 4


def test_clip_is_put_into_encoder_prompts_and_projection():
    network = build_gmdf("nano", domains=DOMAINS, features=0, experts=0)
    texts = {
        name: torch.randn_like(value)
        for name, value in network.prompts.state_dict().items()
        if name.startswith(("positional", "transformer", "ln_final", "text_projection"))
    }
    state = {f"visual.{name}": torch.randn_like(value) for name, value in network.encoder.state_dict().items()}
    state |= {**texts, "token_embedding.weight": torch.randn(20, 128), "visual.proj": torch.randn(192, 192)}
    fixed = (18, 4, 5, 6, 7, 19)
    load_clip(network, state, fixed)
    torch.testing.assert_close(network.prompts.fixed_words.data, state["token_embedding.weight"][list(fixed)])
    torch.testing.assert_close(network.prompts.ln_final.weight.data, texts["ln_final.weight"])
    torch.testing.assert_close(network.aggregation.project.weight.data, state["visual.proj"].T)
    torch.testing.assert_close(network.encoder.conv1.weight.data, state["visual.conv1.weight"])
    for missing in ("token_embedding.weight", "visual.proj", "ln_final.bias"):
        with pytest.raises(InputError, match=f"no tensor {missing}|no tensor fixed_words"):
            load_clip(network, {name: value for name, value in state.items() if name != missing}, fixed)


def test_a_detector_without_experts_has_no_parameters_of_domains():
    network = build_gmdf("nano", domains=DOMAINS, features=0, experts=0)
    assert network.expert_names() == ()
    assert not network.condition.requires_grad
    assert isinstance(network.encoder.experts, nn.ModuleList)
