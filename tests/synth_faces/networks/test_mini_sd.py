"""The small Stable Diffusion: a token a word, the shapes of its parts, and its noise."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_mini_sd
from vision_cli.synth_faces.networks.diffusion.words import build_tokenizer, unknown_words

pytestmark = pytest.mark.slow
"""The libraries of diffusion take seconds to import."""

WORDS = ("a", "happy", "sad", "face", "facing", "photo", ",", "sadness")
SMALL = MiniShape(side=32, autoencoder=4, unet=(8, 40, 72))


@pytest.fixture(scope="module")
def parts():
    torch.set_num_threads(1)
    return build_mini_sd(WORDS, SMALL, seed=1)


def test_every_word_is_one_token_and_others_fall_to_pieces():
    tokenizer = build_tokenizer(WORDS)
    assert tokenizer.tokenize("a HAPPY face, facing") == ["a</w>", "happy</w>", "face</w>", ",</w>", "facing</w>"]
    assert len(tokenizer.tokenize("grumpy")) > 1
    assert unknown_words(tokenizer, "a grumpy Face, grumpy café") == ("grumpy", "café")
    assert unknown_words(tokenizer, "a happy photo") == ()


@settings(max_examples=25)
@given(words=st.lists(st.text("abcd", min_size=1, max_size=6), min_size=1, max_size=15, unique=True))
def test_words_that_share_letters_stay_whole(words):
    tokenizer = build_tokenizer(words)
    assert tokenizer.tokenize(" ".join(words)) == [f"{word}</w>" for word in words]


def test_weights_depend_on_the_seed_alone(parts):
    state = torch.random.get_rng_state()
    again, other = build_mini_sd(WORDS, SMALL, seed=1), build_mini_sd(WORDS, SMALL, seed=2)
    assert torch.equal(torch.random.get_rng_state(), state)
    for name, module in parts.modules.items():
        tensors, same = module.state_dict(), again.modules[name].state_dict()
        assert all(torch.equal(tensors[key], same[key]) for key in tensors)
        changed = other.modules[name].state_dict()
        assert any(not torch.equal(tensors[key], changed[key]) for key in tensors)


def test_parts_fit_together(parts):
    pictures = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.no_grad():
        latents = parts.encode(pictures)
        assert latents.shape == (2, 4, 8, 8)
        assert parts.decode(latents).shape == pictures.shape
        tokens = torch.tensor(parts.tokenizer(["a happy face"] * 2, padding="max_length")["input_ids"])
        context = parts.text_encoder(input_ids=tokens).last_hidden_state
        assert context.shape == (2, SMALL.length, SMALL.context)
        assert parts.unet(latents, torch.tensor([5, 900]), context).sample.shape == latents.shape
    attentions = [name for name in parts.unet.attn_processors if name.endswith("attn2.processor")]
    assert len(attentions) == 7


def test_latents_carry_their_scale(parts):
    pictures = torch.zeros(1, 3, 32, 32)
    with torch.no_grad():
        plain = parts.encode(pictures)
        parts.autoencoder.register_to_config(scaling_factor=3.0)
        torch.testing.assert_close(parts.encode(pictures), 3 * plain)
    parts.autoencoder.register_to_config(scaling_factor=1.0)


def test_the_last_step_has_no_signal(parts):
    assert float(parts.scheduler.alphas_cumprod[-1]) < 1e-6
    parts.scheduler.set_timesteps(10)
    assert int(parts.scheduler.timesteps[0]) == 999


def test_the_usual_sizes_are_small():
    count = {
        name: sum(one.numel() for one in module.parameters())
        for name, module in build_mini_sd(WORDS, MiniShape()).modules.items()
    }
    assert count["unet"] < 4.2e6
    # Two bytes a parameter in a file below 16 MB.
    assert 2 * sum(count.values()) < 10e6
