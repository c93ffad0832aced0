"""Sampling: the same pictures in any batch, as the pipeline of diffusers draws them, and what happens when it fails."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vision_cli.core.errors import ResourceError
from vision_cli.synth_faces.networks.diffusion.mini_sd import MiniShape, build_mini_sd
from vision_cli.synth_faces.pipeline.diffusion_files import ready, save_as_diffusers_directory
from vision_cli.synth_faces.pipeline.sampling.conditions import Asked, Conditions, Denoised, denoised
from vision_cli.synth_faces.pipeline.sampling.faces import NOT_FINITE, sample
from vision_cli.synth_faces.pipeline.sampling.loop import Steps, initial_noise, steered

pytestmark = pytest.mark.slow
"""The libraries of diffusion take seconds to import."""

WORDS = ("a", "happy", "sad", "face")
SHAPE = MiniShape(side=32, autoencoder=4, unet=(8, 40, 72))
ASKED = tuple(
    Asked(prompt, seed) for seed, prompt in enumerate(("a happy face", "a sad face", "a face", "happy", "sad"))
)


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return ready(build_mini_sd(WORDS, SHAPE, seed=3), 32, "", device="cpu", dtype=torch.float32)


def pictures(model, asked, batch_size, **settings):
    return np.stack([one.picture for one in sample(model, asked, Steps(4, **settings), batch_size=batch_size)]).astype(
        int
    )


@pytest.mark.parametrize("sampler", ["ddim", "dpm++"])
def test_a_sample_does_not_depend_on_its_batch(model, sampler):
    whole = pictures(model, ASKED, 5, sampler=sampler)
    assert whole.shape == (5, 32, 32, 3)
    assert np.abs(whole - pictures(model, ASKED, 2, sampler=sampler)).max() <= 1
    assert np.abs(whole[3:4] - pictures(model, ASKED[3:4], 1, sampler=sampler)).max() <= 1
    assert np.abs(whole[0] - whole[2]).max() > 3


def test_noise_is_of_the_seed_alone(model):
    noise = initial_noise(model, [5, 6])
    assert torch.equal(noise[1], initial_noise(model, [6])[0])
    assert noise.shape == (2, 4, 8, 8)


def latents(model, asked, steps):
    return denoised(model, asked, steps, Conditions()).latents


def test_guidance_of_one_is_none_and_the_prompts_are_followed(model):
    free = latents(model, ASKED[:2], Steps(3, guidance=1.0))
    again = latents(model, ASKED[:2], Steps(3, guidance=1.0, negative_prompt="a sad face"))
    torch.testing.assert_close(free, again)
    away = latents(model, ASKED[:2], Steps(3, guidance=5.0, negative_prompt="a sad face"))
    assert not torch.allclose(free, away, atol=1e-3)
    # A prompt that is steered away from itself is not steered.
    torch.testing.assert_close(away[1], free[1], atol=1e-4, rtol=1e-4)


def test_guidance_keeps_most_of_the_contrast():
    generator = torch.Generator().manual_seed(0)
    away, towards = torch.randn((2, 3, 4, 8, 8), generator=generator)
    found = steered(away, towards, 7.5).std(dim=(1, 2, 3))
    plain = (away + 7.5 * (towards - away)).std(dim=(1, 2, 3))
    torch.testing.assert_close(found, 0.7 * towards.std(dim=(1, 2, 3)) + 0.3 * plain)


def test_memory_that_does_not_suffice_halves_the_batch(model):
    sizes = []

    def tight(model, asked, steps, conditions):
        sizes.append(len(asked))
        if len(asked) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return denoised(model, asked, steps, conditions)

    found = [one.picture for one in sample(model, ASKED, Steps(2), batch_size=5, make=tight)]
    assert sizes == [5, 2, 2, 1]
    wanted = [one.picture for one in sample(model, ASKED, Steps(2), batch_size=2)]
    np.testing.assert_array_equal(found, wanted)


def test_memory_that_does_not_suffice_for_one_is_an_error(model):
    def none(*_):
        raise torch.OutOfMemoryError

    with pytest.raises(ResourceError, match="does not suffice for one sample"):
        list(sample(model, ASKED, Steps(2), make=none))


def test_other_faults_are_not_taken_for_a_lack_of_memory(model):
    def broken(*_):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        list(sample(model, ASKED, Steps(2), make=broken))


def fails_below_float32(model, asked, steps, conditions):
    made = denoised(model, asked, steps, conditions)
    if model.dtype != torch.float32:
        made.latents[1] = torch.nan
    return made


def test_what_is_not_finite_is_computed_again_in_float32(model):
    parts = build_mini_sd(WORDS, SHAPE, seed=3)
    half = ready(parts, 32, "", device="cpu", dtype=torch.bfloat16)
    found = list(sample(half, ASKED[:3], Steps(2), make=fails_below_float32))
    assert [one.is_repeated for one in found] == [False, True, False]
    # The weights were rounded to bfloat16 once.
    wanted = next(iter(sample(model, ASKED[1:2], Steps(2)))).picture
    assert np.abs(found[1].picture.astype(int) - wanted.astype(int)).mean() < 8
    assert half.parts.unet.dtype == torch.bfloat16


def test_what_is_not_finite_in_float32_fails(model):
    def never(model, asked, steps, conditions):
        return Denoised(denoised(model, asked, steps, conditions).latents * torch.nan)

    found = list(sample(model, ASKED[:2], Steps(2), make=never))
    assert [(one.picture, one.problem) for one in found] == [(None, NOT_FINITE)] * 2


@pytest.mark.parametrize("sampler", ["ddim", "dpm++"])
def test_the_stock_pipeline_draws_the_same_from_the_saved_directory(model, tmp_path, sampler):
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    from vision_cli.synth_faces.pipeline.diffusion_files import read_diffusers_directory

    save_as_diffusers_directory(model.parts, tmp_path)
    stock = StableDiffusionPipeline.from_pretrained(tmp_path, safety_checker=None, requires_safety_checker=False)
    if sampler == "dpm++":
        stock.scheduler = DPMSolverMultistepScheduler.from_config(stock.scheduler.config, algorithm_type="dpmsolver++")
    stock.set_progress_bar_config(disable=True)
    loaded = read_diffusers_directory(tmp_path)
    theirs = stock(
        [one.prompt for one in ASKED[:3]],
        num_inference_steps=6,
        guidance_scale=4.0,
        guidance_rescale=0.7,
        latents=initial_noise(loaded, [one.seed for one in ASKED[:3]]),
        output_type="np",
    ).images
    ours = [one.picture for one in sample(loaded, ASKED[:3], Steps(6, sampler, 4.0))]
    assert np.abs(np.stack(ours) - 255 * theirs).max() <= 1.01
