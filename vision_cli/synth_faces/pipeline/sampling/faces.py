"""Samples of prompts and seeds: in batches that fit into memory, and once more in float32 where numbers broke."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from vision_cli.core.errors import ResourceError
from vision_cli.synth_faces.pipeline.diffusion_files import LoadedDiffusion, ready
from vision_cli.synth_faces.pipeline.sampling.loop import Steps, context_of, decoded, denoise, initial_noise
from vision_cli.synth_faces.values import Picture

NOT_FINITE = "the latents are not finite"


@dataclass(frozen=True)
class Asked:
    """What is sampled.

    Attributes
    ----------
    prompt
        What is to be seen.
    seed
        Of the noise.
    """

    prompt: str
    seed: int


@dataclass(frozen=True)
class Sampled:
    """A sample.

    Attributes
    ----------
    picture
        ``(S, S, 3)``; None where sampling failed.
    problem
        Why it failed; empty where it did not.
    is_repeated
        Whether it was computed a second time, in float32.
    """

    picture: Picture | None = field(repr=False)
    problem: str = ""
    is_repeated: bool = False


Denoised = Callable[[LoadedDiffusion, Sequence[Asked], Steps], Tensor]


def sample(
    model: LoadedDiffusion,
    asked: Sequence[Asked],
    steps: Steps,
    *,
    batch_size: int = 8,
    latents_of: Denoised | None = None,
) -> Iterator[Sampled]:
    """Yield the samples in their order; each depends on its prompt and its seed alone, up to rounding.

    Parameters
    ----------
    model
        The model.
    asked
        Prompts and seeds.
    steps
        How they are denoised.
    batch_size
        Samples at once; halved each time the memory does not suffice.
    latents_of
        Denoises a batch; `denoised` by default.

    Raises
    ------
    ResourceError
        If the memory does not suffice for one sample.
    """
    make = latents_of or denoised
    start = 0
    while start < len(asked):
        batch = asked[start : start + batch_size]
        try:
            found = _batch(model, batch, steps, make)
        except (MemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            if batch_size == 1:
                raise ResourceError(
                    "the memory does not suffice for one sample.",
                    hint="Use --precision bfloat16, a smaller model, or a machine with more memory.",
                ) from error
            batch_size = max(1, min(batch_size, len(batch)) // 2)
            continue
        yield from found
        start += len(batch)


@torch.no_grad()
def denoised(model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps) -> Tensor:
    """Return the latents of samples, ``(B, 4, s, s)``."""
    context = context_of(model, [one.prompt for one in asked])
    empty = context_of(model, [steps.negative_prompt])
    return denoise(model, context, empty, initial_noise(model, [one.seed for one in asked]), steps)


def _batch(model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, make: Denoised) -> list[Sampled]:
    latents = make(model, asked, steps)
    finite = latents.isfinite().flatten(1).all(dim=1).tolist()
    # What is not finite is decoded with the others, and replaced below.
    found = [Sampled(picture) for picture in decoded(model, latents.nan_to_num(0.0, 0.0, 0.0))]
    broken = [place for place, is_finite in enumerate(finite) if not is_finite]
    if broken:
        again = _again(model, [asked[place] for place in broken], steps, make)
        for place, one in zip(broken, again, strict=True):
            found[place] = one
    return found


def _again(model: LoadedDiffusion, asked: Sequence[Asked], steps: Steps, make: Denoised) -> list[Sampled]:
    """Return samples computed once more in float32, with the same seeds."""
    if model.dtype == torch.float32:
        return [Sampled(None, NOT_FINITE) for _ in asked]
    exact = in_float32(model)
    latents = make(exact, asked, steps)
    finite = latents.isfinite().flatten(1).all(dim=1).tolist()
    pictures = decoded(exact, latents.nan_to_num(0.0, 0.0, 0.0))
    return [
        Sampled(picture, is_repeated=True) if is_finite else Sampled(None, NOT_FINITE, is_repeated=True)
        for picture, is_finite in zip(pictures, finite, strict=True)
    ]


def in_float32(model: LoadedDiffusion) -> LoadedDiffusion:
    """Return a copy of a model in float32."""
    own = model.parts
    parts = replace(
        own,
        text_encoder=copy.deepcopy(own.text_encoder),
        autoencoder=copy.deepcopy(own.autoencoder),
        unet=copy.deepcopy(own.unet),
    )
    return ready(parts, model.side, model.sha256, device=str(model.device), dtype=torch.float32)


def _is_out_of_memory(error: BaseException) -> bool:
    is_named = isinstance(error, MemoryError | torch.OutOfMemoryError)
    return is_named or "can't allocate memory" in str(error)
