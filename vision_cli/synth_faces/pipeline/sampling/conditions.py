"""What samples are drawn under beside their text: action units, the layout of another face, and a guide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vision_cli.core.runs import interrupts
from vision_cli.synth_faces.networks.conditioning.adapter import AuAdapter
from vision_cli.synth_faces.networks.conditioning.attention import Context, parted, rows_of
from vision_cli.synth_faces.options.generating import GuidanceTarget
from vision_cli.synth_faces.pipeline.annotation import latents_of
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion
from vision_cli.synth_faces.pipeline.guidance.decoders import AutoencoderDecoder, Decoder
from vision_cli.synth_faces.pipeline.guidance.guides import CutGuide, Sight
from vision_cli.synth_faces.pipeline.guidance.steps import (
    GuideState,
    SemanticGuidance,
    first_state,
    wanted_classes,
)
from vision_cli.synth_faces.pipeline.sampling.inversion import LAYOUT_PROMPT, Layout, invert
from vision_cli.synth_faces.pipeline.sampling.loop import (
    Steps,
    begun,
    context_of,
    denoise,
    initial_noise,
    predict,
    repeated,
    scheduler_of,
    steered,
)
from vision_cli.synth_faces.values import AUS, Picture


@dataclass(frozen=True)
class Asked:
    """What is sampled.

    Attributes
    ----------
    prompt
        What is to be seen.
    seed
        Of the noise.
    aus
        Intensities of the action units in the order of `AUS`, 0 to 5; empty where none are asked for.
    expressions
        What semantic guidance steers to; empty where nothing.
    layout
        Face whose layout is taken, of the side of the model's pictures; None for none.
    """

    prompt: str
    seed: int
    aus: tuple[float, ...] = ()
    expressions: tuple[str, ...] = ()
    layout: Picture | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Guiding:
    """How semantic guidance is applied.

    Attributes
    ----------
    guide
        Names the expressions of pictures.
    target, scale
        See `SemanticGuidance`.
    start
        Share of the steps after which it begins.
    decoder
        From latents to pictures; None for the model's own autoencoder.
    """

    guide: CutGuide = field(repr=False)
    target: GuidanceTarget = "text"
    scale: float = 0.1
    start: float = 0.4
    decoder: Decoder | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Conditions:
    """What samples are drawn under beside their text.

    Attributes
    ----------
    adapter
        Installed in the UNet of the model; None for none.
    guiding
        None for no semantic guidance.
    layout_depth
        Share of the steps that a layout is inverted over.
    """

    adapter: AuAdapter | None = field(default=None, repr=False)
    guiding: Guiding | None = None
    layout_depth: float = 0.7


@dataclass(frozen=True)
class Denoised:
    """Latents of samples.

    Attributes
    ----------
    latents
        ``(B, 4, s, s)``; not finite where a sample failed.
    state
        What semantic guidance did; None without it.
    """

    latents: Tensor = field(repr=False)
    state: GuideState | None = None


def denoised(model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, conditions: Conditions) -> Denoised:
    """Denoise samples from the noise of their seeds, or from the layouts that they name.

    Raises
    ------
    InputError
        If the scheduler of the model cannot be inverted.
    ValueError
        If some samples have a layout and others do not.
    """
    with torch.no_grad():
        context = _context(model, asked, conditions)
        empty = _empty(model, steps, conditions)
        start = _start(model, asked, steps, conditions)
    if conditions.guiding is None:
        return Denoised(denoise(model, context, empty, start.latents, steps, first_step=start.first_step))
    guidance = _guidance(model, asked, context, conditions.guiding)
    guide_from = round(conditions.guiding.start * steps.count)
    return _guided(model, context, empty, start, steps, guidance, guide_from)


def _context(model: LoadedDiffusion, asked: Sequence[Asked], conditions: Conditions) -> Context:
    text = context_of(model, [one.prompt for one in asked])
    if conditions.adapter is None:
        return text
    nothing = (0.0,) * len(AUS)
    return conditions.adapter.context(text, torch.tensor([one.aus or nothing for one in asked], device=model.device))


def _empty(model: LoadedDiffusion, steps: Steps, conditions: Conditions) -> Context:
    """Return what is steered away from: the negative prompt, without action units."""
    return _context(model, [Asked(steps.negative_prompt, 0)], conditions)


def _start(model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, conditions: Conditions) -> Layout:
    """Return where the denoising begins."""
    pictures = [one.layout for one in asked if one.layout is not None]
    if not pictures:
        return Layout(initial_noise(model, [one.seed for one in asked]), 0)
    if len(pictures) < len(asked):
        raise ValueError(f"{len(pictures)} layouts of {len(asked)} samples; one of each or none expected")
    text = context_of(model, [LAYOUT_PROMPT]).expand(len(pictures), -1, -1)
    latents = latents_of(model.parts.autoencoder, pictures).to(model.dtype)

    def plain(noisy: Tensor, time: Tensor) -> Tensor:
        found: Tensor = model.parts.unet(noisy, time, text).sample
        return found

    return invert(plain, scheduler_of(model, "ddim"), latents, steps=steps.count, depth=conditions.layout_depth)


def _guidance(model: LoadedDiffusion, asked: Sequence[Asked], context: Context, guiding: Guiding) -> SemanticGuidance:
    _, units = parted(context)

    def under(latents: Tensor, time: Tensor, text: Tensor, places: Tensor) -> Tensor:
        chosen: Context = text
        if units is not None:
            _, own = parted(rows_of(context, places))
            chosen = (text, own) if own is not None else text
        found: Tensor = model.parts.unet(latents, time, chosen).sample
        return found

    scheduler, whole = model.parts.scheduler, AutoencoderDecoder(model.parts.autoencoder)
    return SemanticGuidance(
        predict=under,
        see=Sight(guiding.guide, guiding.decoder or whole, whole),
        wanted=wanted_classes([one.expressions for one in asked], guiding.guide.classes),
        alphas_cumprod=scheduler.alphas_cumprod,
        prediction_type=str(scheduler.config.prediction_type),
        target=guiding.target,
        scale=guiding.scale,
    )


@torch.no_grad()
def _guided(
    model: LoadedDiffusion,
    context: Context,
    empty: Context,
    start: Layout,
    steps: Steps,
    guidance: SemanticGuidance,
    guide_from: int,
) -> Denoised:
    """Denoise with semantic guidance from a step on; samples whose guidance was not finite become NaN."""
    scheduler, latents = begun(model, start.latents, steps)
    empty = repeated(empty, len(latents))
    text, units = parted(context)
    state = first_state(latents, text, guidance.wanted)
    for number, time in enumerate(scheduler.timesteps[start.first_step :], start=start.first_step):
        interrupts.check()
        before = state.text
        if number >= guide_from:
            state = guidance.guide_step(state, time)
        latents = state.latents
        if state.predicted and len(state.predicted) == len(latents) and steps.guidance != 1:
            # The prediction under the text was made for the gradient.
            towards = torch.stack([state.predicted[row] for row in range(len(latents))])
            away = model.parts.unet(latents, time, empty).sample
            predicted = steered(away, towards, steps.guidance)
        else:
            # As in the paper a text that was moved counts from the next step on.
            now: Context = before if units is None else (before, units)
            predicted = predict(model, latents, time, now, empty, steps.guidance)
        stepped = scheduler.step(predicted, time, latents).prev_sample
        state = replace(state, latents=stepped, predicted={})
    final = state.latents.clone()
    for row in state.failed:
        final[row] = torch.nan
    return Denoised(final, state)
