"""Adapter, annotator, inversion and their training on a small random model with the parts of Stable Diffusion 1.5.

One file for several modules, as importing diffusers and transformers takes seconds.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from vision_cli.core.errors import InputError, UsageError
from vision_cli.synth_faces.networks.annotation import build_annotator, mini_shape
from vision_cli.synth_faces.networks.conditioning.adapter import AuAdapter, build_adapter, shape_of_unet
from vision_cli.synth_faces.networks.conditioning.exporting import export_ip_adapter
from vision_cli.synth_faces.pipeline.adapter_files import read_adapter, read_adapter_shape, write_adapter
from vision_cli.synth_faces.pipeline.annotation import annotate, blocks_of, latents_of, make_seer, prompt_of_classes
from vision_cli.synth_faces.pipeline.annotator_files import (
    AnnotatorAbout,
    read_annotator,
    sizes_of,
    write_annotator,
)
from vision_cli.synth_faces.pipeline.guidance.decoders import AutoencoderDecoder
from vision_cli.synth_faces.pipeline.guidance.steps import SemanticGuidance, first_state
from vision_cli.synth_faces.pipeline.sampling.inversion import invert
from vision_cli.synth_faces.training.conditioning.adapter_task import AdapterTask
from vision_cli.synth_faces.training.conditioning.annotator_task import AnnotatorTask, SeenFaces, shifted
from vision_cli.synth_faces.training.conditioning.frozen_task import UnitLatents
from vision_cli.synth_faces.values import AUS, EXPRESSIONS

pytestmark = pytest.mark.slow
"""The libraries of diffusion take seconds to import."""

CONTEXT, TOKENS, SIDE = 32, 128, 8
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def model():
    """Make the parts of a narrow random model: 32 and 64 channels, 32 of the text, pictures of 16 px."""
    torch.set_num_threads(1)
    from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(code) for code in range(33, 127)]
    tokens = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(
        vocab={token: number for number, token in enumerate(tokens)}, merges=[], model_max_length=TOKENS
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = UNet2DConditionModel(
            sample_size=SIDE,
            layers_per_block=1,
            block_out_channels=(32, 64),
            down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
            cross_attention_dim=CONTEXT,
            attention_head_dim=4,
            norm_num_groups=8,
        )
        vae = AutoencoderKL(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=4,
            sample_size=2 * SIDE,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokens),
                hidden_size=CONTEXT,
                intermediate_size=32,
                num_hidden_layers=1,
                num_attention_heads=2,
                max_position_embeddings=TOKENS,
                bos_token_id=len(tokens) - 2,
                eos_token_id=len(tokens) - 1,
                pad_token_id=len(tokens) - 1,
            )
        )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    for part in (unet, vae, text_encoder):
        part.requires_grad_(False).eval()
    return SimpleNamespace(unet=unet, vae=vae, text_encoder=text_encoder, tokenizer=tokenizer, scheduler=scheduler)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def inputs(count=2):
    generator = seeded(3)
    latents = torch.randn(count, 4, SIDE, SIDE, generator=generator)
    text = torch.randn(count, 7, CONTEXT, generator=generator)
    return latents, torch.tensor(301), text, 5 * torch.rand(count, len(AUS), generator=generator)


@torch.no_grad()
def run(model, latents, time, context):
    return model.unet(latents, time, context).sample


@pytest.fixture(params=["per-au", "paper", "linear4"])
def adapter(request, model):
    made = build_adapter(model.unet, request.param, generator=seeded())
    made.install(model.unet)
    yield made
    made.remove(model.unet)


def test_an_adapter_leaves_the_answer_to_text_alone(model, adapter):
    latents, time, text, units = inputs()
    found = run(model, latents, time, text)
    changed = run(model, latents, time, adapter.context(text, units))
    adapter.scale = 0.0
    silenced = run(model, latents, time, adapter.context(text, units))
    adapter.remove(model.unet)
    base = run(model, latents, time, text)
    assert (changed - base).abs().max() > 1e-2
    torch.testing.assert_close(found, base, atol=1e-6, rtol=0)
    torch.testing.assert_close(silenced, base, atol=1e-6, rtol=0)


def test_each_cross_attention_has_keys_and_values_that_begin_as_those_of_the_text(model, adapter):
    names = [name for name in model.unet.attn_processors if "attn2" in name]
    assert [f"{name}.processor" for name in adapter.shape.layers] == names
    attn = model.unet.get_submodule(adapter.shape.layers[2])
    assert torch.equal(adapter.layers[2].to_k.weight, attn.to_k.weight)
    assert adapter.layers[2].to_k.weight is not attn.to_k.weight


def test_only_the_adapter_has_a_gradient(model, adapter):
    latents, time, text, units = inputs()
    model.unet(latents, time, adapter.context(text, units)).sample.square().mean().backward()
    assert all(weights.grad is None for weights in model.unet.parameters())
    assert all(weights.grad.abs().max() > 0 for layer in adapter.layers for weights in [layer.to_v.weight])
    assert any(weights.grad.abs().max() > 0 for weights in adapter.encoder.parameters())
    assert not set(adapter.parameters()) & set(model.unet.parameters())


def test_a_sample_does_not_depend_on_the_batch(model, adapter):
    """Stock diffusers mixes the embeddings of a batch (issue 9813)."""
    latents, time, text, units = inputs()
    whole = run(model, latents, time, adapter.context(text, units))
    alone = run(model, latents[1:], time, adapter.context(text[1:], units[1:]))
    torch.testing.assert_close(whole[1:], alone, atol=1e-5, rtol=0)


def test_no_action_units_add_nothing_by_tokens_of_their_own(model):
    latents, time, text, _ = inputs()
    made = build_adapter(model.unet, "per-au", generator=seeded())
    base = run(model, latents, time, text)
    made.install(model.unet)
    try:
        found = run(model, latents, time, made.context(text, torch.zeros(2, len(AUS))))
    finally:
        made.remove(model.unet)
    torch.testing.assert_close(found, base, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", ["paper", "linear4"])
def test_an_exported_adapter_is_ours_in_stock_diffusers(model, kind):
    from diffusers import StableDiffusionPipeline

    made = build_adapter(model.unet, kind, generator=seeded())
    with torch.no_grad():
        for weights in made.parameters():
            weights.add_(0.1 * torch.randn(weights.shape, generator=seeded(4)))
    latents, time, text, units = inputs()
    made.install(model.unet)
    made.scale = 0.7
    ours = run(model, latents, time, made.context(text, units))
    made.remove(model.unet)
    pipeline = StableDiffusionPipeline(
        vae=model.vae,
        text_encoder=model.text_encoder,
        tokenizer=model.tokenizer,
        unet=copy.deepcopy(model.unet),
        scheduler=model.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.load_ip_adapter(export_ip_adapter(made), subfolder="", weight_name="", image_encoder_folder=None)
    pipeline.set_ip_adapter_scale(0.7)
    with torch.no_grad():
        stock = pipeline.unet(latents, time, text, added_cond_kwargs={"image_embeds": [units[:, None]]}).sample
    assert (stock - ours).abs().max() < 1e-4
    assert (ours - run(model, latents, time, text)).abs().max() > 1e-2


def test_tokens_of_their_own_have_no_such_format(model):
    with pytest.raises(UsageError, match="one of encoder paper or linear4 expected"):
        export_ip_adapter(build_adapter(model.unet, "per-au"))


def test_an_adapter_file_gives_back_the_adapter(model, adapter, tmp_path):
    latents, time, text, units = inputs()
    ours = run(model, latents, time, adapter.context(text, units))
    adapter.remove(model.unet)
    write_adapter(tmp_path / "a.safetensors", adapter.shape, adapter.state_dict())
    loaded = read_adapter(tmp_path / "a.safetensors", model.unet, scale=0.5)
    assert loaded.adapter.shape == adapter.shape
    assert loaded.adapter.scale == 0.5
    assert len(loaded.sha256) == 64
    loaded.adapter.scale = 1.0
    found = run(model, latents, time, loaded.adapter.context(text, units))
    loaded.adapter.remove(model.unet)
    torch.testing.assert_close(found, ours, atol=5e-3, rtol=0)


def written(path, shape):
    write_adapter(path, shape, AuAdapter(shape).state_dict())
    return path


def test_an_adapter_for_something_else_is_refused_by_both_values(model, tmp_path):
    shape = shape_of_unet(model.unet, "per-au")
    path = tmp_path / "a.safetensors"
    with pytest.raises(InputError, match="text of 48 channels; 32 expected"):
        read_adapter(written(path, replace(shape, width=48)), model.unet)
    with pytest.raises(InputError, match=r"40 action units; 41 expected \(missing: R14; unknown: none\)"):
        read_adapter(written(path, replace(shape, aus=AUS[:-1])), model.unet)
    with pytest.raises(InputError, match=r"41 action units; 41 expected \(the same in another order\)"):
        read_adapter(written(path, replace(shape, aus=AUS[::-1])), model.unet)
    fewer = replace(shape, layers=shape.layers[:-1], hidden=shape.hidden[:-1])
    with pytest.raises(InputError, match="for 6 layers of 32/64 channels; 7 of 32/64 expected"):
        read_adapter(written(path, fewer), model.unet)


def test_what_is_no_adapter_is_refused(model, tmp_path):
    path = tmp_path / "a.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(InputError, match="no adapter of action units"):
        read_adapter_shape(path)
    save_file({"a": torch.zeros(1)}, path, {"synth-faces": json.dumps({"what": "expression"})})
    with pytest.raises(InputError, match="weights of expression"):
        read_adapter_shape(path)
    shape = shape_of_unet(model.unet, "paper")
    tensors = load_file(written(path, shape))
    write_adapter(path, shape, tensors | {"encoder.proj.0.bias": torch.full((41,), torch.nan)})
    with pytest.raises(InputError, match="not finite"):
        read_adapter(path, model.unet)
    path.write_bytes(b"\x00" * 40)
    with pytest.raises(InputError, match="no adapter of action units"):
        read_adapter_shape(path)


def test_an_adapter_is_installed_once(model, adapter):
    with pytest.raises(ValueError, match="remove it first"):
        adapter.install(model.unet)


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_an_adapter_learns_what_text_does_not_say(model, prediction_type):
    """Two faces with the same caption that differ by an action unit, learned by heart."""
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler.from_config(model.scheduler.config, prediction_type=prediction_type)
    generator = seeded(1)
    latents = torch.randn(2, 4, SIDE, SIDE, generator=generator)[torch.arange(8) % 2]
    units = torch.zeros(8, len(AUS))
    units[0::2, 10], units[1::2, 3] = 4.0, 4.0
    texts = torch.randn(1, 7, CONTEXT, generator=generator)
    faces = UnitLatents(latents, texts, torch.zeros(8, dtype=torch.int64), units)
    made = build_adapter(model.unet, "per-au", generator=seeded())
    made.install(model.unet)
    task = AdapterTask(made, model.unet, scheduler, torch.zeros(7, CONTEXT), faces, faces, CPU, seed=0)
    try:
        before = task.validation_step(task.network)
        optimiser = torch.optim.AdamW(task.network.parameters(), 3e-2)
        for step in range(25):
            loss = task.training_step(task.network, task.load(range(8 * step, 8 * step + 8)))["loss"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        after = task.validation_step(task.network)
    finally:
        made.remove(model.unet)
    assert after["loss"] < 0.85 * before["loss"]
    assert after["saved"] > 0.15
    assert after["negative_loss"] == -after["loss"]
    assert all(name.startswith("adapter.") for name in task.network.state_dict())


def test_captions_are_left_out_now_and_then(model):
    made = build_adapter(model.unet, "paper")
    faces = UnitLatents(*inputs()[::3][:1], torch.ones(1, 7, CONTEXT), torch.zeros(2, dtype=torch.int64), inputs()[3])
    empty = torch.full((7, CONTEXT), -1.0)
    task = AdapterTask(made, model.unet, model.scheduler, empty, faces, faces, CPU, seed=0)
    texts = task.load(range(2000))[3][:, 0, 0]
    assert 0.03 < (texts == -1).float().mean() < 0.07
    torch.testing.assert_close(task.load([5])[1], task.load([3, 5])[1][1:])


def seer_of(model, blocks="up", side=SIDE):
    return make_seer(
        model.unet,
        model.text_encoder,
        model.tokenizer,
        model.scheduler,
        classes=EXPRESSIONS,
        blocks=blocks,
        side=side,
    )


def test_class_words_are_found_in_the_text(model):
    seer = seer_of(model)
    numbers = model.tokenizer([prompt_of_classes(EXPRESSIONS)])["input_ids"][0]
    for name, places in zip(EXPRESSIONS, seer.words, strict=True):
        word = "".join(model.tokenizer.convert_ids_to_tokens([numbers[place] for place in places]))
        assert word == f"{name}</w>"
    model.tokenizer.model_max_length = 40
    try:
        with pytest.raises(
            UsageError, match="class 'sadness': not in the text of the model, which ends after 40 tokens"
        ):
            seer_of(model)
    finally:
        model.tokenizer.model_max_length = TOKENS


def test_blocks_are_chosen_by_words(model):
    assert blocks_of(model.unet) == ("up_blocks.0", "up_blocks.1")
    assert blocks_of(model.unet, "up1, mid") == ("mid_block", "up_blocks.1")
    with pytest.raises(UsageError, match="block 'up2'; up, mid, up0, up1 expected"):
        blocks_of(model.unet, "up2")


def test_what_is_seen_is_what_the_unet_computes(model):
    """Attention against the sum written out, and the UNet as before afterwards."""
    seer, latents = seer_of(model), inputs()[0]
    before = run(model, *inputs()[:3])
    with_installed = build_adapter(model.unet, "per-au")
    seen = seer.see(latents)
    with_installed.install(model.unet)
    again = seer.see(latents)
    with_installed.remove(model.unet)
    torch.testing.assert_close(again.attention, seen.attention, atol=1e-5, rtol=1e-5)
    assert [one.shape for one in seen.features] == [(2, 64, SIDE, SIDE), (2, 32, SIDE, SIDE)]
    assert seen.attention.shape == (2, 2 * len(EXPRESSIONS), SIDE, SIDE)
    torch.testing.assert_close(run(model, *inputs()[:3]), before)
    # Random keys: attention is near uniform, which is 1.
    assert 0.5 < seen.attention.mean() < 2

    inside = {}
    name = "mid_block.attentions.0.transformer_blocks.0.attn2"
    attn = model.unet.get_submodule(name)
    handle = attn.register_forward_hook(
        lambda module, args, kwargs, output: inside.update(hidden=args[0], text=kwargs["encoder_hidden_states"]),
        with_kwargs=True,
    )
    up = {}
    other = model.unet.up_blocks[1].register_forward_hook(lambda module, args, output: up.update(out=output))
    signal = float(model.scheduler.alphas_cumprod[1])
    noise = torch.randn(latents.shape[1:], generator=seeded(20))
    run(model, signal**0.5 * latents + (1 - signal) ** 0.5 * noise, torch.tensor(1), seer.text.expand(2, -1, -1))
    handle.remove()
    other.remove()
    torch.testing.assert_close(up["out"], seen.features[1], atol=1e-5, rtol=1e-4)
    heads = (attn.to_q(inside["hidden"]), attn.to_k(inside["text"]))
    query, key = (one.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for one in heads)
    chances = (query @ key.mT / query.shape[-1] ** 0.5).softmax(dim=-1).mean(dim=1) * TOKENS
    wanted = chances[..., list(seer.words[2])].mean(dim=-1)
    coarse = [key for key in (4, 8) if key**2 == wanted.shape[1]]
    assert coarse == [4]
    from vision_cli.synth_faces.networks.annotation import at_side

    # The coarsest scale has the mid block and two stages, of which the mean is kept: take those of the mid block alone.
    from vision_cli.synth_faces.pipeline.annotation import _read_attention

    with _read_attention(model.unet, seer.words) as read:
        run(model, signal**0.5 * latents + (1 - signal) ** 0.5 * noise, torch.tensor(1), seer.text.expand(2, -1, -1))
    assert any(torch.allclose(one[:, 2].flatten(1), wanted, atol=1e-4) for one in read[4])
    torch.testing.assert_close(
        at_side(torch.stack(read[4]).mean(dim=0), SIDE), seen.attention[:, : len(EXPRESSIONS)], atol=1e-4, rtol=1e-4
    )


def test_faces_are_seen_alike_in_any_batch(model):
    seer, latents = seer_of(model, "mid,up0", 4), torch.randn(5, 4, SIDE, SIDE, generator=seeded())
    whole, parts = seer.see_all(latents, batch=5), seer.see_all(latents, batch=2)
    assert whole.attention.dtype == torch.float16
    assert len(whole) == 5
    torch.testing.assert_close(whole.features[0], parts.features[0], atol=5e-3, rtol=5e-3)
    torch.testing.assert_close(whole.rows([3]).attention, seer.see_all(latents[3:4]).attention, atol=5e-3, rtol=5e-3)
    with pytest.raises(InputError, match="no faces to look at"):
        seer.see_all(latents[:0])


def test_an_annotator_learns_from_what_is_seen_and_comes_back_from_its_file(model, tmp_path):
    seer = seer_of(model)
    channels, scales = sizes_of(seer, SIDE)
    shape = replace(mini_shape(channels, scales), width=16, heads=2)
    labels = np.arange(32) % len(EXPRESSIONS)
    latents = torch.randn(32, 4, SIDE, SIDE, generator=seeded())
    latents += 2 * torch.randn(len(EXPRESSIONS), 4, 1, 1, generator=seeded(1))[labels]
    faces = SeenFaces(seer.see_all(latents), labels)
    task = AnnotatorTask(build_annotator(shape, seeded()), faces, faces, CPU, seed=0)
    optimiser = torch.optim.AdamW(task.network.parameters(), 5e-3, weight_decay=0.05)
    for step in range(30):
        task.network.train()
        loss = task.training_step(task.network, task.load(range(16 * step, 16 * step + 16)))["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    measures = task.validation_step(task.network.eval())
    assert measures["accuracy"] > 0.8
    assert measures["balanced_accuracy"] == pytest.approx(measures["accuracy"])
    assert measures["nll"] < np.log(8)

    path = tmp_path / "anno.safetensors"
    write_annotator(path, AnnotatorAbout(shape, "up", "0" * 64), task.network.state_dict())
    parts = (model.unet, model.text_encoder, model.tokenizer, model.scheduler)
    loaded = read_annotator(path, *parts)
    chances = loaded(latents)
    np.testing.assert_allclose(chances.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(chances, annotate(task.network, seer, latents), atol=0.02)
    assert (chances.argmax(axis=1) == labels).mean() > 0.8
    write_annotator(path, AnnotatorAbout(replace(shape, features=(64, 48)), "up", ""), task.network.state_dict())
    with pytest.raises(InputError, match="maps with 64/48 channels and 2 scales of attention; 64/32 and 2 expected"):
        read_annotator(path, *parts)


def test_a_class_without_faces_is_named(model):
    seer = seer_of(model)
    faces = SeenFaces(seer.see_all(inputs()[0]), np.array([0, 1]))
    shape = mini_shape(*sizes_of(seer, SIDE))
    with pytest.raises(InputError, match="2 training faces, none of sadness, surprise"):
        AnnotatorTask(build_annotator(shape), faces, faces, CPU, seed=0)


def test_what_was_seen_is_moved_by_whole_cells(model):
    seen = seer_of(model).see(inputs()[0])
    moved = shifted(seen, np.array([[1, 0], [0, -1]]))
    torch.testing.assert_close(moved.features[0][0, :, 1:], seen.features[0][0, :, :-1])
    torch.testing.assert_close(moved.features[0][0, :, 0], seen.features[0][0, :, 0])
    torch.testing.assert_close(moved.attention[1, :, :, :-1], seen.attention[1, :, :, 1:])


def test_pictures_become_latents_and_back(model):
    pictures = [np.random.default_rng(n).integers(0, 256, (2 * SIDE, 2 * SIDE, 3), dtype=np.uint8) for n in range(2)]
    latents = latents_of(model.vae, pictures)
    assert latents.shape == (2, 4, SIDE, SIDE)
    scaled = torch.from_numpy(pictures[1]).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.no_grad():
        mode = model.vae.encode(scaled).latent_dist.mode()
        decoded = model.vae.decode(mode).sample
        found = AutoencoderDecoder(model.vae)(latents[1:])
    torch.testing.assert_close(latents[1:], mode * model.vae.config.scaling_factor, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found, (decoded + 1) / 2, atol=1e-4, rtol=1e-4)


def test_a_tiny_autoencoder_decodes_the_latents_of_the_unet(model):
    from diffusers import AutoencoderTiny

    tiny = AutoencoderTiny(
        encoder_block_out_channels=(8, 8),
        decoder_block_out_channels=(8, 8),
        num_encoder_blocks=(1, 1),
        num_decoder_blocks=(1, 1),
    )
    latents = inputs()[0].requires_grad_(True)
    pictures = AutoencoderDecoder(tiny)(latents)
    pictures.sum().backward()
    assert pictures.shape[:2] == (2, 3)
    assert latents.grad.abs().max() > 0
    assert all(weights.grad is None for weights in tiny.parameters())
    encoded = latents_of(tiny, [np.full((2 * SIDE, 2 * SIDE, 3), 200, np.uint8)])
    with torch.no_grad():
        grey = torch.full((1, 3, 2 * SIDE, 2 * SIDE), 200 / 127.5 - 1)
        torch.testing.assert_close(encoded, tiny.encode(grey).latents * tiny.config.scaling_factor)


def test_guidance_descends_through_a_real_unet_and_decoder(model):
    adapter = build_adapter(model.unet, "per-au", generator=seeded())
    adapter.install(model.unet)
    latents, time, text, units = inputs()
    directions, decoder = torch.randn(3, 3, generator=seeded(8)), AutoencoderDecoder(model.vae)
    guidance = SemanticGuidance(
        predict=lambda x, t, c, places: model.unet(x, t, adapter.context(c, units[places])).sample,
        see=lambda clean, places: decoder(clean).mean(dim=(2, 3)) @ directions,
        wanted=torch.eye(3)[:2],
        alphas_cumprod=model.scheduler.alphas_cumprod,
        target="both",
        enough=1.1,
        scale=0.02,
    )
    try:
        states = [first_state(latents, text, guidance.wanted)]
        for _ in range(3):
            states.append(guidance.guide_step(states[-1], time))
    finally:
        adapter.remove(model.unet)
    losses = torch.stack([state.last_loss for state in states[1:]])
    assert (losses[1:] < losses[:-1]).all()
    assert not any(weights.requires_grad for weights in model.unet.parameters())


@pytest.mark.parametrize("spacing", ["leading", "trailing"])
def test_denoising_an_inverted_layout_gives_it_back(model, spacing):
    """Exactly, where what is predicted does not depend on the latents."""
    from diffusers import DDIMScheduler

    config = {
        "timestep_spacing": spacing,
        "prediction_type": "epsilon",
        "steps_offset": 1 if spacing == "leading" else 0,
    }
    scheduler = DDIMScheduler.from_config(model.scheduler.config, **config)
    noise = torch.randn(2, 4, SIDE, SIDE, generator=seeded(5))
    latents = inputs()[0]
    layout = invert(lambda x, time: noise, scheduler, latents, steps=20, depth=0.7)
    assert layout.first_step == 6
    scheduler.set_timesteps(20)
    level = float(scheduler.alphas_cumprod[scheduler.timesteps[6]])
    assert layout.latents.std() == pytest.approx(
        float((level**0.5 * latents + (1 - level) ** 0.5 * noise).std()), rel=0.05
    )
    found = layout.latents
    for time in scheduler.timesteps[layout.first_step :]:
        found = scheduler.step(noise, time, found).prev_sample
    torch.testing.assert_close(found, latents, atol=1e-3, rtol=1e-3)


def test_inversion_by_the_unet_keeps_the_layout(model):
    latents, _, text, _ = inputs()
    latents = 0.5 * latents
    predict = lambda x, time: model.unet(x, time, text).sample  # noqa: E731
    layout = invert(predict, model.scheduler, latents, steps=20, depth=0.5)
    model.scheduler.set_timesteps(20)
    found = layout.latents
    for time in model.scheduler.timesteps[layout.first_step :]:
        found = model.scheduler.step(run(model, found, time, text), time, found).prev_sample
    assert (found - latents).square().mean().sqrt() < 0.2 * latents.square().mean().sqrt()
    assert invert(predict, model.scheduler, latents, steps=20, depth=0).first_step == 20


def test_steps_that_cannot_be_inverted_are_refused(model):
    from diffusers import DDIMScheduler

    scheduler = DDIMScheduler.from_config(model.scheduler.config, timestep_spacing="linspace")
    with pytest.raises(InputError, match="steps spaced as linspace; leading or trailing expected"):
        invert(lambda x, time: x, scheduler, inputs()[0], steps=4, depth=0.5)
