"""DDIM inversion: the noise that a picture's layout comes from, to start other faces from it (SynFER, section 3.3).

J. Song et al., "Denoising diffusion implicit models", ICLR 2021, section 4.3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from vision_cli.core.errors import InputError, NumericalError
from vision_cli.core.runs import interrupts

LAYOUT_PROMPT = "a photo of a face"
"""What layouts are inverted under, as the only public reimplementation has it."""

_SPACINGS = ("leading", "trailing")

Predict = Callable[[Tensor, Tensor], Tensor]
"""From noisy latents ``(B, 4, s, s)`` and a time step to what the scheduler's ``prediction_type`` says."""


@dataclass(frozen=True)
class Layout:
    """Where the denoising of a layout begins.

    Attributes
    ----------
    latents
        ``(B, 4, s, s)``.
    first_step
        Number of the denoising step to begin with, from 0.
    """

    latents: Tensor = field(repr=False)
    first_step: int


@torch.no_grad()
def invert(predict: Predict, scheduler: Any, latents: Tensor, *, steps: int, depth: float) -> Layout:
    """Return the noise that denoising with DDIM turns into given latents.

    Parameters
    ----------
    predict
        The UNet under the text of the layout, `LAYOUT_PROMPT`, without classifier-free guidance, with which inversion
        and denoising drift apart.
    scheduler
        Of the model, a ``DDIMScheduler`` of diffusers.
    latents
        Of pictures, without noise, ``(B, 4, s, s)``.
    steps
        Of the denoising from the beginning.
    depth
        Share of the steps that are inverted, 0 to 1: the more, the less of the layout is left.

    Raises
    ------
    InputError
        If the scheduler spaces its steps in a way that cannot be inverted.
    NumericalError
        If a latent becomes infinite.
    """
    from diffusers import DDIMInverseScheduler

    if (spacing := scheduler.config.timestep_spacing) not in _SPACINGS:
        raise InputError(
            f"scheduler: steps spaced as {spacing}; {' or '.join(_SPACINGS)} expected.",
            hint="Change timestep_spacing in scheduler/scheduler_config.json of the model, or use --layout none.",
        )
    count = min(max(round(depth * steps), 0), steps)
    # Its default clips what is predicted, which suits pictures and not latents.
    inverse: Any = DDIMInverseScheduler.from_config(scheduler.config, clip_sample=False)
    inverse.set_timesteps(steps, device=latents.device)
    for time in inverse.timesteps[:count]:
        interrupts.check()
        latents = inverse.step(predict(latents, time), time, latents).prev_sample
    if not torch.isfinite(latents).all():
        raise NumericalError("inversion of a layout: latents that are not finite.", hint="Use --precision float32.")
    return Layout(latents, steps - count)
