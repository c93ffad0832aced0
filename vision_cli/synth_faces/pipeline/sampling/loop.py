"""The denoising loop: from noise of a sample's own seed to a picture, whatever batch the sample is computed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion
from vision_cli.synth_faces.values import Picture

Sampler = Literal["ddim", "dpm++"]

_RESCALE = 0.7
"""How much of the contrast that guidance adds is taken back (Lin et al., section 3.4)."""


@dataclass(frozen=True)
class Steps:
    """How a sample is denoised.

    Attributes
    ----------
    count
        Denoising steps.
    sampler
        ``ddim``, or ``dpm++``: DPM-Solver++ of second order, multistep.
    guidance
        Scale of classifier-free guidance; 1 is none.
    negative_prompt
        What is steered away from.
    """

    count: int = 25
    sampler: Sampler = "ddim"
    guidance: float = 4.0
    negative_prompt: str = ""


def initial_noise(model: LoadedDiffusion, seeds: Sequence[int]) -> Tensor:
    """Return the noise of samples, ``(B, 4, s, s)`` float32 on the CPU: of the seed of each alone."""
    shape = (int(model.parts.unet.config.in_channels), model.latent_side, model.latent_side)
    return torch.stack([torch.randn(shape, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def context_of(model: LoadedDiffusion, prompts: Sequence[str]) -> Tensor:
    """Return prompts as contexts ``(B, T, C)``; what is too long is cut."""
    tokenizer = model.parts.tokenizer
    length = int(tokenizer.model_max_length)
    batch = tokenizer(list(prompts), padding="max_length", max_length=length, truncation=True)
    tokens = torch.tensor(batch["input_ids"], device=model.device)
    context: Tensor = model.parts.text_encoder(input_ids=tokens).last_hidden_state
    return context


@torch.no_grad()
def denoise(model: LoadedDiffusion, context: Tensor, empty: Tensor, noise: Tensor, steps: Steps) -> Tensor:
    """Return the latents of samples, ``(B, 4, s, s)``.

    Parameters
    ----------
    model
        The model.
    context, empty
        Contexts of the prompts, ``(B, T, C)``, and of the negative prompt, ``(1, T, C)``.
    noise
        Where it begins, ``(B, 4, s, s)``.
    steps
        How it is denoised.
    """
    scheduler = scheduler_of(model, steps.sampler)
    scheduler.set_timesteps(steps.count, device=model.device)
    latents: Tensor = noise.to(model.device, model.dtype) * scheduler.init_noise_sigma
    guided = steps.guidance != 1
    both = torch.cat([empty.expand_as(context), context]) if guided else context
    for time in scheduler.timesteps:
        scaled = scheduler.scale_model_input(latents, time)
        predicted = model.parts.unet(torch.cat([scaled, scaled]) if guided else scaled, time, both).sample
        if guided:
            away, towards = predicted.chunk(2)
            predicted = steered(away, towards, steps.guidance)
        latents = scheduler.step(predicted, time, latents).prev_sample
    return latents


def steered(away: Tensor, towards: Tensor, scale: float) -> Tensor:
    """Return a prediction under classifier-free guidance, with part of its added contrast taken back."""
    guided = away + scale * (towards - away)
    axes = (1, 2, 3)
    factor = towards.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
    return guided * (_RESCALE * factor + 1 - _RESCALE)


@torch.no_grad()
def decoded(model: LoadedDiffusion, latents: Tensor) -> list[Picture]:
    """Return latents as pictures ``(S, S, 3)``."""
    pictures = model.parts.decode(latents)
    pixels: NDArray[np.uint8] = (
        pictures.float().add(1).mul(127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).cpu().numpy()
    )
    return list(pixels)


def scheduler_of(model: LoadedDiffusion, sampler: Sampler) -> Any:
    """Return a scheduler of the model's noise; each call has its own, as it keeps the last predictions."""
    config = model.parts.scheduler.config
    if sampler == "ddim":
        return DDIMScheduler.from_config(config)
    return DPMSolverMultistepScheduler.from_config(config, algorithm_type="dpmsolver++", solver_order=2)
