"""The denoising loop: from noise of a sample's own seed to a picture, whatever batch the sample is computed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from numpy.typing import NDArray
from torch import Tensor

from vision_cli.core.runs import interrupts
from vision_cli.synth_faces.networks.conditioning.attention import Context, parted, rows_of, together
from vision_cli.synth_faces.options.generating import Sampler
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion
from vision_cli.synth_faces.values import Picture

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
def denoise(
    model: LoadedDiffusion, context: Context, empty: Context, start: Tensor, steps: Steps, *, first_step: int = 0
) -> Tensor:
    """Return the latents of samples, ``(B, 4, s, s)``.

    Parameters
    ----------
    model
        The model.
    context, empty
        Contexts of the samples, B of them, and that of what is steered away from, of one sample or of B.
    start
        Where it begins, ``(B, 4, s, s)``.
    steps
        How it is denoised.
    first_step
        Number of the step to begin with, from 0, at whose noise the beginning is.
    """
    scheduler, latents = begun(model, start, steps)
    empty = repeated(empty, len(latents))
    for time in scheduler.timesteps[first_step:]:
        interrupts.check()
        predicted = predict(model, latents, time, context, empty, steps.guidance)
        latents = scheduler.step(predicted, time, latents).prev_sample
    return latents


def begun(model: LoadedDiffusion, start: Tensor, steps: Steps) -> tuple[Any, Tensor]:
    """Return the scheduler with its time steps, and latents to begin with, on the device."""
    scheduler = scheduler_of(model, steps.sampler)
    scheduler.set_timesteps(steps.count, device=model.device)
    return scheduler, start.to(model.device, model.dtype) * scheduler.init_noise_sigma


def predict(
    model: LoadedDiffusion, latents: Tensor, time: Tensor, context: Context, empty: Context, scale: float
) -> Tensor:
    """Return the prediction of the UNet under classifier-free guidance of a scale; 1 is none."""
    if scale == 1:
        found: Tensor = model.parts.unet(latents, time, context).sample
        return found
    both: Tensor = model.parts.unet(torch.cat([latents, latents]), time, together(empty, context)).sample
    away, towards = both.chunk(2)
    return steered(away, towards, scale)


def repeated(context: Context, count: int) -> Context:
    """Return the context of one sample as that of several; that of several stays."""
    text, _ = parted(context)
    return context if len(text) == count else rows_of(context, torch.zeros(count, dtype=torch.int64))


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
